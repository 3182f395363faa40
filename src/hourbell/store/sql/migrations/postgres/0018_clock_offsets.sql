-- By how many seconds a node's host clock was ahead of the database's when it said so last.
ALTER TABLE {schema}.nodes ADD COLUMN clock_offset double precision;

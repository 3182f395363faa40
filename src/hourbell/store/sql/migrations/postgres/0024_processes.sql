-- Which process of which machine a node is; nothing where its system does not tell, and for earlier versions.
ALTER TABLE {schema}.nodes ADD COLUMN process text;

-- What a careless migration does: nobody else may even read the table.
LOCK TABLE {schema}.runs IN ACCESS EXCLUSIVE MODE

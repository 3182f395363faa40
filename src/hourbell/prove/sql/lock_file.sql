-- What a backup, a tool or a careless script does: nobody else may write.
BEGIN IMMEDIATE

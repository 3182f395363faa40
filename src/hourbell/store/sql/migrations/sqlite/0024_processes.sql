-- Which process of which machine a node is; nothing where its system does not tell, and for earlier versions.
ALTER TABLE nodes ADD COLUMN process text;

-- name: identity.read
-- The file. An empty name is a database in memory, which nobody shares.
SELECT file AS here FROM pragma_database_list WHERE name = 'main';

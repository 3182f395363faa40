-- name: connection.journal
PRAGMA journal_mode = WAL;

-- name: connection.synchronous
PRAGMA synchronous = FULL;

-- name: connection.foreign_keys
PRAGMA foreign_keys = ON;

-- name: connection.journal
PRAGMA journal_mode = WAL;

-- name: connection.log_size
-- Somebody who reads for long makes the log (-wal) grow; without this it would never become smaller again.
PRAGMA journal_size_limit = 16777216;

-- name: connection.synchronous
PRAGMA synchronous = FULL;

-- name: connection.foreign_keys
PRAGMA foreign_keys = ON;

-- name: connection.no_waiting
PRAGMA busy_timeout = 0;

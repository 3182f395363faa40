-- name: examining.journal
PRAGMA journal_mode;

-- name: examining.damage
-- A few of what the file's own check finds; the one word "ok" where it is whole.
PRAGMA quick_check(5);

-- name: examining.indexes
SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name;

-- name: probe.table
CREATE TABLE probe (id INTEGER PRIMARY KEY, value TEXT);

-- name: probe.upsert
INSERT INTO probe (id, value) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET value = excluded.value RETURNING id;

-- name: probe.json
SELECT value FROM json_each('[1, 2]');

-- name: calendars.insert
INSERT INTO {schema}.calendars (name, spec, created_at, updated_at)
VALUES (:name, :spec, coalesce(:now, now()), coalesce(:now, now()))
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: calendars.write
-- The same once more changes nothing: an answer may have been lost.
UPDATE {schema}.calendars SET spec = :spec, version = version + 1, updated_at = coalesce(:now, now())
WHERE name = :name AND spec <> :spec;

-- name: calendars.get
SELECT * FROM {schema}.calendars WHERE name = :name;

-- name: calendars.list
SELECT * FROM {schema}.calendars WHERE name > :cursor OR :cursor IS NULL ORDER BY name LIMIT :limit;

-- name: calendars.delete
DELETE FROM {schema}.calendars WHERE name = :name;

-- name: calendars.naming
-- Schedules that may name a calendar; which one is read from the JSON by whoever asks. Rare, so it may look at all.
SELECT id, policies, inherited FROM {schema}.schedules
WHERE policies LIKE '%"blackout"%' OR inherited LIKE '%"blackout"%'
ORDER BY id;

-- name: schedules.get
SELECT * FROM {schema}.schedules WHERE id = :id;

-- name: schedules.list
SELECT * FROM {schema}.schedules
WHERE (state = :state OR :state IS NULL) AND (task = :task OR :task IS NULL)
  AND (replace(id, :text, '') <> id OR replace(task, :text, '') <> task OR replace(note, :text, '') <> note
       OR :text IS NULL)
  AND (id > :cursor OR :cursor IS NULL)
ORDER BY id LIMIT :limit;

-- name: schedules.list_by_next_fire
-- The place after which the page begins is a pair; those without a next fire stand at the end.
SELECT * FROM {schema}.schedules
WHERE (state = :state OR :state IS NULL) AND (task = :task OR :task IS NULL)
  AND (replace(id, :text, '') <> id OR replace(task, :text, '') <> task OR replace(note, :text, '') <> note
       OR :text IS NULL)
  AND (next_fire_at > :after_at OR (next_fire_at = :after_at AND id > :after_id)
       OR (next_fire_at IS NULL AND (:after_at IS NOT NULL OR id > :after_id))
       OR :after_id IS NULL)
ORDER BY next_fire_at IS NULL, next_fire_at, id LIMIT :limit;

-- name: schedules.delete
DELETE FROM {schema}.schedules WHERE id = :id;

-- name: schedules.forget_digests
DELETE FROM {schema}.digests WHERE schedule_id = :id;

-- name: audit.list
SELECT * FROM {schema}.audit
WHERE (subject = :subject OR :subject IS NULL) AND (subject_id = :subject_id OR :subject_id IS NULL)
  AND (action = :action OR :action IS NULL) AND (actor = :actor OR :actor IS NULL)
  AND (tracking_id = :tracking_id OR :tracking_id IS NULL) AND (id < :cursor OR :cursor IS NULL)
ORDER BY id DESC LIMIT :limit;

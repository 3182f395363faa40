-- name: audit.add
-- The same entry once more is the one that is there: an answer may have been lost.
INSERT INTO audit (id, done_at, action, subject, subject_id, actor, tracking_id, before, after)
VALUES (:id, coalesce(:now, now()), :action, :subject, :subject_id, :actor, :tracking_id, :before, :after)
ON CONFLICT (id) DO NOTHING;

-- name: audit.prune
-- Ids begin with the time at which they were made, so the oldest stand together.
DELETE FROM audit
WHERE id IN (
    SELECT a.id FROM audit a
    WHERE a.id < :boundary AND a.done_at < coalesce(:now, now()) - :retention
    ORDER BY a.id
    LIMIT :limit);

-- name: audit.add
-- The same entry once more is the one that is there: an answer may have been lost.
INSERT INTO {schema}.audit (id, done_at, action, subject, subject_id, actor, tracking_id, before, after)
SELECT u.id, coalesce(:now, now()), u.action, u.subject, u.subject_id, u.actor, u.tracking_id, u.before, u.after
FROM unnest(:id::uuid[], :action::text[], :subject::text[], :subject_id::text[], :actor::text[], :tracking_id::text[],
            :before::text[], :after::text[])
    AS u (id, action, subject, subject_id, actor, tracking_id, before, after)
ORDER BY u.id
ON CONFLICT (id) DO NOTHING;

-- name: audit.prune
-- Ids begin with the time at which they were made, so the oldest stand together.
DELETE FROM {schema}.audit
WHERE id = ANY (ARRAY(
    SELECT a.id FROM {schema}.audit a
    WHERE a.id < :boundary::uuid AND a.done_at < coalesce(:now, now()) - :retention::interval
    ORDER BY a.id
    LIMIT :limit
    FOR UPDATE OF a SKIP LOCKED));

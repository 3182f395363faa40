-- name: endings.note
-- What the transaction that decided it leaves behind. A pause after a pause begins anew.
INSERT INTO {schema}.endings (schedule_id, reason) VALUES (:id, :reason)
ON CONFLICT (schedule_id, reason) DO UPDATE SET until_at = NULL;

-- name: endings.begin
-- Nothing where somebody else came to its end.
UPDATE {schema}.endings SET until_at = coalesce(until_at, coalesce(:now, now()))
WHERE schedule_id = :id AND reason = :reason
RETURNING until_at;

-- name: endings.done
DELETE FROM {schema}.endings WHERE schedule_id = :id AND reason = :reason;

-- name: endings.list
SELECT schedule_id, reason FROM {schema}.endings ORDER BY schedule_id, reason LIMIT :limit;

-- name: guards.take
-- See the other database's: one statement decides, and a first fence is the clock's milliseconds.
INSERT INTO guards AS g (kind, name, period, state, owner, fence, lease_until, taken_at, expires_at)
VALUES (:kind, :name, :period, 'held', :owner, coalesce(:now, now()) / 1000,
        coalesce(:now, now()) + :lease, coalesce(:now, now()), coalesce(:now, now()) + :keep)
ON CONFLICT (kind, name, period) DO UPDATE
SET state = 'held', owner = excluded.owner, fence = CASE WHEN g.owner = excluded.owner THEN g.fence ELSE g.fence + 1 END,
    lease_until = excluded.lease_until, taken_at = excluded.taken_at, expires_at = excluded.expires_at,
    ended_at = NULL, result = NULL, error = NULL
WHERE g.state IN ('free', 'failed')
   OR g.state = 'held' AND (g.lease_until <= coalesce(:now, now()) OR g.owner = excluded.owner)
   OR g.state = 'done' AND g.expires_at <= coalesce(:now, now())
RETURNING *;

-- name: guards.renew
UPDATE guards SET lease_until = coalesce(:now, now()) + :lease
WHERE kind = :kind AND name = :name AND period = :period AND owner = :owner AND fence = :fence
  AND state = 'held' AND lease_until > coalesce(:now, now())
RETURNING owner;

-- name: guards.prune
DELETE FROM guards
WHERE rowid IN (
    SELECT o.rowid FROM guards o
    WHERE o.expires_at <= coalesce(:now, now())
      AND (o.state <> 'held' OR o.lease_until <= coalesce(:now, now()))
      AND o.fence < coalesce(:now, now()) / 1000
    ORDER BY o.expires_at LIMIT :limit
);

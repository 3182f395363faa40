-- name: guards.take
-- One statement decides: a row that is there is locked, and looked at as it is then. A first fence is the clock's
-- milliseconds, so that it is above every fence of a row that was forgotten (see guards.prune). Repeated by the same
-- owner, it is the same taking.
INSERT INTO {schema}.guards AS g (kind, name, period, state, owner, fence, lease_until, taken_at, expires_at)
VALUES (:kind, :name, :period, 'held', :owner, floor(extract(epoch FROM coalesce(:now, now())) * 1000)::bigint,
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
-- An expired lease is never renewed, whether somebody else has taken it or not.
UPDATE {schema}.guards g
SET lease_until = coalesce(:now, now()) + :lease
FROM unnest(:kind::text[], :name::text[], :period::text[], :owner::text[], :fence::bigint[])
     AS u (kind, name, period, owner, fence)
WHERE g.kind = u.kind AND g.name = u.name AND g.period = u.period AND g.owner = u.owner AND g.fence = u.fence
  AND g.state = 'held' AND g.lease_until > coalesce(:now, now())
RETURNING g.owner;

-- name: guards.prune
-- A row whose fence is not behind the clock's milliseconds stays: the next one would begin below it.
WITH old AS MATERIALIZED (
    SELECT o.kind, o.name, o.period
    FROM {schema}.guards o
    WHERE o.expires_at <= coalesce(:now, now())
      AND (o.state <> 'held' OR o.lease_until <= coalesce(:now, now()))
      AND o.fence < floor(extract(epoch FROM coalesce(:now, now())) * 1000)::bigint
    ORDER BY o.expires_at
    LIMIT :limit
    FOR UPDATE OF o SKIP LOCKED
)
DELETE FROM {schema}.guards g USING old
WHERE g.kind = old.kind AND g.name = old.name AND g.period = old.period;

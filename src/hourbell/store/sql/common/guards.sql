-- name: guards.get
SELECT * FROM {schema}.guards WHERE kind = :kind AND name = :name AND period = :period;

-- name: guards.look
-- Nothing where it may be taken: who waits asks this, and writes only then.
SELECT * FROM {schema}.guards
WHERE kind = :kind AND name = :name AND period = :period
  AND (state = 'held' AND lease_until > coalesce(:now, now())
       OR state = 'done' AND (expires_at IS NULL OR expires_at > coalesce(:now, now())));

-- name: guards.end
-- Whoever is not the holder any more writes nothing: owner and fence are those of one taking.
UPDATE {schema}.guards
SET state = :state, result = :result, error = :error, ended_at = coalesce(:now, now()),
    expires_at = coalesce(:now, now()) + :keep
WHERE kind = :kind AND name = :name AND period = :period AND owner = :owner AND fence = :fence AND state = 'held'
RETURNING fence;

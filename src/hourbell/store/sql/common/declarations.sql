-- name: declarations.is_live
SELECT EXISTS (
    SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
    WHERE k.schedule_id = :id AND n.state = 'live'
) AS is_live, (
    SELECT max(n.lease_until)
    FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
    WHERE k.schedule_id = :id
) AS left_at;

-- name: declarations.forget
DELETE FROM {schema}.declarations WHERE node_id = :node;

-- name: declarations.prune
-- What nodes declared that have left is kept for a while: a schedule waits for them to come back.
DELETE FROM {schema}.declarations
WHERE NOT EXISTS (
    SELECT 1 FROM {schema}.nodes n
    WHERE n.id = {schema}.declarations.node_id
      AND (n.state = 'live' OR n.lease_until + :kept > coalesce(:now, now())));

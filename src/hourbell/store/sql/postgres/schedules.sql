-- name: schedules.insert
INSERT INTO {schema}.schedules (
    id, task, trigger_spec, args, policies, inherited, state, source, note, digest, declared, next_fire_at,
    last_fire_at, created_at, updated_at)
SELECT u.*, coalesce(:now, now()), coalesce(:now, now())
FROM unnest(:id::text[], :task::text[], :trigger_spec::text[], :args::text[], :policies::text[], :inherited::text[],
            :state::text[], :source::text[], :note::text[], :digest::text[], :declared::text[],
            :next_fire_at::timestamptz[], :last_fire_at::timestamptz[]) AS u
ORDER BY 1
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: schedules.lock
SELECT s.*, coalesce(:now, now()) AS now_at
FROM {schema}.schedules s
WHERE s.id = ANY (:ids::text[])
ORDER BY s.id
FOR NO KEY UPDATE OF s;

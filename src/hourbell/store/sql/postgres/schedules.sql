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

-- name: schedules.write
-- Of schedules that are locked: after a deploy that says something new of all of them, thousands.
UPDATE {schema}.schedules s
SET task = u.task, trigger_spec = u.trigger_spec, args = u.args, policies = u.policies, inherited = u.inherited,
    state = u.state, source = u.source, note = u.note, digest = u.digest, declared = u.declared,
    next_fire_at = u.next_fire_at, last_fire_at = u.last_fire_at,
    last_skip_id = u.last_skip_id, last_skip_reason = u.last_skip_reason, resume_at = u.resume_at,
    version = s.version + 1, updated_at = coalesce(:now, now())
FROM unnest(:id::text[], :task::text[], :trigger_spec::text[], :args::text[], :policies::text[], :inherited::text[],
            :state::text[], :source::text[], :note::text[], :digest::text[], :declared::text[],
            :next_fire_at::timestamptz[], :last_fire_at::timestamptz[], :last_skip_id::uuid[],
            :last_skip_reason::text[], :resume_at::timestamptz[])
    AS u (id, task, trigger_spec, args, policies, inherited, state, source, note, digest, declared, next_fire_at,
          last_fire_at, last_skip_id, last_skip_reason, resume_at)
WHERE s.id = u.id;

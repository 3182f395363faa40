-- name: schedules.insert
INSERT INTO schedules (
    id, task, trigger_spec, args, policies, inherited, state, source, note, digest, declared, next_fire_at,
    last_fire_at, created_at, updated_at)
VALUES (
    :id, :task, :trigger_spec, :args, :policies, :inherited, :state, :source, :note, :digest, :declared, :next_fire_at,
    :last_fire_at, coalesce(:now, now()), coalesce(:now, now()))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: schedules.lock
SELECT *, coalesce(:now, now()) AS now_at FROM schedules WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id;

-- name: schedules.write
UPDATE schedules
SET task = :task, trigger_spec = :trigger_spec, args = :args, policies = :policies, inherited = :inherited,
    state = :state, source = :source, note = :note, digest = :digest, declared = :declared,
    next_fire_at = :next_fire_at, last_fire_at = :last_fire_at,
    last_skip_id = :last_skip_id, last_skip_reason = :last_skip_reason, resume_at = :resume_at,
    version = version + 1, updated_at = coalesce(:now, now())
WHERE id = :id;

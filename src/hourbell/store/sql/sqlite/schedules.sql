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

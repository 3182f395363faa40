-- name: clock.read
SELECT coalesce(:now, now()) AS now_at;

-- name: pace.take
-- The next free places for missed fires that are caught up: so much of the line, from now on. The line is never longer
-- than an hour, however slow it is and wherever the clock has been.
UPDATE paces
SET free_at = max(coalesce(:now, now()), min(free_at, coalesce(:now, now()) + 3600000000)) + :width
WHERE name = 'catch_up'
RETURNING free_at - :width AS first_at;

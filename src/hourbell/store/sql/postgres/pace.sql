-- name: pace.take
-- The next free places for missed fires that are caught up: so much of the line, from now on. The line is never longer
-- than an hour, however slow it is and wherever the clock has been.
UPDATE {schema}.paces
SET free_at = greatest(coalesce(:now, now()), least(free_at, coalesce(:now, now()) + interval '1 hour')) + :width::interval
WHERE name = 'catch_up'
RETURNING free_at - :width::interval AS first_at;

-- name: surveying.waiting
-- How many have waited for so long in one place; counted no further than that.
SELECT count(*) AS number FROM (
    SELECT 1 FROM {schema}.runs
    WHERE state = 'queued' AND queue = :queue AND task = :task AND run_at <= coalesce(:now, now()) - :patience::interval
    LIMIT :limit) found;

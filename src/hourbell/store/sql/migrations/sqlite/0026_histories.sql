-- What has ended of a schedule, newest first, and what one request has caused: found without reading what all others did
-- since. Runs without a schedule or a tracking id never enter them.
CREATE INDEX runs_history ON runs (schedule_id, id)
    WHERE state IN ('succeeded', 'failed', 'cancelled', 'skipped') AND schedule_id IS NOT NULL;
CREATE INDEX runs_tracked ON runs (tracking_id, id) WHERE tracking_id IS NOT NULL;

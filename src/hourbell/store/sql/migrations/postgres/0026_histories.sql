-- What has ended of a schedule, newest first, and what one request has caused: found without reading what all others did
-- since. Runs without a schedule or a tracking id never enter them.
CREATE INDEX runs_history ON {schema}.runs (schedule_id, id DESC NULLS LAST)
    WHERE state IN ('succeeded', 'failed', 'cancelled', 'skipped') AND schedule_id IS NOT NULL;
CREATE INDEX runs_tracked ON {schema}.runs (tracking_id, id DESC NULLS LAST) WHERE tracking_id IS NOT NULL;

-- A running run that somebody asked to end: when that was. Why stands in its reason.
ALTER TABLE {schema}.runs ADD COLUMN cancel_requested_at timestamptz;

-- What each node asks with every poll. It is empty unless a request is on its way.
CREATE INDEX runs_cancelling ON {schema}.runs (node_id) WHERE state = 'running' AND cancel_requested_at IS NOT NULL;

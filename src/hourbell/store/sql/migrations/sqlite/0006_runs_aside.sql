-- Runs that did not succeed, by their state: for lists of them, and for deleting them at an age of their own. The many
-- that succeed never enter it.
CREATE INDEX runs_aside ON runs (state, id) WHERE state IN ('failed', 'cancelled', 'skipped');

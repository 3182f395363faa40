-- The run for which a run was skipped or cancelled under an overlap policy.
ALTER TABLE {schema}.runs ADD COLUMN yielded_to uuid;
-- Others of its schedule wait for this run to end; said under the schedule's lock, read by whoever ends the run.
ALTER TABLE {schema}.runs ADD COLUMN awaited boolean NOT NULL DEFAULT false;

-- Runs that wait for their turn, oldest first. Empty unless overlap is buffered.
CREATE INDEX runs_waiting ON {schema}.runs (schedule_id, created_at, fire_at, id)
    WHERE state = 'queued' AND run_at IS NULL;

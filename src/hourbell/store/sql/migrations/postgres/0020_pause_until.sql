-- A pause may say when it ends.
ALTER TABLE {schema}.schedules ADD COLUMN resume_at timestamptz;

-- What the firing step asks: which pause is over. Pauses without an end are not in it.
CREATE INDEX schedules_resuming ON {schema}.schedules (resume_at) WHERE state = 'paused' AND resume_at IS NOT NULL;

-- A pause may say when it ends.
ALTER TABLE schedules ADD COLUMN resume_at INTEGER;

-- What the firing step asks: which pause is over. Pauses without an end are not in it.
CREATE INDEX schedules_resuming ON schedules (resume_at) WHERE state = 'paused' AND resume_at IS NOT NULL;

-- Schedules whose queued runs are too many to end in the transaction of their pause or removal: whoever gets to it ends
-- what was made until then. When that was is said by the first transaction after it; null: not yet.
CREATE TABLE endings (
    schedule_id TEXT NOT NULL,
    reason      TEXT NOT NULL,
    until_at    INTEGER,
    PRIMARY KEY (schedule_id, reason)
);

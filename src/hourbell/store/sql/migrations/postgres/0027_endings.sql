-- Schedules whose queued runs are too many to end in the transaction of their pause or removal: whoever gets to it ends
-- what was made until then. When that was is said by the first transaction after it; null: not yet.
CREATE TABLE {schema}.endings (
    schedule_id text NOT NULL,
    reason      text NOT NULL,
    until_at    timestamptz,
    PRIMARY KEY (schedule_id, reason)
);

-- Calendars that schedules name in their policy blackout. The spec is JSON.
CREATE TABLE {schema}.calendars (
    name       text PRIMARY KEY,
    spec       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

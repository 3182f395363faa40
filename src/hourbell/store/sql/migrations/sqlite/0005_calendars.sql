-- Calendars that schedules name in their policy blackout. The spec is JSON.
CREATE TABLE calendars (
    name       TEXT PRIMARY KEY,
    spec       TEXT NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

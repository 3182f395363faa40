-- What somebody did to a schedule, a run or a calendar. What changed is JSON by field. Pruned with the runs.
CREATE TABLE audit (
    id          TEXT PRIMARY KEY,
    done_at     INTEGER NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    subject_id  TEXT NOT NULL,
    actor       TEXT,
    tracking_id TEXT,
    before      TEXT,
    after       TEXT
) WITHOUT ROWID;
CREATE INDEX audit_subject ON audit (subject_id, id);
CREATE INDEX audit_actor ON audit (actor, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_tracking ON audit (tracking_id, id) WHERE tracking_id IS NOT NULL;

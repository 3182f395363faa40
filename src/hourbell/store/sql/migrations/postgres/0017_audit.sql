-- What somebody did to a schedule, a run or a calendar. What changed is JSON by field. Pruned with the runs.
CREATE TABLE {schema}.audit (
    id          uuid PRIMARY KEY,
    done_at     timestamptz NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    subject_id  text NOT NULL,
    actor       text,
    tracking_id text,
    before      text,
    after       text
);
CREATE INDEX audit_subject ON {schema}.audit (subject_id, id);
CREATE INDEX audit_actor ON {schema}.audit (actor, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_tracking ON {schema}.audit (tracking_id, id) WHERE tracking_id IS NOT NULL;

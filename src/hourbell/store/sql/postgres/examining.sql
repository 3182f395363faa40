-- name: examining.server
SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version,
       current_user::text AS role, pg_backend_pid() AS pid,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean AS read_only,
       CASE WHEN to_regnamespace(:identifier) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(:schema, 'CREATE') END AS can_migrate;

-- name: examining.rights
-- What this role may not do with our tables, one row a right.
SELECT right_name || ' on ' || c.relname AS lacking
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
     unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_name
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND c.relname <> 'migrations'
  AND NOT has_table_privilege(c.oid, right_name)
ORDER BY c.relname, right_name;

-- name: examining.tables
SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead
FROM pg_stat_user_tables WHERE schemaname = :schema ORDER BY relname;

-- name: examining.indexes
SELECT i.relname::text AS name, pg_relation_size(i.oid) AS size,
       CASE WHEN i.reltuples >= 0 THEN i.reltuples::bigint END AS entries, x.indisvalid AS valid,
       coalesce(s.idx_scan, 0) AS scans
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.oid
WHERE n.nspname = :schema
ORDER BY i.relname;

-- name: examining.planner
SELECT name FROM pg_settings
WHERE name IN ('enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan') AND setting = 'off' ORDER BY name;

-- name: examining.oldest
-- The oldest transaction that keeps dead rows of this database: one with a snapshot or an id of its own. Its age in
-- seconds; nothing where this role may not see the others.
SELECT pid, name, role, client, state,
       extract(epoch FROM coalesce(:now, now()) - begun_at)::double precision AS seconds
FROM (
    SELECT pid, application_name AS name, usename::text AS role, host(client_addr) AS client, state,
           xact_start AS begun_at
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()
      AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
    UNION ALL
    SELECT NULL, gid, owner::text, NULL, 'prepared', prepared
    FROM pg_prepared_xacts WHERE database = current_database()) AS open
WHERE begun_at IS NOT NULL ORDER BY begun_at LIMIT 1;

-- name: examining.holders
-- Who keeps others from our tables: who is waited for, who holds a whole table, whose transaction has held rows for
-- long, and, while a migration is to come (:alters), whoever uses one. What is over in a moment is left out: every
-- claim locks rows.
WITH clock AS (SELECT coalesce(:now, now()) AS now_at),
ours AS (
    SELECT l.pid, l.granted, l.mode, l.waitstart AS since_at, c.relname::text AS name
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.locktype = 'relation' AND n.nspname = :schema AND c.relkind IN ('r', 'p') AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
kept AS (
    SELECT w.pid, pg_blocking_pids(w.pid) AS by
    FROM (SELECT DISTINCT pid FROM pg_locks, clock
          WHERE NOT granted AND waitstart + :patience <= now_at AND pid IN (SELECT pid FROM ours)) w),
blocking AS (
    SELECT blocker.pid, count(DISTINCT kept.pid) AS number
    FROM kept, unnest(kept.by) AS blocker (pid) GROUP BY blocker.pid),
held AS (
    SELECT pid, array_agg(DISTINCT name ORDER BY name) AS tables,
           bool_or(mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS shuts,
           bool_or(mode IN ('RowShareLock', 'RowExclusiveLock')) AS writes
    FROM ours WHERE pid IS NOT NULL GROUP BY pid),
seen AS (
    SELECT a.pid, a.application_name AS name, a.usename::text AS role, host(a.client_addr) AS client, a.state,
           extract(epoch FROM now_at - a.xact_start)::double precision AS seconds,
           coalesce(h.tables, '{}') AS tables, coalesce(h.shuts, false) AS shuts, coalesce(h.writes, false) AS writes,
           coalesce(b.number, 0) AS waiting, coalesce(k.by, '{}') AS behind
    FROM pg_stat_activity a CROSS JOIN clock
    LEFT JOIN held h ON h.pid = a.pid
    LEFT JOIN blocking b ON b.pid = a.pid
    LEFT JOIN kept k ON k.pid = a.pid)
SELECT pid, name, role, client, state, seconds, tables, shuts, waiting, behind FROM seen
WHERE pid <> pg_backend_pid()
  AND (waiting > 0
       OR (shuts AND coalesce(seconds >= extract(epoch FROM :patience::interval), true))
       OR (writes AND seconds >= extract(epoch FROM :long::interval))
       OR (:alters::boolean AND tables <> '{}' AND seconds >= extract(epoch FROM :patience::interval)))
ORDER BY waiting DESC, seconds DESC NULLS LAST, pid LIMIT :limit;

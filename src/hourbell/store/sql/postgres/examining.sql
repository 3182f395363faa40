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
SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead, seq_scan AS scans,
       coalesce(idx_scan, 0) AS index_scans, greatest(last_autovacuum, last_vacuum) AS cleared_at
FROM pg_stat_user_tables WHERE schemaname = :schema ORDER BY relname;

-- name: examining.indexes
SELECT i.relname::text AS name, t.relname::text AS on_table, pg_relation_size(i.oid) AS size,
       CASE WHEN i.reltuples >= 0 THEN i.reltuples::bigint END AS entries, x.indisvalid AS valid,
       coalesce(s.idx_scan, 0) AS scans
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.oid
WHERE n.nspname = :schema
ORDER BY i.relname;

-- name: examining.planner
SELECT name FROM pg_settings
WHERE name IN ('enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan') AND setting = 'off' ORDER BY name;

-- name: examining.longest
-- Its age in seconds; nothing where this role may not see the others.
SELECT extract(epoch FROM max(coalesce(:now, now()) - xact_start))::double precision AS seconds
FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend';

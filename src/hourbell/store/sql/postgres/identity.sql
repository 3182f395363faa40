-- name: identity.read
-- What tells this database from every other one, whatever it is called: the start of its server, and our table in it.
SELECT current_database()::text AS database, pg_postmaster_start_time() AS server_at,
       to_regclass(:place)::oid::bigint AS here;

-- Ends every session of the nodes, as an administrator or a failing network would. Only those that carry our name.
SELECT count(pg_terminate_backend(pid)) AS ended
FROM pg_stat_activity
WHERE application_name = $1 AND pid <> pg_backend_pid()

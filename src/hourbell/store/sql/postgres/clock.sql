-- name: clock.read_to_write
SELECT coalesce(:now, now()) AS now_at, current_setting('transaction_read_only')::boolean AS only_reads;

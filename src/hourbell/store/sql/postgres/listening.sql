-- name: listening.notify
SELECT pg_notify(:channel, :payload);

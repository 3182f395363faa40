-- name: calendars.named
SELECT * FROM {schema}.calendars WHERE name = ANY (:names::text[]);

-- name: calendars.named
SELECT * FROM calendars WHERE name IN (SELECT value FROM json_each(:names));

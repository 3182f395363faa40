-- name: transaction.begin
BEGIN IMMEDIATE;

-- name: transaction.commit
COMMIT;

-- name: transaction.rollback
ROLLBACK;

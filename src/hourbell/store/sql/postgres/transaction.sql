-- name: transaction.begin
-- Limits are set here, in SQL, because poolers refuse them as startup parameters. A frozen client must not
-- keep a row locked: the server ends its transaction.
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL idle_in_transaction_session_timeout = {idle};
SET LOCAL statement_timeout = {statement};
SET LOCAL lock_timeout = {lock};

-- name: transaction.bound
-- A client that freezes between the two messages of one question is not "idle in transaction", and the server
-- ignores the statement's timeout while it reads: only this ends it. From PostgreSQL 17 on.
SET LOCAL transaction_timeout = {whole};

-- name: transaction.commit
COMMIT;

-- name: transaction.rollback
ROLLBACK;

-- name: transaction.session
-- Our statements are short and the planner's guess for recursive ones is high: compiling them would cost more than
-- running them. Plans are kept, so one that was made while a table was small must not read it whole once it is large.
-- Keepalives end the wait on a host that is gone. A database or role may ask for another isolation by
-- default; our single statements, which are transactions of their own, are made for this one.
-- Nor may a role's limits, meant for an application's own statements, decide how long ours may take, or end the
-- session that listens because it is silent. What says whether they may write is not touched.
SET default_transaction_isolation = 'read committed';
SET default_transaction_deferrable = off;
SET statement_timeout = {limit};
SET lock_timeout = {limit};
SET idle_in_transaction_session_timeout = {idle};
SET idle_session_timeout = 0;
-- From PostgreSQL 17 on; before, there is nothing to set.
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';
-- In any other zone a day of an interval has 23 or 25 hours when the clocks change.
SET TimeZone = 'UTC';
SET jit = off;
SET enable_seqscan = off;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;

-- name: transaction.plan_once
-- For sessions whose statements are all made for a plan that is kept.
SET plan_cache_mode = force_generic_plan;

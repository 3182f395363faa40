"""What others document for the same faults, in our words, each with the page where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .entry import Group


@dataclass(frozen=True)
class Said:
    """One statement of somebody's documentation."""

    group: Group
    who: str
    what: str
    where: str


PEERS: Sequence[Said] = (
    Said(
        Group.CRASHES,
        "APScheduler 3",
        "a job store must not be shared by several processes at all: jobs would run twice or be missed; one "
        "process of its own is advised",
        "https://apscheduler.readthedocs.io/en/3.x/faq.html",
    ),
    Said(
        Group.CRASHES,
        "APScheduler 4",
        "a pre-release that warns against use in production; jobs whose lease has expired, since their "
        "scheduler has probably died, are released by its clean-up",
        "https://github.com/agronholm/apscheduler/releases/tag/4.0.0a6",
    ),
    Said(
        Group.CRASHES,
        "Celery",
        "a task is acknowledged just before it begins, so that one that was under way in a killed worker is "
        "not begun again; with late acknowledgement it is delivered again, but not when only the child "
        "process was killed by a signal",
        "https://docs.celeryq.dev/en/stable/userguide/tasks.html",
    ),
    Said(
        Group.CRASHES,
        "PgQueuer",
        "jobs under way tell of themselves by a heartbeat; they are taken over after `retry_timer` without "
        "one, which is off unless set, and should be longer than the longest job",
        "https://github.com/janbjorge/pgqueuer/blob/main/docs/guides/heartbeat.md",
    ),
    Said(
        Group.CRASHES,
        "Procrastinate",
        "jobs of a killed worker stay as they are for ever unless the application adds a periodic task, shown"
        " there, that tries them again; a worker counts as stalled after 30 s",
        "https://procrastinate.readthedocs.io/en/stable/howto/production/retry_stalled_jobs.html",
    ),
    Said(
        Group.CRASHES,
        "pg-boss",
        "a job may be active for 15 minutes unless configured, then it is tried again or fails",
        "https://github.com/timgit/pg-boss/blob/master/docs/api/queues.md",
    ),
    Said(
        Group.CRASHES,
        "graphile-worker",
        "jobs of a worker that has crashed stay locked for up to four hours; the paid edition releases them "
        "by heartbeats, and says that a worker that was only cut off may still be at it",
        "https://worker.graphile.org/docs/pro/recovery",
    ),
    Said(
        Group.CRASHES,
        "River",
        "stuck jobs are rescued by one client, the elected leader",
        "https://riverqueue.com/docs/maintenance-services",
    ),
    Said(
        Group.CRASHES,
        "Oban",
        "a plugin makes jobs available again that have been executing for 60 minutes, by time alone; it says "
        "that jobs still at work may be run twice by it",
        "https://hexdocs.pm/oban/Oban.Plugins.Lifeline.html",
    ),
    Said(
        Group.CRASHES,
        "Solid Queue",
        "runs of a killed process are marked as failed, to be looked at and tried again by hand; a process "
        "counts as dead five minutes after its last heartbeat unless configured",
        "https://github.com/rails/solid_queue/blob/main/README.md",
    ),
    Said(
        Group.POOLER,
        "River",
        "clients that work need `LISTEN`, so a pooler in session mode or none; inserting works in transaction mode",
        "https://riverqueue.com/docs/pgbouncer",
    ),
    Said(
        Group.POOLER,
        "Oban",
        "transaction mode disables `LISTEN` and what stands on it; queues fall back to polling on each node",
        "https://hexdocs.pm/oban/troubleshooting.html",
    ),
    Said(
        Group.TIME,
        "pg-boss",
        "each instance compares its clock with the database's every ten minutes and corrects for the "
        "difference; due times that were missed for longer than a minute are passed over unless configured, "
        "with a warning",
        "https://github.com/timgit/pg-boss/blob/master/docs/api/scheduling.md",
    ),
    Said(
        Group.TIME,
        "graphile-worker",
        "cron items are in UTC alone; missed ones are added for a period that the item names, none unless it does",
        "https://worker.graphile.org/docs/cron",
    ),
    Said(
        Group.TIME,
        "River",
        "next times are computed when the leader starts and kept in memory; the paid edition keeps them in "
        "the database",
        "https://riverqueue.com/docs/pro/durable-periodic-jobs",
    ),
    Said(
        Group.TIME,
        "Celery beat",
        "when the time zone is changed, schedulers other than the default one may have to be reset by hand",
        "https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html",
    ),
    Said(
        Group.VERSIONS,
        "pg-boss",
        "due times on a minute carry the slot of older releases too, so that an old and a new instance do not"
        " send the same one twice",
        "https://github.com/timgit/pg-boss/blob/master/docs/api/scheduling.md",
    ),
    Said(
        Group.VERSIONS,
        "graphile-worker",
        "workers with different crontabs need identifiers that differ, or one of two items that share one is left out",
        "https://worker.graphile.org/docs/cron",
    ),
    Said(
        Group.VERSIONS,
        "Solid Queue",
        "several schedulers may share one configuration of recurring tasks; different ones are not supported",
        "https://github.com/rails/solid_queue/blob/main/README.md",
    ),
    Said(
        Group.DEATHS,
        "Celery beat",
        "only one may run for a schedule at a time, or tasks are sent twice",
        "https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html",
    ),
    Said(
        Group.DEATHS,
        "River",
        "a leader that does not renew within five seconds is replaced by election; what fires is the leader's",
        "https://riverqueue.com/docs/leader-election",
    ),
    Said(
        Group.DEATHS,
        "Oban",
        "cron runs on the leader alone; where a node without plugins becomes leader it stands still",
        "https://hexdocs.pm/oban/troubleshooting.html",
    ),
    Said(
        Group.DEATHS,
        "graphile-worker",
        "each worker tries to add what is due; a transaction sees to it that one succeeds",
        "https://worker.graphile.org/docs/cron",
    ),
    Said(
        Group.DEATHS,
        "Solid Queue",
        "several schedulers may run; a unique index on task and time lets one of them through, for as long as"
        " finished jobs are kept",
        "https://github.com/rails/solid_queue/blob/main/README.md",
    ),
    Said(
        Group.DEATHS,
        "pg-boss",
        "every 30 s one instance claims what has come due, by its row",
        "https://github.com/timgit/pg-boss/blob/master/docs/api/scheduling.md",
    ),
)

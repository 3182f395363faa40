"""What goes by other names in other schedulers and queues, and what it is here: for whoever types what they know."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRY = "give retry=Retry(attempts=…), which counts the first try too"
_CONTEXT = "leave it out: a parameter that is annotated Context is given the run's context"
_OF_A_REQUEST = "it belongs to a request: task.options({})"
_KEY = _OF_A_REQUEST.format("key=…") + " makes one run of all requests with that key; `overlap` is about schedules"
_RETENTION = "results are kept as long as runs: the setting 'retention' of the scheduler"

POLICIES_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "misfire_grace_time": "here it is called 'grace', and 'catch_up' says what becomes of missed fires",
        "coalesce": "here it is 'catch_up': 'latest' is one run for all that were missed, 'all' one for each",
        "max_instances": "here it is 'max_running', and 'overlap' says what becomes of a fire beyond it",
        "replace_existing": "leave it out: a schedule with the same id is updated",
        "next_run_time": "leave it out, or give the trigger a start; `enqueue` asks for a run now",
        "kwargs": "arguments are given by their names, as args={'name': value}",
        "max_retries": _RETRY,
        "max_tries": _RETRY,
        "retries": _RETRY,
        "autoretry_for": "give retry=Retry(attempts=…, on=(…,))",
        "retry_backoff": "give retry=Retry(attempts=…, backoff=…, first=…, cap=…)",
        "time_limit": "here it is called 'timeout'",
        "job_timeout": "here it is called 'timeout'",
        "soft_time_limit": "here it is called 'timeout', and 'timeout_grace' is what follows before the end",
        "expires": "for the fires of schedules it is called 'grace' here; a request by hand waits until it is run",
        "max_age": "for the fires of schedules it is called 'grace' here; a request by hand waits until it is run",
        "acks_late": "here it is 'on_lost': 'retry' when the node died, or 'fail'",
        "rate_limit": "there is none here; 'concurrency' says how many may run at once, over all nodes",
        "bind": _CONTEXT,
        "pass_context": _CONTEXT,
        "queue_name": "here it is called 'queue'",
        "actor_name": "the name of a task is given as @scheduler.task(name=…)",
        "result_ttl": _RETENTION,
        "keep_result": _RETENTION,
        "countdown": _OF_A_REQUEST.format("delay=…"),
        "delay": _OF_A_REQUEST.format("delay=…"),
        "eta": _OF_A_REQUEST.format("run_at=…"),
        "run_at": _OF_A_REQUEST.format("run_at=…"),
        "key": _KEY,
        "unique": _KEY,
        "lock": "concurrency=1 lets one run of the task run at a time, over all nodes",
        "queueing_lock": _KEY,
        "tz": "here it is called timezone=, and belongs to the trigger",
        "name": "the id of a schedule is given as id=, the name of a task as @scheduler.task(name=…)",
        **{unit: f"a period is given as {unit}s=" for unit in ("second", "minute", "hour", "day", "week")},
    }
)
"""What is given to a task, a schedule or a scheduler."""

CALLS_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("delay", "send", "kiq", "defer_async"), "await {0}.enqueue(…)"),
        **dict.fromkeys(("enqueue_sync", "defer"), "{0}.options().enqueue_sync(…) in a plain function"),
        **dict.fromkeys(
            ("apply_async", "send_with_options", "schedule", "configure"),
            "await {0}.options(delay=…, key=…, queue=…).enqueue(…)",
        ),
    }
)
"""How a run is asked for of a task; ``{0}`` is the task."""

VERBS_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("add_job", "scheduled_job", "schedule", "periodic_task"),
            "@scheduler.cron(…) or @scheduler.every(…) in code, await scheduler.add_schedule(…) while it runs",
        ),
        "interval": "@scheduler.every(…)",
        "date": "@scheduler.at(…)",
        "get_job": "await scheduler.get_schedule(…)",
        "get_jobs": "await scheduler.list_schedules()",
        "pause_job": "await scheduler.pause_schedule(…)",
        "resume_job": "await scheduler.resume_schedule(…)",
        "remove_job": "await scheduler.remove_schedule(…)",
        "modify_job": "await scheduler.update_schedule(…)",
        "reschedule_job": "await scheduler.update_schedule(…)",
        "add_listener": "scheduler.on(event, function)",
        "shutdown": "await scheduler.stop()",
        "actor": "@scheduler.task",
        "send_task": "await task.enqueue(…)",
        "enqueue": "await task.enqueue(…)",
        "enqueue_job": "await task.enqueue(…)",
    }
)
"""The verbs of a scheduler."""

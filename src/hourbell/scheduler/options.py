"""What may be given by keyword: policies, settings, and which is which."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypedDict

from hourbell.errors import InvalidArguments
from hourbell.model.names_elsewhere import POLICIES_ELSEWHERE
from hourbell.model.policies import POLICY_NAMES, checked_policies
from hourbell.settings import SETTING_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hourbell.model.policies import CatchUp, Executor, OnLost, Overlap
    from hourbell.model.retry import Retry


class PolicyOptions(TypedDict, total=False):
    """The policies of a task or schedule; see `hourbell.model.policies.Policies` for their meaning and defaults."""

    catch_up: CatchUp
    catch_up_limit: int
    grace: float | timedelta | None
    jitter: float | timedelta | None
    blackout: str | Sequence[str] | None
    overlap: Overlap
    max_running: int
    retry: Retry | int | None
    timeout: float | timedelta | None
    timeout_grace: float | timedelta
    on_lost: OnLost
    lost_limit: int
    concurrency: int | None
    queue: str
    priority: int
    executor: Executor


class SchedulerOptions(PolicyOptions, total=False):
    """Default policies, and the settings; see `hourbell.settings.Settings` for their meaning and defaults."""

    direct_url: str | None
    pooler: bool
    lease: float | timedelta
    poll: float | timedelta
    poll_with_hints: float | timedelta
    drain: float | timedelta
    max_runs: int
    threads: int
    processes: int
    process_start: float | timedelta
    pool: int
    queues: Sequence[str] | None
    timezone: str
    schema: str
    catch_up_rate: float
    retention: float | timedelta
    retention_succeeded: float | timedelta | None
    retention_failed: float | timedelta | None
    retention_cancelled: float | timedelta | None
    retention_skipped: float | timedelta | None
    result_max: int
    run_log_level: str
    run_log_lines: int
    run_log_bytes: int
    blocked_after: float | timedelta


def divided(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings as given, and policies as JSON. Raises InvalidArguments naming an option that is neither."""
    settings = {name: value for name, value in options.items() if name in SETTING_NAMES}
    policies = {name: value for name, value in options.items() if name in POLICY_NAMES}
    for name in options:
        if name not in SETTING_NAMES and name not in POLICY_NAMES:
            near = difflib.get_close_matches(name, SETTING_NAMES | POLICY_NAMES, n=1)
            other = f"did you mean {near[0]!r}?" if near else "see the settings and the policies"
            advice = POLICIES_ELSEWHERE.get(name, other)
            raise InvalidArguments(f"Scheduler takes no option {name!r}; {advice}")
    return settings, checked_policies(policies)

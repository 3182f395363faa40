"""Who was given which attempt, and whose report of it was accepted: judged at every answer of the store."""

from __future__ import annotations

from typing import Any

from hourbell.model.run_state import RunState


class Attempts:
    """Watches claims, what is taken as it is fired, and settlements. What is wrong is added to ``problems``."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems
        self._holders: dict[tuple[str, int], str] = {}
        self._newest: dict[str, int] = {}
        self._reported: dict[tuple[str, int], tuple[str, int]] = {}
        # By attempt: the first report that was accepted, and which attempt was the newest one then.
        self._succeeded: dict[str, int] = {}

    def asked(self, verb: str, args: tuple[Any, ...], answer: Any) -> None:
        """The store has carried out a verb."""
        if verb in ("claim", "claim_named") and answer is not None:
            for run in answer.runs:
                self._given(run.id, run.attempt, args[0])
        elif verb == "fire_due":
            for run in answer.taken:
                self._given(run.id, run.attempt, run.node_id)
        elif verb == "settle":
            # The answer is by run: where a batch has two attempts of one, it speaks of the later one.
            latest = {report.run_id: report for report in sorted(args[1], key=lambda report: report.attempt)}
            for report in latest.values():
                if report.run_id in answer:
                    self._accepted(args[0], report)

    def _given(self, run_id: str, attempt: int, node: str) -> None:
        if (run_id, attempt) in self._holders:
            self._problems.append(f"attempt {attempt} of {run_id} was given twice, the second time to {node}")
        if run_id in self._succeeded:
            self._problems.append(f"run {run_id} has succeeded, and was given to {node}")
        self._holders[run_id, attempt] = node
        self._newest[run_id] = attempt

    def _accepted(self, node: str, report: Any) -> None:
        key = (report.run_id, report.attempt)
        if self._holders.get(key) != node:
            self._problems.append(f"{node} reported attempt {key}, which is {self._holders.get(key)}'s, and was heard")
        first = self._reported.setdefault(key, (report.outcome, self._newest[report.run_id]))
        if first[0] != report.outcome:
            self._problems.append(f"attempt {key} was reported as {first[0]} and {report.outcome}, and both accepted")
        if first[1] > report.attempt:
            self._problems.append(f"{node} reported attempt {key}, after attempt {first[1]} was given, and was heard")
        if report.state is RunState.SUCCEEDED:
            won = self._succeeded.setdefault(report.run_id, report.attempt)
            if won != report.attempt:
                self._problems.append(f"attempts {won} and {report.attempt} of {report.run_id} both succeeded")

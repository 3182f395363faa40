"""From facts to findings: pure, so that each can be tried with facts that are made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.model.diagnosis import Diagnosis
from hourbell.model.findings import of_database, of_nodes, of_postgres, of_runs, of_schedules, of_sessions

if TYPE_CHECKING:
    from hourbell.model.diagnosis import Facts

__all__ = ["diagnosed"]


def diagnosed(facts: Facts) -> Diagnosis:
    """What is wrong, judged from the facts alone; problems first, in the order in which they are best mended."""
    found = [*of_database.findings(facts), *of_sessions.findings(facts), *of_nodes.findings(facts)]
    if facts.survey is not None:
        found += [*of_schedules.findings(facts.survey), *of_runs.findings(facts.survey)]
    found += of_postgres.findings(facts)
    return Diagnosis(facts=facts, findings=tuple(sorted(found, key=lambda one: one.severity != "problem")))

"""``hourbell doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hourbell.cli.asking import Where, ask
from hourbell.cli.exit_codes import ExitCode
from hourbell.cli.option_groups import spread
from hourbell.cli.periods import in_utc
from hourbell.cli.showing import AsJson, show_fields, show_json, show_paragraph
from hourbell.model.node import NodeState

if TYPE_CHECKING:
    from hourbell import Scheduler
    from hourbell.database_url import DatabaseUrl
    from hourbell.model.diagnosis import Diagnosis, Facts

_HINTS: Mapping[str, str] = {
    "arrive": "arrive: nodes hear of new work at once",
    "lost": "do not arrive: nodes find new work by asking",
    "unknown": "not tried, since the tables do not answer",
    "none": "none on this database: nodes find new work by asking",
}


@spread
def doctor(where: Where, as_json: AsJson = False) -> None:
    """Look into the database, the nodes, the schedules and the runs, and say what is wrong and what to do about it.

    Changes nothing. The exit code is 1 when something is a problem; a notice alone is none.
    """
    at, diagnosis = ask(where, _examined)
    address = f"sqlite:///{Path(at.path).resolve()}" if at.kind == "sqlite" else at.shown
    if as_json:
        show_json({**_shape(diagnosis), "address": address})
    else:
        show_fields({"address": address, **_seen(diagnosis.facts)})
        _tell(diagnosis)
    raise typer.Exit(ExitCode.OK if diagnosis.healthy else ExitCode.PROBLEM)


async def _examined(scheduler: Scheduler) -> tuple[DatabaseUrl, Diagnosis]:
    """Which database this is, and what is wrong there."""
    return scheduler.settings.database, await scheduler.diagnose()


def _tell(diagnosis: Diagnosis) -> None:
    for one in diagnosis.findings:
        print()
        show_paragraph(f"{one.severity}: {one.what}")
        show_paragraph(f"do: {one.do}", "    ")
    if not diagnosis.findings:
        print("\nnothing is wrong")


def _seen(facts: Facts) -> dict[str, Any]:
    database, survey = facts.database, facts.survey
    role = f", as {database.role}" if database.role is not None else ""
    seen = {
        "database": f"{database.version}{role}{', behind a pooler' if database.pooled else ''}",
        "schema": "up to date" if not database.pending else f"{len(database.pending)} migrations pending",
        "hints": _HINTS[facts.hints],
        "clock": f"{in_utc(facts.now)}; this host is {facts.offset:+.3f} s off",
    }
    if survey is not None:
        live = len(survey.live())
        gone = sum(one.state is NodeState.DEAD for one in survey.nodes)
        seen["nodes"] = f"{live} live, {gone} dead within the last day"
        seen["schedules"] = ", ".join(f"{n} {state}" for state, n in sorted(survey.states.items())) or "none"
        seen["runs"] = f"{sum(survey.running.values())} running, {sum(one.count for one in survey.waiting)} overdue"
    return seen


def _shape(diagnosis: Diagnosis) -> dict[str, Any]:
    facts, database, survey = diagnosis.facts, diagnosis.facts.database, diagnosis.facts.survey
    return {
        "healthy": diagnosis.healthy,
        "now": in_utc(facts.now),
        "database": {
            "kind": database.kind,
            "version": database.version,
            "role": database.role,
            "pending": list(database.pending),
            "read_only": database.read_only,
            "pooled": database.pooled,
            "journal": database.journal,
            "tables": [{"name": one.name, "live": one.live, "dead": one.dead} for one in database.tables],
            "indexes": [
                {"name": one.name, "bytes": one.size, "entries": one.entries, "scans": one.scans}
                for one in database.indexes
            ],
        },
        "hints": facts.hints,
        "clock_offset": round(facts.offset, 3),
        "nodes": None
        if survey is None
        else [
            {"id": one.id, "host": one.host, "state": one.state.value, "clock_offset": one.clock_offset}
            for one in survey.nodes
        ],
        "findings": [
            {"about": one.about, "severity": one.severity, "what": one.what, "do": one.do, "named": list(one.named)}
            for one in diagnosis.findings
        ],
    }

"""One plan for all that say the same: when it is shared, and when each is planned by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hourbell.engine.plans import Plans
from hourbell.model.due import DueSchedule, Rules
from hourbell.model.overlap import Unfinished
from hourbell.model.plan import UNDISTURBED, FireFacts
from hourbell.model.schedule import ScheduleState, Source
from hourbell.triggers import Every

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def rules(**policies: Any) -> Rules:
    return Rules(Every(seconds=1, start=NOW - timedelta(hours=1)).to_spec(), policies, {})


def due(schedule_id: str, said: Rules) -> DueSchedule:
    return DueSchedule(
        id=schedule_id,
        task="t",
        trigger_spec=said.trigger_spec,
        args={},
        policies=said.policies,
        inherited=said.inherited,
        state=ScheduleState.ACTIVE,
        source=Source.CALL,
        next_fire_at=NOW,
        rules=said,
    )


def plans() -> Plans:
    return Plans(timedelta(seconds=15), None)


def test_what_depends_on_nothing_but_rules_and_cursor_is_shared() -> None:
    said, planner = rules(), plans()
    first = planner(due("a", said), UNDISTURBED, NOW)
    assert first is not None
    assert first.shared
    assert planner(due("b", said), UNDISTURBED, NOW) is first
    assert planner(due("b", said), UNDISTURBED, NOW + timedelta(milliseconds=1)) is not first, "another instant"


def test_what_is_drawn_from_the_id_is_not() -> None:
    said, planner = rules(jitter=30), plans()
    drawn = [planner(due(name, said), UNDISTURBED, NOW) for name in ("a", "b")]
    assert all(plan is not None and not plan.shared for plan in drawn)
    assert drawn[0] != drawn[1]


def test_who_has_something_unfinished_is_planned_by_itself() -> None:
    said, planner = rules(), plans()
    planner(due("a", said), UNDISTURBED, NOW)
    plan = planner(due("a", said), FireFacts(Unfinished(1), declared=True), NOW)
    assert plan is not None
    assert not plan.shared
    assert plan.skips

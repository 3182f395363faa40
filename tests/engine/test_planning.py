"""What a due schedule records: every due time once, in order, and why it did not run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourbell.engine import planning
from hourbell.engine.blackouts import MOST_STRETCHES
from hourbell.engine.planning import plan_fires
from hourbell.model.named_calendar import NamedCalendar
from hourbell.model.overlap import Unfinished
from hourbell.model.plan import FireFacts, FirePlan, PlannedSkip
from hourbell.model.run_state import Reason
from hourbell.model.schedule import Schedule, ScheduleState, Source
from hourbell.triggers import At, Calendar, Cron, Every, Trigger

T0 = datetime(2030, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=15)
FREE = FireFacts(Unfinished(), declared=True)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def schedule(trigger: Trigger | None = None, cursor: datetime | None = T0, **policies: Any) -> Schedule:
    trigger = trigger or Every(seconds=1, start=T0 - timedelta(days=1))
    return Schedule(
        id="bell",
        task="ring",
        trigger_spec=trigger.to_spec(),
        args={},
        policies=policies,
        inherited={},
        state=ScheduleState.ACTIVE,
        source=Source.CODE,
        created_at=T0,
        updated_at=T0,
        next_fire_at=cursor,
    )


def planned(chosen: Schedule, now: datetime, facts: FireFacts = FREE) -> FirePlan:
    plan = plan_fires(chosen, facts, now, lease=LEASE)
    assert plan is not None
    return plan


def fires(plan: FirePlan) -> list[datetime]:
    return [run.fire_at for run in plan.runs]


def told(plan: FirePlan) -> list[tuple[Reason, datetime, datetime, int]]:
    return [(skip.reason, skip.fire_at, skip.covers_until, skip.covers_count) for skip in plan.skips]


def test_a_fire_that_is_due_gets_its_run_and_the_cursor_moves_on() -> None:
    plan = planned(schedule(), T0)
    assert fires(plan) == [T0]
    assert plan.runs[0].run_at == T0
    assert plan.runs[0].start_by is None
    assert (plan.skips, plan.last_fire_at, plan.next_fire_at) == ((), T0, after(1))
    assert plan.state is ScheduleState.ACTIVE


def test_lateness_of_up_to_a_lease_is_no_gap_each_fire_gets_its_run() -> None:
    plan = planned(schedule(overlap="allow", catch_up="skip"), after(15))
    assert fires(plan) == [after(n) for n in range(16)]
    assert plan.skips == ()
    assert plan.next_fire_at == after(16)


def test_a_moment_more_than_a_lease_is_a_gap() -> None:
    plan = planned(schedule(overlap="allow"), after(15.001))
    assert fires(plan) == [after(15)]
    assert told(plan) == [(Reason.COALESCED, T0, after(14), 15)]


def test_catch_up_latest_runs_the_latest_and_tells_the_rest_in_one_row() -> None:
    plan = planned(schedule(Every(hours=1, start=T0)), after(6 * 3600 + 60))
    assert fires(plan) == [after(6 * 3600)]
    assert told(plan) == [(Reason.COALESCED, T0, after(5 * 3600), 6)]
    assert plan.last_fire_at == after(6 * 3600)
    assert plan.next_fire_at == after(7 * 3600)


def test_catch_up_latest_with_one_missed_fire_skips_nothing() -> None:
    plan = planned(schedule(Every(hours=24, start=T0)), after(6 * 3600))
    assert fires(plan) == [T0]
    assert plan.skips == ()


def test_catch_up_all_runs_each_oldest_first() -> None:
    plan = planned(schedule(catch_up="all", overlap="allow"), after(60))
    assert fires(plan) == [after(n) for n in range(61)]
    assert plan.skips == ()


def test_catch_up_all_runs_the_latest_up_to_its_limit() -> None:
    plan = planned(schedule(catch_up="all", catch_up_limit=10, overlap="allow"), after(60))
    assert fires(plan) == [after(n) for n in range(51, 61)]
    assert told(plan) == [(Reason.CATCH_UP_LIMIT, T0, after(50), 51)]


def test_catch_up_all_beyond_the_size_of_a_plan_goes_on_in_the_next() -> None:
    chosen = schedule(catch_up="all", catch_up_limit=2_500, overlap="allow")
    now = after(5_000)
    got: list[datetime] = []
    for _ in range(3):
        plan = planned(chosen, now)
        got += fires(plan)
        chosen = schedule(cursor=plan.next_fire_at, catch_up="all", catch_up_limit=2_500, overlap="allow")
    assert got == [after(n) for n in range(2_501, 5_001)]
    assert chosen.next_fire_at == after(5_001)


def test_catch_up_skip_tells_the_whole_gap_in_one_row() -> None:
    plan = planned(schedule(catch_up="skip"), after(3_600))
    assert plan.runs == ()
    assert told(plan) == [(Reason.MISSED, T0, after(3_600), 3_601)]
    assert plan.next_fire_at == after(3_601)


def test_a_very_long_gap_is_counted_at_least_and_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []
    told_next = Every.next_after

    def next_after(self: Every, instant: datetime) -> datetime | None:
        asked.append(instant)
        return told_next(self, instant)

    monkeypatch.setattr(Every, "next_after", next_after)
    plan = planned(schedule(), after(30 * 86_400))
    assert plan.skips[0].covers_count >= 10_000
    assert plan.skips[0].covers_until == after(30 * 86_400 - 1)
    assert len(asked) < 10


def test_a_fire_later_than_its_grace_is_missed() -> None:
    plan = planned(schedule(Every(hours=1, start=T0), grace=10), after(11))
    assert plan.runs == ()
    assert told(plan) == [(Reason.MISSED, T0, T0, 1)]
    assert plan.next_fire_at == after(3_600)


def test_a_fire_within_its_grace_says_until_when_it_may_start() -> None:
    plan = planned(schedule(Every(hours=1, start=T0), grace=10), after(10))
    assert fires(plan) == [T0]
    assert plan.runs[0].start_by == after(10)


def test_grace_is_judged_before_catch_up() -> None:
    plan = planned(schedule(grace=5, overlap="allow"), after(60))
    assert told(plan) == [(Reason.MISSED, T0, after(54), 55), (Reason.COALESCED, after(55), after(59), 5)]
    assert fires(plan) == [after(60)]


def test_when_all_are_past_their_grace_one_row_tells_so() -> None:
    plan = planned(schedule(Every(hours=1, start=T0), grace=60), after(6 * 3600 + 61))
    assert told(plan) == [(Reason.MISSED, T0, after(6 * 3600), 7)]
    assert plan.runs == ()


def test_a_grace_of_zero_runs_what_is_due_this_very_instant() -> None:
    assert fires(planned(schedule(grace=0), T0)) == [T0]
    assert fires(planned(schedule(grace=0), after(0.5))) == []


def test_overlap_skips_while_the_last_run_is_unfinished() -> None:
    plan = planned(schedule(), T0, FireFacts(Unfinished(1), declared=True))
    assert plan.runs == ()
    assert told(plan) == [(Reason.OVERLAP, T0, T0, 1)]


def test_overlap_counts_the_runs_of_the_plan_itself() -> None:
    plan = planned(schedule(max_running=3), after(9), FireFacts(Unfinished(1), declared=True))
    assert fires(plan) == [T0, after(1)]
    assert told(plan) == [(Reason.OVERLAP, after(2), after(9), 8)]


def test_overlap_allow_counts_nothing() -> None:
    plan = planned(schedule(overlap="allow"), after(3), FireFacts(Unfinished(7), declared=True))
    assert len(plan.runs) == 4


def test_the_latest_of_a_gap_is_skipped_too_when_it_would_overlap() -> None:
    plan = planned(schedule(), after(60), FireFacts(Unfinished(1), declared=True))
    assert told(plan) == [(Reason.COALESCED, T0, after(59), 60), (Reason.OVERLAP, after(60), after(60), 1)]


def test_what_no_live_node_declares_does_not_fire() -> None:
    plan = planned(schedule(), after(40), FireFacts(Unfinished(), declared=False))
    assert plan.runs == ()
    assert told(plan) == [(Reason.UNDECLARED, T0, after(40), 41)]
    assert plan.state is ScheduleState.UNDECLARED
    assert plan.next_fire_at == after(41)


def test_a_schedule_whose_declarers_have_just_gone_is_waited_for() -> None:
    """They may be starting again, as another application on the same database does."""
    facts = FireFacts(Unfinished(), declared=False, left_at=after(10))
    lease = LEASE.total_seconds()
    assert plan_fires(schedule(), facts, after(10 + lease - 0.001), lease=LEASE) is None
    plan = planned(schedule(), after(10 + lease), facts)
    assert plan.state is ScheduleState.UNDECLARED
    back = planned(schedule(), after(9), FireFacts(Unfinished(), declared=True, left_at=after(10)))
    assert back.state is ScheduleState.ACTIVE


def test_a_one_off_fires_once_and_is_finished() -> None:
    plan = planned(schedule(At(T0)), after(86_400))
    assert fires(plan) == [T0]
    assert (plan.next_fire_at, plan.state) == (None, ScheduleState.FINISHED)


def test_a_trigger_that_ends_finishes_its_schedule() -> None:
    plan = planned(schedule(Every(seconds=1, start=T0, end=after(3)), overlap="allow"), after(3))
    assert len(plan.runs) == 4
    assert plan.state is ScheduleState.FINISHED


def test_a_cursor_that_the_trigger_would_not_say_any_more_is_still_a_fire() -> None:
    plan = planned(schedule(Every(hours=1, start=after(0.5)), overlap="allow"), after(1))
    assert fires(plan) == [T0, after(0.5)]
    late = planned(schedule(Every(hours=1, start=after(0.5)), overlap="allow"), after(30))
    assert told(late) == [(Reason.COALESCED, T0, T0, 1)]
    assert fires(late) == [after(0.5)]


def test_instants_are_utc_whatever_the_zone_of_the_trigger() -> None:
    plan = planned(schedule(Cron("* * * * *", timezone="Europe/Berlin"), overlap="allow"), after(120), FREE)
    for instant in (plan.next_fire_at, plan.last_fire_at, *fires(plan)):
        assert instant is not None
        assert instant.utcoffset() == timedelta(0)


def test_the_repeated_hour_is_fired_through_in_order() -> None:
    trigger = Cron("*/10 * * * *", timezone="Europe/Berlin")
    start = datetime(2030, 10, 26, 23, 30, tzinfo=UTC)
    plan = planned(schedule(trigger, start, catch_up="all", overlap="allow"), start + timedelta(hours=3))
    assert fires(plan) == [start + timedelta(minutes=10 * n) for n in range(19)]


@pytest.mark.parametrize(
    "broken",
    [
        {"trigger_spec": {"kind": "tide"}},
        {"trigger_spec": {}},
        {"policies": {"overlap": "buffer_all", "unheard_of": 1}},
        {"policies": {"grace": "soon"}},
        {"next_fire_at": None},
    ],
)
def test_what_cannot_be_read_is_left_alone(broken: dict[str, Any]) -> None:
    from dataclasses import replace

    assert plan_fires(replace(schedule(), **broken), FREE, T0, lease=LEASE) is None


def test_a_trigger_that_does_not_move_forward_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Every, "next_after", lambda self, instant: instant)
    assert plan_fires(schedule(), FREE, T0, lease=LEASE) is None


triggers = st.one_of(
    st.builds(
        lambda s, o: Every(seconds=s, start=T0 - timedelta(seconds=o)), st.integers(5, 4_000), st.integers(0, 9_999)
    ),
    st.builds(
        lambda m, zone: Cron(f"*/{m} * * * *", timezone=zone),
        st.integers(1, 30),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    ),
    st.builds(lambda s: At(after(s)), st.integers(0, 5_000)),
)
policies = st.fixed_dictionaries(
    {
        "catch_up": st.sampled_from(["latest", "all", "skip"]),
        "catch_up_limit": st.integers(1, 60),
        "overlap": st.sampled_from(["skip", "allow"]),
        "max_running": st.integers(1, 5),
        "grace": st.one_of(st.none(), st.integers(0, 20_000)),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    trigger=triggers,
    chosen=policies,
    lateness=st.integers(0, 20_000),
    unfinished=st.integers(0, 6),
    declared=st.booleans(),
    size=st.sampled_from([7, planning.MOST_FIRES]),
)
def test_every_due_time_stands_in_exactly_one_row(
    trigger: Trigger, chosen: dict[str, Any], lateness: int, unfinished: int, declared: bool, size: int
) -> None:
    cursor = trigger.next_after(T0 - timedelta(microseconds=1))
    assert cursor is not None
    now = cursor + timedelta(seconds=lateness)
    facts = FireFacts(Unfinished(0 if chosen["overlap"] == "allow" else unfinished), declared)
    due = walked(trigger, cursor, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "MOST_FIRES", size)
        plan = planned(schedule(trigger, cursor, **chosen), now, facts)

    handled = [instant for instant in due if instant <= plan.last_fire_at]
    covered = sorted(fires(plan) + [instant for skip in plan.skips for instant in within(skip, due)])
    assert covered == handled
    assert all(skip.covers_count == len(within(skip, due)) for skip in plan.skips)
    rest = [instant for instant in due if instant > plan.last_fire_at]
    if rest:
        assert size == 7
        assert plan.next_fire_at == rest[0]
    else:
        assert plan.next_fire_at == trigger.next_after(now)
    assert plan.next_fire_at is None or plan.next_fire_at > plan.last_fire_at
    assert (plan.state is ScheduleState.FINISHED) == (plan.next_fire_at is None)
    assert fires(plan) == sorted(fires(plan))
    neighbours(plan)
    if chosen["overlap"] == "skip":
        assert not plan.runs or unfinished + len(plan.runs) <= chosen["max_running"]


def walked(trigger: Trigger, cursor: datetime, now: datetime) -> list[datetime]:
    found, instant = [], cursor
    while instant is not None and instant <= now:
        found.append(instant.astimezone(UTC))
        instant = trigger.next_after(instant)  # type: ignore[assignment]
    return found


def within(skip: PlannedSkip, due: list[datetime]) -> list[datetime]:
    return [instant for instant in due if skip.fire_at <= instant <= skip.covers_until]


def neighbours(plan: FirePlan) -> None:
    """Two skips of one reason stand next to each other only when a run lies between them."""
    for one, other in zip(plan.skips, plan.skips[1:], strict=False):
        if one.reason == other.reason:
            assert any(one.covers_until < fire < other.fire_at for fire in fires(plan))


def test_jitter_puts_off_the_start_and_nothing_else() -> None:
    plain = planned(schedule(overlap="allow", grace=40), after(10))
    plan = planned(schedule(overlap="allow", grace=40, jitter=15), after(10))
    assert fires(plan) == fires(plain)
    assert (plan.next_fire_at, plan.last_fire_at) == (plain.next_fire_at, plain.last_fire_at)
    assert [run.start_by for run in plan.runs] == [run.start_by for run in plain.runs], "grace counts from the fire"
    waits = [(run.run_at - run.fire_at).total_seconds() for run in plan.runs]
    assert len(set(waits)) == len(waits)
    assert 0 <= min(waits) <= max(waits) <= 15
    assert planned(schedule(overlap="allow", grace=40, jitter=15), after(10)) == plan


HOUR = timedelta(hours=1)


def blackout(*ranges: tuple[datetime, datetime], weekdays: tuple[str, ...] = ()) -> FireFacts:
    calendar = Calendar(ranges=ranges, weekdays=weekdays, timezone="UTC")
    named = NamedCalendar(
        name="c", spec=json.dumps(calendar.to_spec()), version=1, created_at=T0, updated_at=T0
    )  # fmt: skip
    return FireFacts(Unfinished(), declared=True, calendars=(named,))


def test_a_fire_in_a_blackout_is_skipped_and_says_so() -> None:
    facts = blackout((T0, after(2)))
    plan = planned(schedule(), T0, facts)
    assert plan.runs == ()
    assert told(plan) == [(Reason.BLACKOUT, T0, T0, 1)]
    assert (plan.last_fire_at, plan.next_fire_at) == (T0, after(1))


def test_late_fires_around_a_blackout_each_get_their_row() -> None:
    plan = planned(schedule(overlap="allow"), after(5), blackout((after(2), after(4))))
    assert fires(plan) == [T0, after(1), after(4), after(5)]
    assert told(plan) == [(Reason.BLACKOUT, after(2), after(3), 2)], "its end is not in it"


@pytest.mark.parametrize("catch_up", ["latest", "all", "skip"])
def test_a_gap_tells_what_was_blacked_out_from_what_was_missed(catch_up: str) -> None:
    chosen = schedule(Every(hours=1, start=T0), catch_up=catch_up, overlap="allow")
    plan = planned(chosen, T0 + 6 * HOUR, blackout((T0 + 2 * HOUR, T0 + 4 * HOUR)))
    ran, reason = {
        "latest": ([6], Reason.COALESCED),
        "all": ([0, 1, 4, 5, 6], None),
        "skip": ([], Reason.MISSED),
    }[catch_up]
    assert fires(plan) == [T0 + hour * HOUR for hour in ran]
    rest = [(reason, T0 + 4 * HOUR, T0 + (5 if catch_up == "latest" else 6) * HOUR, 2 if catch_up == "latest" else 3)]
    expected = [(reason, T0, T0 + HOUR, 2)] if reason else []
    expected += [(Reason.BLACKOUT, T0 + 2 * HOUR, T0 + 3 * HOUR, 2)]
    assert told(plan) == expected + (rest if reason else [])
    assert plan.next_fire_at == T0 + 7 * HOUR


def test_the_latest_fire_of_a_gap_is_the_latest_that_may_run() -> None:
    chosen = schedule(Every(hours=1, start=T0))
    plan = planned(chosen, T0 + 6 * HOUR, blackout((T0 + 5 * HOUR, T0 + 9 * HOUR)))
    assert fires(plan) == [T0 + 4 * HOUR]
    assert told(plan) == [
        (Reason.COALESCED, T0, T0 + 3 * HOUR, 4),
        (Reason.BLACKOUT, T0 + 5 * HOUR, T0 + 6 * HOUR, 2),
    ]


def test_a_gap_that_is_blacked_out_as_a_whole_runs_nothing() -> None:
    plan = planned(schedule(), after(3_600), blackout((after(-60), after(7_200))))
    assert fires(plan) == []
    assert told(plan) == [(Reason.BLACKOUT, T0, after(3_600), 3_601)]


def test_a_long_gap_with_many_blackouts_is_told_in_several_plans() -> None:
    """A year of minutes with its weekends: more stretches than one plan takes, and not one due time is walked."""
    facts = blackout(weekdays=("sat", "sun"))
    chosen = schedule(Every(minutes=1, start=T0))
    now = T0 + timedelta(days=700)
    cursor: datetime | None = T0
    covered, runs, plans = 0, 0, 0
    while cursor is not None and cursor <= now:
        plan = planned(schedule(Every(minutes=1, start=T0), cursor=cursor), now, facts)
        assert len(plan.skips) <= MOST_STRETCHES
        assert plan.skips[0].fire_at == cursor
        covered += sum(skip.covers_count for skip in plan.skips)
        runs += len(plan.runs)
        plans += 1
        cursor = plan.next_fire_at
    assert chosen.trigger.count_between(T0 - HOUR, now, 10_000_000) == 700 * 1_440 + 1
    assert (runs, plans) == (1, 3)
    assert covered + runs == 700 * 1_440 + 1


def test_a_calendar_that_cannot_be_read_makes_no_plan() -> None:
    named = NamedCalendar(name="c", spec='{"moon":"full"}', version=1, created_at=T0, updated_at=T0)
    assert plan_fires(schedule(), FireFacts(Unfinished(), True, (named,)), T0, lease=LEASE) is None


def test_what_nobody_declares_is_undeclared_also_in_a_blackout() -> None:
    named = blackout((T0, after(10))).calendars
    plan = planned(schedule(), after(5), FireFacts(Unfinished(), False, named))
    assert told(plan) == [(Reason.UNDECLARED, T0, after(5), 6)]

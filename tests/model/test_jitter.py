"""The delay that jitter puts before the start of a fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hourbell.model.jitter import start_of
from hourbell.model.policies import Policies
from triggers.strategies import fixed

T0 = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def delays(count: int, schedule: str = "bell", jitter: timedelta | None = HOUR) -> list[timedelta]:
    policies = Policies(jitter=jitter)
    fires = [T0 + timedelta(days=day) for day in range(count)]
    return [start_of(schedule, fire, policies) - fire for fire in fires]


def test_without_jitter_a_fire_starts_when_it_is_due() -> None:
    assert set(delays(10, jitter=None)) == set(delays(10, jitter=timedelta(0))) == {timedelta(0)}


def test_delays_fill_the_jitter_evenly() -> None:
    drawn = delays(4_000)
    quarters = [sum(1 for delay in drawn if HOUR * part / 4 <= delay < HOUR * (part + 1) / 4) for part in range(4)]
    assert sum(quarters) == len(drawn), "never earlier than the fire, never later than the jitter"
    assert min(quarters) > 850


def test_each_schedule_and_each_fire_draws_its_own() -> None:
    assert len(set(delays(100))) == 100
    assert not set(delays(100)) & set(delays(100, "other"))


def test_the_delay_is_the_same_for_ever() -> None:
    """Written down: another version that drew otherwise would start a fire twice as late on half of the nodes."""
    start = start_of("bell", T0, Policies(jitter=HOUR))
    assert start == datetime.fromisoformat("2030-01-01T12:58:21.910752+00:00")
    there = T0.astimezone(ZoneInfo("Asia/Tokyo"))
    assert start_of("bell", there, Policies(jitter=HOUR)) == start


@fixed(200)
@given(
    st.text(max_size=20),
    st.integers(0, 4_000_000_000),
    st.timedeltas(timedelta(0), timedelta(days=366)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=366)),
)
def test_it_lies_within_the_jitter_and_half_the_grace(
    schedule: str, epoch: int, jitter: timedelta, grace: timedelta | None
) -> None:
    fire = datetime.fromtimestamp(epoch, UTC)
    delay = start_of(schedule, fire, Policies(jitter=jitter, grace=grace)) - fire
    assert timedelta(0) <= delay <= jitter
    if grace is not None:
        assert delay <= grace / 2

"""Ids of runs: UUIDs of version 7 that sort by the time they were made."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hourbell.model.ids import new_run_id, new_run_ids

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS)
def test_is_a_uuid_of_version_7_with_its_milliseconds(now: datetime) -> None:
    made = uuid.UUID(new_run_id(now))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(st.lists(INSTANTS, min_size=2, max_size=2, unique=True))
def test_sorts_by_time(instants: list[datetime]) -> None:
    earlier, later = sorted(instants)
    assert new_run_id(earlier) < new_run_id(later)


def test_is_never_the_same_twice() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert len({new_run_id(now) for _ in range(1000)}) == 1000


@given(INSTANTS)
def test_many_at_once_are_such_ids_in_their_order(now: datetime) -> None:
    many = new_run_ids(now, 50)
    assert many == sorted(set(many))
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in many} == {(7, uuid.RFC_4122)}
    # The same instant, but for what was drawn: 60 bits and two of the variant's digit.
    assert {one[:19] for one in many} == {new_run_id(now)[:19]}
    assert {one[19] for one in many} <= set("89ab")

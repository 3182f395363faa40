"""What the judge of edits finds: each thing that must not be, told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.edit_history import History, Lost, Told, check_edits, check_end, check_quiet, quiet_times
from chaos.recorded import RecordedRun

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def schedule(version: int, life: str = "a", **fields: Any) -> dict[str, Any]:
    shown = {"args": {}, "policies": {}, "state": "active", "note": None}
    return {**shown, "revision": f"{version}-{life}", **fields}


def told(action: str, seconds: float, version: int, life: str = "a", base: str | None = None, **fields: Any) -> Told:
    return Told(action, at(seconds), at(seconds + 0.5), schedule(version, life, **fields), base)


def lost(action: str, seconds: float) -> Lost:
    return Lost(action, at(seconds), at(seconds + 1))


def fire(seconds: float, reason: str | None = None) -> RecordedRun:
    return RecordedRun(
        id="r", schedule_id="s", state="succeeded", reason=reason, origin="fire", fire_at=at(seconds),
        covers_until=None, covers_count=None, node_id="n", attempt=1, failures=0, losses=0, outcome=None,
        created_at=at(seconds), finished_at=at(seconds),
    )  # fmt: skip


GOOD = [
    told("create", 0, 1),
    told("patch", 1, 2, policies={"timeout": 1}, base="1-a"),
    told("pause", 2, 3, policies={"timeout": 1}, state="paused", note="n"),
    told("resume", 6, 4, policies={"timeout": 1}),
]


def test_what_is_as_it_should_be() -> None:
    history = History(list(GOOD))
    assert list(check_edits("s", history)) == []
    assert list(check_end("s", history, GOOD[-1].schedule)) == []
    (quiet,) = quiet_times("s", history, at(100))
    assert (quiet.start, quiet.end) == (at(2.5), at(6))
    assert list(check_quiet([quiet], [fire(1), fire(2.2), fire(3, "paused"), fire(7)])) == []


def test_an_update_that_was_lost() -> None:
    history = History([*GOOD[:2], replace(GOOD[2], schedule=schedule(3, state="paused", note="n"))])
    assert "lost policies" in next(iter(check_edits("s", history)))


def test_a_version_that_two_made() -> None:
    history = History([*GOOD, told("patch", 3, 3, policies={"timeout": 9}, state="paused", note="n")])
    assert any("was made by" in one for one in check_edits("s", history))


def test_a_stale_edit_that_was_accepted() -> None:
    history = History([*GOOD, told("patch", 7, 5, policies={"timeout": 9}, base="2-a")])
    assert any("was accepted" in one for one in check_edits("s", history))


def test_an_end_that_nobody_acknowledged() -> None:
    history = History(list(GOOD))
    for stored in (None, schedule(3), schedule(5), schedule(4, note="other"), schedule(1, "b"), schedule(9, "9")):
        assert list(check_end("s", history, stored)), stored
    history.lost.append(lost("delete", 9))
    assert list(check_end("s", history, None)) == []
    assert list(check_end("s", history, schedule(5, policies={"timeout": 3}))) == []
    gone = History([*GOOD, told("delete", 9, 4)])
    assert list(check_end("s", gone, None)) == []
    assert list(check_end("s", gone, GOOD[-1].schedule)) != []


def test_a_fire_where_all_was_to_be_quiet() -> None:
    gone = History([*GOOD, told("delete", 9, 4)])
    quiet = list(quiet_times("s", gone, at(20)))
    assert [(one.start, one.end) for one in quiet] == [(at(2.5), at(6)), (at(9.5), at(20))]
    assert len(list(check_quiet(quiet, [fire(3), fire(8), fire(12)]))) == 2


def test_what_is_unsure_is_not_judged() -> None:
    history = History(list(GOOD), [lost("resume", 3)])
    assert list(quiet_times("s", history, at(100))) == []

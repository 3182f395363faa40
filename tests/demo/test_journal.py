"""What bodies write is read whole, once and in order, whoever wrote it and whatever it says."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hourbell.clock import ManualClock
from hourbell.context import Context
from hourbell.demo.entry import Entry, Phase
from hourbell.demo.journal import FOLDER_VARIABLE, Journal, JournalReader

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


def context(attempt: int = 1, fire_at: datetime | None = NOON) -> Context:
    return Context(run_id="run", task="m:f", schedule_id="noon", fire_at=fire_at, attempt=attempt, tracking_id="track")


def phases(folder: Path) -> list[tuple[Phase, str]]:
    return [(entry.phase, entry.note) for entry in JournalReader(folder).new_entries()]


def test_a_body_writes_its_start_and_its_end(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with context().entered(), Journal(tmp_path, clock).attempt() as remark:
        clock.advance(2)
        remark.text = "done"
    first, last = JournalReader(tmp_path).new_entries()
    assert first == Entry(
        task="m:f",
        schedule="noon",
        fire_at=NOON,
        run="run",
        attempt=1,
        pid=os.getpid(),
        phase=Phase.STARTED,
        at=NOON,
    )
    assert (last.phase, last.note, last.at) == (Phase.SUCCEEDED, "done", NOON + timedelta(seconds=2))


def test_the_start_is_written_before_the_body_goes_on(tmp_path: Path) -> None:
    with context().entered(), Journal(tmp_path, ManualClock()).attempt():
        assert phases(tmp_path) == [(Phase.STARTED, "")]


@pytest.mark.parametrize(
    "error, phase", [(ValueError("no"), Phase.FAILED), (asyncio.CancelledError(), Phase.CANCELLED)], ids=str
)
def test_how_a_body_failed_is_written_and_goes_on(tmp_path: Path, error: BaseException, phase: Phase) -> None:
    with pytest.raises(type(error)), context().entered(), Journal(tmp_path, ManualClock()).attempt():
        raise error
    assert phases(tmp_path) == [(Phase.STARTED, ""), (phase, str(error))]


def test_a_function_that_is_only_called_writes_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, ManualClock()).attempt():
        pass
    assert phases(tmp_path) == []


def test_without_a_folder_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with context().entered(), Journal.from_environment(ManualClock()).attempt():
        pass


def test_a_note_cannot_end_its_line(tmp_path: Path) -> None:
    with context().entered(), Journal(tmp_path, ManualClock()).attempt() as remark:
        remark.text = 'one\n{"two": "\u2028\ud800"}\r'
    assert [note for _, note in phases(tmp_path)] == ["", 'one\n{"two": "\u2028\ud800"}\r']


def test_a_run_by_hand_has_no_fire(tmp_path: Path) -> None:
    with context(fire_at=None).entered(), Journal(tmp_path, ManualClock()).attempt():
        pass
    assert [entry.fire_at for entry in JournalReader(tmp_path).new_entries()] == [None, None]


def test_reading_goes_on_where_it_was(tmp_path: Path) -> None:
    reader, journal = JournalReader(tmp_path), Journal(tmp_path, ManualClock())
    assert reader.new_entries() == []
    for attempt in (1, 2):
        with context(attempt).entered(), journal.attempt():
            pass
        assert [entry.attempt for entry in reader.new_entries()] == [attempt, attempt]
    assert reader.new_entries() == []


def test_half_a_line_is_left_for_the_next_time(tmp_path: Path) -> None:
    line = Entry(
        task="m:f", schedule=None, fire_at=None, run="r", attempt=1, pid=7, phase=Phase.STARTED, at=NOON
    ).to_line()
    file, reader = tmp_path / "7.jsonl", JournalReader(tmp_path)
    file.write_bytes(line + line[:20])
    assert len(reader.new_entries()) == 1
    file.write_bytes(line + line)
    assert len(reader.new_entries()) == 1
    assert reader.new_entries() == []


def test_entries_of_several_processes_come_in_the_order_of_their_instants(tmp_path: Path) -> None:
    for pid, seconds in ((7, (1, 4)), (8, (2, 3))):
        lines = [
            Entry(
                task="m:f",
                schedule=None,
                fire_at=None,
                run=str(second),
                attempt=1,
                pid=pid,
                phase=Phase.STARTED,
                at=NOON + timedelta(seconds=second),
            ).to_line()
            for second in seconds
        ]
        (tmp_path / f"{pid}.jsonl").write_bytes(b"".join(lines))
    assert [entry.run for entry in JournalReader(tmp_path).new_entries()] == ["1", "2", "3", "4"]

"""What is told of each entry, and who it is told to have been."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hourbell import Every
from hourbell.demo.entry import Entry, Phase
from hourbell.demo.screen import Screen
from hourbell.demo.tally import Counts
from hourbell.demo.witness import PATIENCE, Witness, told

START = datetime(2030, 1, 1, tzinfo=UTC)


def entry(phase: str, *, attempt: int = 1, by_hand: bool = False, note: str = "", second: int = 1) -> Entry:
    fire_at = START + timedelta(seconds=second)
    return Entry(
        task="app:beat",
        schedule="beat",
        fire_at=None if by_hand else fire_at,
        run=f"run{second}",
        attempt=attempt,
        pid=7,
        phase=Phase(phase),
        at=fire_at + timedelta(milliseconds=12),
        note=note,
    )


@pytest.mark.parametrize(
    "written, shown",
    [
        (entry("started"), "fires, 12 ms late"),
        (entry("started", by_hand=True), "starts, asked by hand"),
        (entry("started", attempt=2), ""),
        (entry("succeeded"), ""),
        (entry("succeeded", note="sent"), "sent"),
        (entry("succeeded", attempt=2), "try 2: done"),
        (entry("succeeded", attempt=3, note="sent"), "try 3: sent"),
        (entry("failed", note="no answer"), "try 1: no answer"),
        (entry("cancelled"), "cancelled, handed back"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.phase,
)
def test_what_is_told(written: Entry, shown: str) -> None:
    assert told(written) == shown


def test_it_shows_and_counts_what_the_journals_say(tmp_path: Path) -> None:
    stream = io.StringIO()
    witness = Witness(tmp_path, {"beat": Every(seconds=1).anchored(START)}, Screen(stream))
    journal = tmp_path / "7.jsonl"
    journal.write_bytes(entry("started").to_line() + entry("succeeded", note="beat!\x1b").to_line())
    witness.look(0.0)
    assert witness.strangers
    witness.meet({7: "c09f68d14b5e3a72"})
    assert not witness.strangers
    witness.show()
    first, second = stream.getvalue().splitlines()
    assert "beat            fires, 12 ms late" in first
    assert first.endswith("node c09f pid 7")
    assert "beat!·" in second
    with journal.open("ab") as file:
        file.write(entry("started", second=3).to_line())
    witness.look(1.0)
    assert witness.counts(1.0).missed == 0
    expected = Counts(fires=2, runs=2, attempts=2, duplicates=0, missed=1, strays=0)
    assert witness.counts(1.0 + PATIENCE) == witness.final_counts() == expected
    assert witness.processes == {7}

"""What bodies write down: read as it was written, and only whole lines."""

from __future__ import annotations

from pathlib import Path

from hourbell.prove.ledger import Line, Phase, read_ledger, under_way

from .evidence import KILLED, SURVIVOR, Story


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    lines = sorted(Story().lines, key=lambda one: one.at)
    (tmp_path / "1.ledger").write_bytes(b"".join(one.to_text() for one in lines[::2]))
    (tmp_path / "2.ledger").write_bytes(b"".join(one.to_text() for one in lines[1::2]) + lines[0].to_text()[:-1])
    found = read_ledger(tmp_path)
    assert sorted(found, key=repr) == sorted(lines, key=repr)
    assert [one.at for one in found] == [one.at for one in lines]


def test_what_is_under_way_is_known_by_process() -> None:
    found = under_way(Story().lines)
    assert found[KILLED] == 2  # it never came to an end
    assert found[SURVIVOR] == 0
    assert Line.from_text(Story().lines[0].to_text()).phase is Phase.BEGAN

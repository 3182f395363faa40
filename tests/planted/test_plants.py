"""The faults that can be planted stand where they are said to be, so that the list does not rot unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted.every import EVERY
from tests.planted.plant import Plant
from tests.planted.record import PAGE, found, page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("plant", EVERY, ids=lambda plant: plant.name)
def test_it_can_be_planted(plant: Plant) -> None:
    text = (ROOT / "src" / "hourbell" / plant.file).read_text(encoding="utf-8")
    assert text.count(plant.old) == 1
    assert plant.new != plant.old
    assert all((ROOT / finder).exists() for finder in plant.finders if finder.startswith("tests/"))


def test_whatever_was_planted_was_found() -> None:
    """`python -m tests.planted --keep --new` plants what was not planted yet, and writes down what found it."""
    kept = {name: one["found_by"] for name, one in found().items()}
    assert [name for name, finder in kept.items() if finder is None] == [], "nothing finds them"
    assert len(kept) > len(EVERY) / 2, "the list has outgrown the record"
    paths = {finder.split("::")[0] for finder in kept.values() if finder is not None}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == [], "found by tests that are gone"


def test_the_page_tells_what_the_record_says() -> None:
    """`python -m tests.planted.record` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()

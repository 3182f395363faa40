"""The faults that can be planted stand where they are said to be, so that the list does not rot unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from planted.plants import PLANTS, Plant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_it_can_be_planted(plant: Plant) -> None:
    text = (ROOT / "src" / "hourbell" / plant.file).read_text(encoding="utf-8")
    assert text.count(plant.old) == 1
    assert plant.new != plant.old
    assert all((ROOT / finder).exists() for finder in plant.finders if finder.startswith("tests/"))

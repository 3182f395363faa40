"""Text as every database takes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourbell.engine.cleaning import LONGEST_ERROR, clean


@pytest.mark.parametrize(
    "given_text, cleaned",
    [("plain", "plain"), ("a\x00b", "a\ufffdb"), ("\ud800x", "\ufffdx"), ("née 🔔", "née 🔔"), ("", "")],
)
def test_what_databases_refuse_is_replaced(given_text: str, cleaned: str) -> None:
    assert clean(given_text) == cleaned


@given(st.text(st.characters(), max_size=200), st.integers(60, 150))
def test_it_is_storable_and_bounded(text: str, longest: int) -> None:
    cleaned = clean(text, longest)
    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert len(cleaned) <= longest


def test_a_long_error_keeps_its_beginning_and_its_end() -> None:
    cleaned = clean("ValueError: x" + "." * 50_000 + "the cause", LONGEST_ERROR)
    assert len(cleaned) <= LONGEST_ERROR
    assert cleaned.startswith("ValueError: x")
    assert cleaned.endswith("the cause")

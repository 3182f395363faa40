"""Results: what is written as JSON and how, and what is refused before it costs anything."""

from __future__ import annotations

import dataclasses
import enum
import json
import tracemalloc
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, model_serializer

from hourbell.errors import ResultRejected
from hourbell.results import MOST_DEPTH, _least_size, result_text


class Report(BaseModel):
    pages: int = Field(alias="number_of_pages")
    at: datetime


@dataclasses.dataclass
class Point:
    x: int
    tags: set[str]


class Colour(enum.Enum):
    RED = "red"


class Broken(BaseModel):
    @model_serializer
    def broken(self) -> dict[str, int]:
        raise KeyError("my own bug")


INSTANT = datetime(2030, 1, 1, tzinfo=UTC)
KEPT: list[tuple[Any, Any]] = [
    (0, 0),
    (False, False),
    ("", ""),
    ([], []),
    ("é\ud800", "é\ufffd"),
    ({"a": (1, 2.5, None)}, {"a": [1, 2.5, None]}),
    (defaultdict(int, a=1), {"a": 1}),
    (INSTANT, "2030-01-01T00:00:00Z"),
    (date(2030, 1, 1), "2030-01-01"),
    (timedelta(hours=1), "PT1H"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Decimal("1.50"), "1.50"),
    (Colour.RED, "red"),
    ({Colour.RED: [Decimal(1)]}, {"red": ["1"]}),
    (frozenset([1]), [1]),
    (b"abc", "abc"),
    (Point(1, {"a"}), {"x": 1, "tags": ["a"]}),
    (Report(number_of_pages=2, at=INSTANT), {"pages": 2, "at": "2030-01-01T00:00:00Z"}),
    ([Report(number_of_pages=2, at=INSTANT), Colour.RED], [{"pages": 2, "at": "2030-01-01T00:00:00Z"}, "red"]),
]


@pytest.mark.parametrize("value, plain", KEPT, ids=lambda value: repr(value)[:40])
def test_it_is_written_as_json(value: Any, plain: Any) -> None:
    text = result_text(value)
    assert text is not None
    assert text.isascii()
    assert json.loads(text) == plain


def test_nothing_is_kept_of_nothing() -> None:
    assert result_text(None) is None
    assert result_text(None, limit=0) is None


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), [float("inf")], {1: object()}, b"\xff", lambda: 1, Report],
    ids=["an object", "nan", "inf", "an object inside", "bytes", "a function", "a class"],
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ResultRejected, match="cannot be written as JSON"):
        result_text(value)


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    deep: Any = None
    for _ in range(5_000):
        deep = [deep]
    for value in (endless, deep):
        with pytest.raises(ResultRejected):
            result_text(value)


def test_an_error_of_the_values_own_code_is_told() -> None:
    with pytest.raises((ResultRejected, KeyError), match="my own bug"):
        result_text(Broken())


def test_exactly_the_limit_is_kept() -> None:
    assert result_text("x" * 98, limit=100) == json.dumps("x" * 98)
    with pytest.raises(ResultRejected, match="at most 100 are kept"):
        result_text("x" * 99, limit=100)
    with pytest.raises(ResultRejected, match="it takes 602 bytes"):
        result_text("é" * 100, limit=300)


HUGE: list[Any] = [
    "x" * 50_000_000,
    b"x" * 50_000_000,
    ["x" * 500_000] * 100,
    {"rows": [{"n": "x" * 5_000_000}] * 10},
    [0] * 20_000_000,
]


@pytest.mark.parametrize("number", range(len(HUGE)))
def test_what_is_huge_is_refused_without_being_written(number: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ResultRejected, match=r"more than 65,536 bytes"):
            result_text(HUGE[number])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.dictionaries(st.integers(), inner),
        max_leaves=30,
    )
)
def test_what_fits_is_never_taken_for_too_long(value: Any) -> None:
    assert _least_size(value, 10**9) <= len(json.dumps(value))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_what_is_nested_so_deep_that_a_reader_might_fail_is_refused() -> None:
    assert result_text(nested(MOST_DEPTH)) == "[" * MOST_DEPTH + "]" * MOST_DEPTH
    for depth in (MOST_DEPTH + 1, 300, 900):
        with pytest.raises(ResultRejected, match="nested more than 100 deep"):
            result_text(nested(depth))


def test_many_brackets_are_not_deep() -> None:
    for value in ([{"a": []} for _ in range(300)], "[" * 500, {"[{" * 80: '"[\\' * 80}):
        assert json.loads(result_text(value) or "") == value


@pytest.mark.parametrize(
    "value, kept",
    [
        (["caf\udce9.txt"], ["caf\ufffd.txt"]),
        ({"a\ud800": "\udfff\ud800"}, {"a\ufffd": "\ufffd\ufffd"}),
        (["\\ud800", "\N{BELL}", "\\\ud83d\ude00"], ["\\ud800", "\N{BELL}", "\\\N{GRINNING FACE}"]),
        (["\N{GRINNING FACE}", "\x00", 2**70], ["\N{GRINNING FACE}", "\x00", 2**70]),
    ],
)
def test_halves_of_characters_are_replaced_for_nobody_could_be_sent_them(value: Any, kept: Any) -> None:
    """`os.listdir` answers them for names that are no UTF-8. Each page of runs on which one stood could not be sent."""
    text = result_text(value)
    assert text is not None
    read = json.loads(text)
    json.dumps(read, ensure_ascii=False).encode()
    assert read == kept

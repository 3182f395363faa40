"""Arguments: named, typed by the function's own signature, plain JSON in between."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, Security
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hourbell.arguments import ARGS_MAX, Arguments
from hourbell.context import Context as RunContext
from hourbell.errors import InvalidArguments
from hourbell.model.stored_json import mapping_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal as OnlyForCheckers

    from hourbell.context import Context

CONTEXT = RunContext(run_id="r", task="t", schedule_id=None, fire_at=None, attempt=1, tracking_id="r")


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    street: str = Field(alias="st")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    when: datetime
    ids: tuple[UUID, ...]


@dataclass
class Point:
    x: int


def arguments(function: Any) -> Arguments:
    return Arguments(function, "sample")


ROUND_TRIPS = [
    (int, 3),
    (str, "Größe \x00 \U0001f642"),
    (datetime, datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
    (date, date(2030, 1, 2)),
    (timedelta, timedelta(days=1, seconds=2)),
    (Decimal, Decimal("1.10")),
    (UUID, UUID(int=7)),
    (Colour, Colour.RED),
    (bytes, b"abc"),
    (set[int], {1, 2}),
    (dict[str, list[int]], {"a": [1]}),
    (int | None, None),
    (Point, Point(1)),
    (Address, Address(st="High Street")),
    (Strict, Strict(when=datetime(2030, 1, 1, tzinfo=UTC), ids=(UUID(int=1),))),
    (Any, {"free": [1, "a", None]}),
]


@pytest.mark.parametrize("kind, value", ROUND_TRIPS, ids=[str(kind) for kind, _ in ROUND_TRIPS])
def test_a_value_comes_back_as_its_type(kind: Any, value: Any) -> None:
    def function(x: Any) -> None: ...

    function.__annotations__["x"] = kind
    made = arguments(function)
    assert made.load(made.dump({"x": value}), CONTEXT) == {"x": value}


def test_names_that_models_would_refuse_are_fine() -> None:
    def function(_private: int, model_config: int, json: int, schema: int, copy: int = 0) -> None: ...

    named = {"_private": 1, "model_config": 2, "json": 3, "schema": 4}
    made = arguments(function)
    assert made.load(made.dump(named), CONTEXT) == named


def test_only_what_was_given_is_stored() -> None:
    def function(a: int, b: int = 2) -> None: ...

    assert arguments(function).dump({"a": 1}) == {"a": 1}


def test_binds_like_a_call_and_leaves_the_context_out() -> None:
    def function(context: Context, a: int, other: Context | None = None, *, b: int = 2) -> None: ...

    made = arguments(function)
    assert made.bind((1,), {"b": 3}) == {"a": 1, "b": 3}
    assert made.load({"a": 1}, CONTEXT) == {"a": 1, "context": CONTEXT, "other": CONTEXT}
    with pytest.raises(InvalidArguments, match="'context'"):
        made.dump({"a": 1, "context": 5})


REFUSED = [
    ({}, "'a' is missing"),
    ({"a": "x"}, "'a' does not fit"),
    ({"a": 1, "zz": 1}, "'zz' is not an argument"),
    ({"a": 1, "b": 0}, "'b' does not fit"),
    ({"a": 1, "point": {"x": "y"}}, "'point.x' does not fit"),
]


@pytest.mark.parametrize("named, message", REFUSED, ids=[message for _, message in REFUSED])
def test_a_wrong_argument_is_named(named: dict[str, Any], message: str) -> None:
    def function(a: int, b: Annotated[int, Field(gt=0)] = 1, point: Point | None = None) -> None: ...

    made = arguments(function)
    with pytest.raises(InvalidArguments, match=message):
        made.dump(named)
    with pytest.raises(InvalidArguments, match=message):
        made.load(named, CONTEXT)


def test_a_value_is_not_repeated_in_the_message() -> None:
    def function(token: int) -> None: ...

    with pytest.raises(InvalidArguments) as raised:
        arguments(function).dump({"token": "s3cr3t"})
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), [float("inf")], {"deep": [{"nan": float("-inf")}]}, b"\xff"],
    ids=["an object", "nan", "inf", "-inf inside", "bytes"],
)
def test_what_is_no_json_is_refused(value: Any) -> None:
    def function(x) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(InvalidArguments, match="JSON"):
        arguments(function).dump({"x": value})


def test_what_has_no_end_is_refused() -> None:
    def function(x) -> None: ...  # type: ignore[no-untyped-def]

    itself: list[Any] = []
    itself.append(itself)
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    for value in (itself, deep):
        with pytest.raises(InvalidArguments, match="JSON"):
            arguments(function).dump({"x": value})


class Account(BaseModel):
    name: str
    password: SecretStr


def test_a_secret_is_refused_where_only_stars_would_arrive() -> None:
    def sync(account: Account | None = None, token: SecretStr | None = None, note: str = "") -> None: ...

    taken: list[dict[str, Any]] = [{"token": SecretStr("s3cr3t")}, {"account": Account(name="a", password="s3cr3t")}]
    for asked in (*taken, {"token": "s3cr3t"}):
        with pytest.raises(InvalidArguments, match="pass an id") as raised:
            arguments(sync).dump(asked)
        assert "s3cr3t" not in str(raised.value)
    assert arguments(sync).dump({"note": "**********"}) == {"note": "**********"}


def test_too_much_is_refused() -> None:
    def function(x: str) -> None: ...

    made = arguments(function)
    assert made.dump({"x": "a" * (ARGS_MAX - 20)})
    with pytest.raises(InvalidArguments, match="pass its id"):
        made.dump({"x": "a" * ARGS_MAX})


def positional_only(a: int, /) -> None: ...
def any_number(*a: int) -> None: ...
def any_name(**a: int) -> None: ...


@pytest.mark.parametrize("function", [positional_only, any_number, any_name])
def test_what_no_name_fills_is_refused_at_once(function: Any) -> None:
    with pytest.raises(InvalidArguments, match="the parameter"):
        arguments(function)


def made() -> int:
    return 1


def with_default(mail: str, db: int = Depends(made)) -> None: ...


def with_annotation(mail: str, db: Annotated[int, Security(made)]) -> None: ...


@pytest.mark.parametrize("function", [with_default, with_annotation])
def test_what_a_route_would_have_filled_in_is_refused(function: Any) -> None:
    """A body would get the marker in the place of what the dependency makes."""
    with pytest.raises(InvalidArguments, match=r"'db' is FastAPI's to fill in \(Depends\), and a run has no request"):
        Arguments(function, "t").check()


def test_annotations_are_read_late() -> None:
    def function(x: DefinedBelow) -> None: ...

    made = arguments(function)
    assert made.load(made.dump({"x": {"y": 1}}), CONTEXT) == {"x": DefinedBelow(y=1)}


class DefinedBelow(BaseModel):
    y: int


def test_a_type_only_for_checkers_is_told() -> None:
    def function(x: OnlyForCheckers) -> None: ...

    with pytest.raises(InvalidArguments, match=r"'OnlyForCheckers'.*TYPE_CHECKING"):
        arguments(function).check()


def test_the_type_of_the_result_is_not_needed() -> None:
    def function(x: int) -> OnlyForCheckers: ...

    assert arguments(function).dump({"x": 1}) == {"x": 1}


def test_a_type_that_json_cannot_make_is_told() -> None:
    def function(x: Arguments) -> None: ...

    with pytest.raises(InvalidArguments, match="Take an id or plain data"):
        arguments(function).dump({"x": 1})


def test_reads_through_wrappers_partials_and_objects() -> None:
    def function(a: int, b: int) -> None: ...

    class Callable:
        def __call__(self, a: int) -> None: ...

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    assert arguments(wrapper).dump({"a": "1", "b": 2}) == {"a": 1, "b": 2}
    assert arguments(functools.partial(function, b=1)).dump({"a": "1"}) == {"a": 1}
    assert arguments(Callable()).dump({"a": "1"}) == {"a": 1}


def test_json_schema_names_what_is_required() -> None:
    def function(context: Context, a: int, b: str = "") -> None: ...

    schema = arguments(function).json_schema()
    assert schema["required"] == ["a"]
    assert sorted(schema["properties"]) == ["a", "b"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_plain_json_stays_as_it_is(value: Any) -> None:
    def function(x: Any) -> None: ...

    made = arguments(function)
    assert made.load(made.dump({"x": value}), CONTEXT) == {"x": value}


def outcome(load: Callable[[], dict[str, Any]]) -> str:
    try:
        return repr(load())
    except InvalidArguments as error:
        return f"refused: {error} {error.misfits}"


@given(
    st.dictionaries(st.sampled_from(["a", "b", "when", "z"]), json_values, max_size=4).map(json.dumps)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "",
            "null",
            "[1]",
            "{}",
            '{"a": 1, "a": 2}',
            '{"a": 1, "b": NaN}',
            '{"a": 1, "b": 1e999}',
            '{"a": 1} ',
            ' {"a": 1}',
            '{"a": 123456789012345678901234567890}',
            '{"a": 1, "when": "2030-01-01T00:00:00Z"}',
            '{"a": 1, "b": "\\ud800"}',
            '{"a": 1, "b": "\ud800"}',
            '{"a": 1, "b": ' + "[" * 500 + "]" * 500 + "}",
        ]
    )
)
def test_stored_text_is_understood_as_what_it_says(text: str) -> None:
    """The quick way to read arguments differs from the long one in nothing."""

    def function(a: int, context: Context, b: Any = None, when: datetime | None = None) -> None: ...

    made = arguments(function)
    told = outcome(lambda: made.load_text(text, CONTEXT))
    assert told == outcome(lambda: made.load(mapping_from(text), CONTEXT))


def test_no_arguments_are_none() -> None:
    def function(context: Context, b: int = 1) -> None: ...

    assert arguments(function).load_text("{}", CONTEXT) == {"context": CONTEXT}


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_any_arguments_fit_or_are_refused(named: dict[str, Any]) -> None:
    def function(a: int, b: list[str] = []) -> None: ...  # noqa: B006

    made = arguments(function)
    try:
        stored = made.dump(named)
    except InvalidArguments:
        fits = named.keys() == {"a"} and type(named["a"]) is int
        assert not fits
    else:
        assert made.load(stored, CONTEXT).keys() == named.keys()

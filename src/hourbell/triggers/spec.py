"""Reading a trigger's JSON form: every field is known, present and of its type, or the refusal names it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from hourbell.errors import TriggerError
from hourbell.triggers.instants import read_instant, write_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Spec = dict[str, Any]


def check_fields(spec: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Refuse a field that is missing or unknown.

    Raises:
        TriggerError: naming the field.
    """
    kind = spec["kind"]
    for name in required:
        if name not in spec:
            raise TriggerError(f"trigger of kind {kind!r}: the field {name!r} is missing", place=(name,))
    known = ("kind", *required, *optional)
    for name in spec:
        if name not in known:
            told = f"trigger of kind {kind!r}: unknown field {shown(name)}{_proposal(name, known)}"
            raise TriggerError(told, place=(name,))


def text_field(spec: Mapping[str, Any], name: str) -> str:
    """The field's text.

    Raises:
        TriggerError: when it is something else.
    """
    value = spec[name]
    if not isinstance(value, str):
        raise _wrong_type(spec, name, "text", value)
    return value


def optional_text_field(spec: Mapping[str, Any], name: str) -> str | None:
    """The field's text, or None when it is absent or null.

    Raises:
        TriggerError: when it is something else.
    """
    return None if spec.get(name) is None else text_field(spec, name)


def number_field(spec: Mapping[str, Any], name: str) -> float:
    """The field's number.

    Raises:
        TriggerError: when it is something else; true and false are no numbers.
    """
    value = spec[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(spec, name, "a number", value)
    return value


def optional_instant_field(spec: Mapping[str, Any], name: str) -> datetime | None:
    """The field's instant, or None when it is absent or null.

    Raises:
        TriggerError: when it is not RFC 3339 text.
    """
    text = optional_text_field(spec, name)
    return None if text is None else read_instant(text, name)


def optional_instant(instant: datetime | None) -> str | None:
    """How an instant that may be absent stands in a spec."""
    return None if instant is None else write_instant(instant)


def shown(value: object, longest: int = 40) -> str:
    """A value from outside for a message: its text quoted and cut, of anything else only its type."""
    if not isinstance(value, str):
        return f"of type {type(value).__name__}"
    return repr(value if len(value) <= longest else value[:longest] + "…")


def _proposal(name: object, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name[:40], known, n=1) if isinstance(name, str) else []
    return f"; did you mean {found[0]!r}?" if found else f"; its fields are {', '.join(known)}"


def _wrong_type(spec: Mapping[str, Any], name: str, wanted: str, value: object) -> TriggerError:
    return TriggerError(
        f"trigger of kind {spec['kind']!r}: the field {name!r} must be {wanted}, not {type(value).__name__}",
        place=(name,),
    )

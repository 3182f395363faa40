"""JSON as it stands in a row. Nonsense that somebody wrote there is that row's misfortune: nothing is raised for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 200
_DECODER = json.JSONDecoder()


def mapping_from(text: str) -> Mapping[str, Any]:
    """The mapping that was stored. Nonsense stands under the name ``""``, which nothing understands: so a trigger, a
    policy or an argument of it is refused by whoever needs it."""
    if text == "{}":
        return {}
    try:
        # What json.loads does, without what it looks at before and after: this is done for each run that is claimed.
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        value, end = None, -1
    if end != len(text):
        value = value_from(text)
    return value if isinstance(value, dict) else {"": value}


def value_from(text: str) -> Any:
    """The value that was stored; nonsense as text, cut."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return str(text)[:_SHOWN]


def names_from(text: str | None) -> Sequence[str] | None:
    """The list of names that was stored; None where there was none, or nonsense."""
    value = value_from(text) if text is not None else None
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else None

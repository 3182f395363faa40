"""What a body returned, as JSON text to be stored; bounded, so that no body can fill the database or the memory."""

from __future__ import annotations

import json
import re
from typing import Any

from hourbell.errors import ResultRejected

RESULT_MAX = 64 * 1024
MOST_DEPTH = 100
"""How deep lists and objects may be nested: beyond some 250, what was written once could not be read by everybody."""

_SMALL = (type(None), bool, int, float)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def result_text(value: Any, limit: int = RESULT_MAX) -> str | None:
    """The JSON of a result; None when there is nothing to keep.

    What JSON has no form for is written as pydantic writes it: models, dataclasses, enums, instants, UUIDs, decimals,
    sets. Halves of characters are replaced. Raises ResultRejected for what has no JSON form, for more than ``limit``
    bytes of it and for what is nested too deep; and whatever the value's own code raises.
    """
    if value is None:
        return None
    if _least_size(value, limit) > limit:
        raise _too_long(limit)
    text = _text(value)
    if len(text) > limit:
        raise _too_long(limit, len(text))
    if text.count("[") + text.count("{") > MOST_DEPTH and _is_too_deep(text):
        raise ResultRejected(f"it is nested more than {MOST_DEPTH} deep; return flatter data")
    return _readable(text) if "\\ud" in text else text


def _readable(text: str) -> str:
    """The JSON without halves of characters, which cannot be sent to anybody: a name of a file that is no UTF-8 has
    them. Whole characters are written as two halves."""
    plain = json.dumps(json.loads(text), ensure_ascii=False)
    if not _SURROGATE.search(plain):
        return text
    return json.dumps(json.loads(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", plain)))


def _is_too_deep(text: str) -> bool:
    depth = 0
    for mark in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if mark[0] in "[{" else -1
        if depth > MOST_DEPTH:
            return True
    return False


def _text(value: Any) -> str:
    try:
        try:
            return json.dumps(value, allow_nan=False)
        except TypeError:
            return _text_by_pydantic(value)
    except (ValueError, TypeError, RecursionError) as error:
        said = " ".join(str(error).split())[:300]
        raise ResultRejected(f"it cannot be written as JSON ({said}); return plain data, or nothing") from None


def _text_by_pydantic(value: Any) -> str:
    # Imported here: most results need none of it.
    from pydantic_core import to_jsonable_python

    return json.dumps(to_jsonable_python(value, by_alias=False), allow_nan=False)


def _least_size(value: Any, limit: int) -> int:
    """How long the JSON is at the least; the count ends beyond ``limit``, so a huge value costs no more than that.

    To write it whole only to find it too long would hold the event loop up for as long as the value is big.
    """
    size, waiting = 0, [value]
    while waiting and size <= limit:
        one = waiting.pop()
        if isinstance(one, str | bytes | bytearray):
            size += len(one) + 2
            continue
        size += 1
        if isinstance(one, _SMALL):
            continue
        if isinstance(one, dict):
            size += 3 * len(one)
            if size <= limit:
                waiting += one
                waiting += one.values()
        elif isinstance(one, list | tuple | set | frozenset):
            size += len(one)
            if size <= limit:
                waiting += one
    return size


def _too_long(limit: int, length: int | None = None) -> ResultRejected:
    told = f"{length:,}" if length is not None else f"more than {limit:,}"
    return ResultRejected(
        f"it takes {told} bytes of JSON and at most {limit:,} are kept (setting result_max): store the data elsewhere "
        "and return its id"
    )

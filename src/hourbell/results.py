"""What a body returned, as JSON text to be stored; bounded, so that no body can fill the database or the memory."""

from __future__ import annotations

import json
from typing import Any

from hourbell.errors import ResultRejected

RESULT_MAX = 64 * 1024
_SMALL = (type(None), bool, int, float)


def result_text(value: Any, limit: int = RESULT_MAX) -> str | None:
    """The JSON of a result; None when there is nothing to keep.

    What JSON has no form for is written as pydantic writes it: models, dataclasses, enums, instants, UUIDs, decimals,
    sets. Raises ResultRejected for what has no JSON form, and for more than ``limit`` bytes of it; and whatever the
    value's own code raises.
    """
    if value is None:
        return None
    if _least_size(value, limit) > limit:
        raise _too_long(limit)
    text = _text(value)
    if len(text) > limit:
        raise _too_long(limit, len(text))
    return text


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

"""What a request carries, bounded before anything is made of it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from itertools import islice
from typing import Any, NoReturn

from fastapi import HTTPException, Request

MOST_BYTES = 1024 * 1024
MOST_VALUES = 20_000
MOST_DEPTH = 32
LONGEST_NUMBER = 100

# Ends at the end of the text too, so that a string which is never closed is looked at once and not from each quote on.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


class BoundedRequest(Request):
    """A request whose body is read up to a bound, and is JSON or refused in words.

    The size, how deep it is nested and how many values it has are looked at before it is parsed. Raises HTTPException:
    413 when it is too large, 415 when it is something else than JSON, 400 when it is no JSON.
    """

    _parsed: Any

    @property
    def given(self) -> Any:
        """What the body said, when somebody has asked for it; else None."""
        return getattr(self, "_parsed", None)

    async def body(self) -> bytes:
        """The body. Raises HTTPException."""
        if not hasattr(self, "_body"):
            self._body = await self._read()
            if self._body:
                self._check_type()
        return self._body

    async def json(self) -> Any:
        """What the body says. Raises HTTPException."""
        if not hasattr(self, "_parsed"):
            self._parsed = parsed(await self.body())
        return self._parsed

    async def _read(self) -> bytes:
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > MOST_BYTES):
            _refuse_size()
        read = bytearray()
        async for chunk in self.stream():
            read += chunk
            if len(read) > MOST_BYTES:
                _refuse_size()
        return bytes(read)

    def _check_type(self) -> None:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise HTTPException(415, "send JSON, with the header Content-Type: application/json")


def parsed(raw: bytes) -> Any:
    """The value of a JSON text. Raises HTTPException with the reason."""
    _check_shape(raw)
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_fraction,
            object_pairs_hook=_each_once,
        )
        if _HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is not UTF-8") from None
    except UnicodeEncodeError:
        raise HTTPException(400, "the body has half a character: \\ud800 to \\udfff stand only in pairs") from None
    except json.JSONDecodeError as error:
        raise HTTPException(
            400, f"the body is no JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    return value


def _check_shape(raw: bytes) -> None:
    """Refuse what is nested too deep, or is too many things, before time and memory go into it."""
    outside = _STRING.sub(b"", raw)
    # Brackets first, so many as take no time: of many of one kind "too deep" says more than "too many".
    depth = 0
    for mark in islice(_BRACKET.finditer(outside), 2 * MOST_VALUES):
        depth += 1 if mark[0] in b"[{" else -1
        if depth > MOST_DEPTH:
            raise HTTPException(400, f"the body is nested more than {MOST_DEPTH} deep")
    if sum(outside.count(sign) for sign in (b"[", b"{", b",")) > MOST_VALUES:
        raise HTTPException(413, f"the body has more than {MOST_VALUES:,} values")


def _refuse_size() -> NoReturn:
    raise HTTPException(413, f"the body is larger than {MOST_BYTES:,} bytes")


def _refuse_constant(name: str) -> NoReturn:
    raise HTTPException(400, f"JSON has no {name}")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object. Of two values of one name the first would be lost in silence."""
    made = dict(pairs)
    if len(made) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise HTTPException(400, f"an object in the body has {name[:40]!r} more than once")
    return made


def _whole(text: str) -> int:
    _check_length(text)
    return int(text)


def _fraction(text: str) -> float:
    _check_length(text)
    number = float(text)
    if not math.isfinite(number):
        raise HTTPException(400, f"the number {text[:20]} is too large")
    return number


def _check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise HTTPException(400, f"a number has more than {LONGEST_NUMBER} characters")

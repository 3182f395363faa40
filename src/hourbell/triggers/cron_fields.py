"""Reading a cron expression into fields: which values each of them names. Nothing here knows the calendar.

The language is crontab(5)'s: lists, ranges, steps (also on ranges and single starts), names of months and days,
0 and 7 for Sunday, and the `@daily` family; and, beyond it, a field of seconds in front, and ranges that wrap.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_EXPRESSION = 256

_WORD = re.compile(r"[^ \t]+")
_PIECE = re.compile(r"(?:(?P<star>\*)|(?P<low>[0-9]+|[A-Za-z]+)(?:-(?P<high>[0-9]+|[A-Za-z]+))?)(?:/(?P<step>[0-9]+))?")
_LONGEST_NUMBER = 4

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What may stand in one place of an expression."""

    name: str
    low: int
    high: int
    """The greatest number that may be written; 7 for the day of the week."""
    names: tuple[str, ...] = ()
    """Words for the values from `low` on."""
    last: int = 0
    """The greatest value; less than `high` where two numbers mean the same."""

    @property
    def size(self) -> int:
        """How many different values there are."""
        return self.last - self.low + 1


def _kind(name: str, low: int, high: int, names: tuple[str, ...] = (), last: int | None = None) -> FieldKind:
    return FieldKind(name, low, high, names, high if last is None else last)


SECOND = _kind("second", 0, 59)
MINUTE = _kind("minute", 0, 59)
HOUR = _kind("hour", 0, 23)
DAY_OF_MONTH = _kind("day of month", 1, 31)
MONTH = _kind("month", 1, 12, _MONTHS)
DAY_OF_WEEK = _kind("day of week", 0, 7, _WEEKDAYS, last=6)

_FIVE = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
_SIX = (SECOND, *_FIVE)


@dataclass(frozen=True, slots=True)
class CronField:
    """One field: bit n of `mask` stands for the value n (Sunday is 0 only)."""

    mask: int
    starred: bool
    """Whether it begins with `*`, which decides how days combine and whether the wall clock is followed."""

    def values(self) -> tuple[int, ...]:
        """The values in ascending order."""
        return tuple(value for value in range(self.mask.bit_length()) if self.mask >> value & 1)


@dataclass(frozen=True, slots=True)
class CronFields:
    """A whole expression; of five fields, the second is 0."""

    second: CronField
    minute: CronField
    hour: CronField
    day_of_month: CronField
    month: CronField
    day_of_week: CronField

    @property
    def follows_wall_clock(self) -> bool:
        """Whether the minute or the hour begins with `*`: cron(8) lets these run by the clock over a DST change."""
        return self.minute.starred or self.hour.starred

    @property
    def either_day(self) -> bool:
        """Whether one of the two day fields is enough: both are restricted, neither begins with `*`."""
        return not self.day_of_month.starred and not self.day_of_week.starred


def tidy(expr: str) -> str:
    """The expression with single spaces and none at its ends; the form in which two are compared.

    Raises:
        TriggerError: when it is no text, or longer than 256 characters.
    """
    if not isinstance(expr, str):
        raise TriggerError(f"cron expression: must be text such as '0 9 * * mon-fri', not {type(expr).__name__}")
    if len(expr) > LONGEST_EXPRESSION:
        raise TriggerError(
            f"cron expression: {len(expr)} characters are too many; an expression has at most {LONGEST_EXPRESSION}"
        )
    return " ".join(_WORD.findall(expr))


def words_of(expr: str) -> list[tuple[int, str]]:
    """The words of the expression, each with the column (from 0) where it begins."""
    return [(match.start(), match.group()) for match in _WORD.finditer(expr)]


@lru_cache(maxsize=2048)
def read_expression(expr: str) -> CronFields:
    """What the expression says, of at most 256 characters.

    Raises:
        TriggerError: pointing at the field, the piece and the column.
    """
    _check_characters(expr)
    words = words_of(expr)
    if words and words[0][1].startswith("@"):
        return read_expression(_alias(expr, words))
    if len(words) not in (5, 6):
        raise _wrong_count(expr, words)
    kinds = _SIX if len(words) == 6 else _FIVE
    fields = [_Reader(expr, kind).field(start, word) for kind, (start, word) in zip(kinds, words, strict=True)]
    if len(fields) == 5:
        fields.insert(0, CronField(mask=1, starred=False))
    return CronFields(*fields)


def _check_characters(expr: str) -> None:
    for column, char in enumerate(expr):
        if not (" " <= char <= "~" or char == "\t"):
            raise refusal(expr, column, 1, f"cron expression: the character {char!a} cannot stand here")


def _alias(expr: str, words: list[tuple[int, str]]) -> str:
    start, word = words[0]
    meaning = _ALIASES.get(word.lower())
    if meaning is None:
        found = difflib.get_close_matches(word.lower(), _ALIASES, n=1)
        advice = f"did you mean {found[0]!r}?" if found else f"known are {', '.join(_ALIASES)}"
        raise refusal(expr, start, len(word), f"cron expression: {word!r} is not an alias; {advice}")
    if len(words) > 1:
        start, extra = words[1]
        raise refusal(expr, start, len(extra), f"cron expression: nothing may follow {word}, found {extra!r}")
    return meaning


def _wrong_count(expr: str, words: list[tuple[int, str]]) -> TriggerError:
    wanted = "five fields (minute, hour, day of month, month, day of week), or six with the seconds first"
    if len(words) > 6:
        start, word = words[6]
        return refusal(
            expr,
            start,
            len(expr.rstrip()) - start,
            f"cron expression: {len(words)} fields, {word!r} is one too many; it has {wanted}",
        )
    missing = _FIVE[len(words)].name
    what = f"cron expression: {len(words)} of the fields, the {missing} is missing; it has {wanted}"
    return refusal(expr, len(expr.rstrip()), 1, what)


class _Reader:
    """Reads one field; it remembers the expression for the sake of its messages."""

    __slots__ = ("_expr", "_kind")

    def __init__(self, expr: str, kind: FieldKind) -> None:
        self._expr = expr
        self._kind = kind

    def field(self, start: int, word: str) -> CronField:
        mask = 0
        for offset, piece in _split(word):
            if not piece:
                at = start + min(offset, len(word) - 1)
                raise self._refuse(at, 1, "a comma with nothing beside it")
            mask |= self._piece(start + offset, piece)
        return CronField(mask, starred=word.startswith("*"))

    def _piece(self, start: int, piece: str) -> int:
        match = _PIECE.fullmatch(piece)
        if match is None:
            raise self._refuse(start, len(piece), f"{piece!r} is not understood")
        kind = self._kind
        step = 1 if match["step"] is None else self._step(start + match.start("step"), match["step"])
        if match["star"]:
            return self._mask(kind.low, kind.last, step)
        low = self._value(start, match["low"])
        if match["high"] is not None:
            high = self._value(start + match.start("high"), match["high"])
        else:
            high = low if match["step"] is None else kind.high
        return self._mask(low, high, step)

    def _mask(self, low: int, high: int, step: int) -> int:
        """The values from low to high; a range whose end is less than its begin goes round."""
        kind = self._kind
        if high < low:
            high += kind.size
        mask = 0
        for value in range(low, high + 1, step):
            mask |= 1 << (kind.low + (value - kind.low) % kind.size)
        return mask

    def _step(self, start: int, digits: str) -> int:
        size = self._kind.size
        step = int(digits) if len(digits) <= _LONGEST_NUMBER else size + 1
        if step == 0:
            raise self._refuse(start, len(digits), "a step of 0 goes nowhere")
        if step > size:
            raise self._refuse(
                start,
                len(digits),
                f"a step of {digits[:12]} is more than the {size} values there are; "
                "for other periods there is Every(...)",
            )
        return step

    def _value(self, start: int, token: str) -> int:
        kind = self._kind
        if not token.isdigit():
            return self._named(start, token)
        value = int(token) if len(token) <= _LONGEST_NUMBER else kind.high + 1
        if kind.low <= value <= kind.high:
            return value
        nearest = kind.low if value == kind.high + 1 and kind.low == 0 else min(max(value, kind.low), kind.high)
        raise self._refuse(
            start,
            len(token),
            f"{token[:12]} is out of range, {kind.low} to {kind.high}; did you mean {nearest}?",
        )

    def _named(self, start: int, token: str) -> int:
        kind, word = self._kind, token.upper()
        if word in kind.names:
            return kind.low + kind.names.index(word)
        if not kind.names:
            advice = f"it takes numbers from {kind.low} to {kind.high}"
        else:
            prefix = [name for name in kind.names if word.startswith(name)]
            # Four letters, so that the rest of a long name that is spelt wrong does not count against it.
            found = prefix or difflib.get_close_matches(word[:4], kind.names, n=1, cutoff=0.5)
            advice = f"did you mean {found[0]}?" if found else f"known are {', '.join(kind.names)}"
        raise self._refuse(start, len(token), f"{token!r} is not a value of this field; {advice}")

    def _refuse(self, start: int, length: int, what: str) -> TriggerError:
        return refusal(self._expr, start, length, f"cron expression, {self._kind.name}: {what}")


def _split(word: str) -> Iterator[tuple[int, str]]:
    """The pieces between the commas, each with its place in the word."""
    offset = 0
    for piece in word.split(","):
        yield offset, piece
        offset += len(piece) + 1

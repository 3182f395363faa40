"""Reading one field of a cron expression. Every refusal points at its piece and says what was probably meant."""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.triggers.cron_day_rules import LastDay, LastOfWeekday, LastWorkday, NearestWorkday, NthWeekday
from hourbell.triggers.cron_fields import DAY_OF_MONTH, DAY_OF_WEEK, CronField
from hourbell.triggers.cron_refusals import misplaced, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hourbell.errors import TriggerError
    from hourbell.triggers.cron_day_rules import DayRule
    from hourbell.triggers.cron_fields import FieldKind
    from hourbell.triggers.cron_hash import HashSource

_VALUE = r"[0-9]+|[A-Za-z]+"
_STEP = r"(?:/(?P<step>[0-9]+))?"
_PIECE = re.compile(rf"(?:(?P<star>\*)|(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}))?){_STEP}")
_HASH = re.compile(rf"H(?:\((?P<low>{_VALUE})-(?P<high>{_VALUE})\))?{_STEP}", re.IGNORECASE)
_LAST_DAY = re.compile(r"L(?:-(?P<before>[0-9]+))?", re.IGNORECASE)
_WORKDAY = re.compile(r"(?P<near>[0-9]+|L)W", re.IGNORECASE)
_NTH = re.compile(rf"(?P<weekday>{_VALUE})#(?P<nth>[0-9]+)")
_LAST_OF_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Za-z]{2,}?)L", re.IGNORECASE)
_UNITS = MappingProxyType({"second": "s", "minute": "m", "hour": "h"})
_LONGEST_NUMBER = 4
_MOST_IN_A_MONTH = 5


class FieldReader:
    """Reads one field; it remembers the expression for the sake of its messages."""

    __slots__ = ("_expr", "_hash", "_hashed", "_kind", "_rules")

    def __init__(self, expr: str, kind: FieldKind, source: HashSource | None = None) -> None:
        self._expr = expr
        self._kind = kind
        self._hash = source
        self._hashed = False
        self._rules: list[DayRule] = []

    def field(self, start: int, word: str) -> CronField:
        """The field that this word writes, which stands at the column `start` (from 0) of the expression.

        Raises:
            TriggerError: pointing at the piece that is not understood.
        """
        if word == "?" and self._kind.is_day:
            return CronField(self._mask(self._kind.low, self._kind.last, 1), starred=True)
        mask = 0
        for offset, piece in _split(word):
            if not piece:
                at = start + min(offset, len(word) - 1)
                raise self._refuse(at, 1, "a comma with nothing beside it")
            mask |= self._piece(start + offset, piece)
        hashed = word if self._hashed else ""
        return CronField(mask, starred=word.startswith("*"), rules=tuple(self._rules), hashed=hashed)

    def _piece(self, start: int, piece: str) -> int:
        """The values that a piece names; a rule about days is remembered instead."""
        rule = self._rule(start, piece)
        if rule is not None:
            self._rules.append(rule)
            return 0
        if (match := _HASH.fullmatch(piece)) is not None:
            return self._chosen(start, match)
        match = _PIECE.fullmatch(piece)
        if match is None:
            advice = misplaced(piece, self._kind)
            raise self._refuse(start, len(piece), f"{piece!r} is not understood" + (f"; {advice}" if advice else ""))
        kind = self._kind
        step = self._step(start, match)
        if match["star"]:
            return self._mask(kind.low, kind.last, step)
        low = self._value(start, match["low"])
        if match["high"] is not None:
            high = self._value(start + match.start("high"), match["high"])
        else:
            high = low if match["step"] is None else kind.high
        return self._mask(low, high, step)

    def _rule(self, start: int, piece: str) -> DayRule | None:
        """The rule that a piece writes where rules of its sort may stand."""
        if self._kind is DAY_OF_MONTH:
            return self._rule_of_month(start, piece)
        if self._kind is DAY_OF_WEEK:
            return self._rule_of_week(start, piece)
        return None

    def _rule_of_month(self, start: int, piece: str) -> DayRule | None:
        if (match := _LAST_DAY.fullmatch(piece)) is not None:
            digits = match["before"]
            if digits is None:
                return LastDay()
            if len(digits) > _LONGEST_NUMBER or int(digits) >= self._kind.last:
                raise self._refuse(start + 2, len(digits), f"no month has a day {digits[:12]} days before its last")
            return LastDay(int(digits))
        if (match := _WORKDAY.fullmatch(piece)) is not None:
            near = match["near"]
            return NearestWorkday(self._value(start, near)) if near.isdigit() else LastWorkday()
        return None

    def _rule_of_week(self, start: int, piece: str) -> DayRule | None:
        if (match := _NTH.fullmatch(piece)) is not None:
            weekday = self._weekday(start, match["weekday"])
            digits = match["nth"]
            nth = int(digits) if len(digits) <= _LONGEST_NUMBER else 0
            if not 1 <= nth <= _MOST_IN_A_MONTH:
                name = match["weekday"].upper()
                raise self._refuse(
                    start + match.start("nth"),
                    len(digits),
                    f"a weekday comes 1 to 5 times a month, not {digits[:12]}; for the last one write {name}L",
                )
            return NthWeekday(weekday, nth)
        if (match := _LAST_OF_WEEKDAY.fullmatch(piece)) is not None:
            return LastOfWeekday(self._weekday(start, match["weekday"]))
        return None

    def _weekday(self, start: int, token: str) -> int:
        return self._value(start, token) % 7

    def _chosen(self, start: int, match: re.Match[str]) -> int:
        """What the hash chooses; without an id to hash, everything that it could."""
        kind = self._kind
        low, high = kind.low, kind.last_hashed
        if match["low"] is not None:
            low = self._value(start + match.start("low"), match["low"])
            high = self._value(start + match.start("high"), match["high"])
        values = self._values(low, high)
        step = self._step(start, match)
        if step > len(values):
            digits = match["step"]
            what = f"a step of {digits[:12]} is more than the {len(values)} values that H chooses from"
            raise self._refuse(start + match.start("step"), len(digits), what)
        if self._hash is None:
            self._hashed = True
            return _bits(values)
        number = self._hash.number(kind.name)
        if match["step"] is None:
            return 1 << values[number % len(values)]
        return _bits(values[number % step :: step])

    def _mask(self, low: int, high: int, step: int) -> int:
        return _bits(self._values(low, high)[::step])

    def _values(self, low: int, high: int) -> list[int]:
        """The values from low to high; a range whose end is less than its begin goes round."""
        kind = self._kind
        if high < low:
            high += kind.size
        return [kind.low + (value - kind.low) % kind.size for value in range(low, high + 1)]

    def _step(self, start: int, match: re.Match[str]) -> int:
        digits = match["step"]
        if digits is None:
            return 1
        start += match.start("step")
        size = self._kind.size
        step = int(digits) if len(digits) <= _LONGEST_NUMBER else size + 1
        if step == 0:
            raise self._refuse(start, len(digits), "a step of 0 goes nowhere")
        if step > size:
            what = f"a step of {digits[:12]} is more than the {size} values there are"
            unit = _UNITS.get(self._kind.name)
            other = "Every(...)" if unit is None or len(digits) > _LONGEST_NUMBER else f"@every {step}{unit}"
            raise self._refuse(start, len(digits), f"{what}; for other periods there is {other}")
        return step

    def _value(self, start: int, token: str) -> int:
        kind = self._kind
        if not token.isdigit():
            return self._named(start, token)
        value = int(token) if len(token) <= _LONGEST_NUMBER else kind.high + 1
        if kind.low <= value <= kind.high:
            return value
        # 60 minutes and 24 hours are the next round's beginning.
        wraps = kind.low == 0 and token.lstrip("0") == str(kind.high + 1)
        nearest = kind.low if wraps else min(max(value, kind.low), kind.high)
        raise self._refuse(
            start,
            len(token),
            f"{token[:12]} is out of range, {kind.low} to {kind.high}; did you mean {nearest}?",
        )

    def _named(self, start: int, token: str) -> int:
        kind, word = self._kind, token.upper()
        if word in kind.names:
            return kind.low + kind.names.index(word)
        what = f"{token!r} is not a value of this field"
        if advice := misplaced(token, kind):
            raise self._refuse(start, len(token), f"{what}; {advice}")
        if not kind.names:
            advice = f"it takes numbers from {kind.low} to {kind.high}"
        else:
            prefix = [name for name in kind.names if word.startswith(name)]
            # Four letters, so that the rest of a long name that is spelt wrong does not count against it.
            found = prefix or difflib.get_close_matches(word[:4], kind.names, n=1, cutoff=0.5)
            advice = f"did you mean {found[0]}?" if found else f"known are {', '.join(kind.names)}"
        raise self._refuse(start, len(token), f"{what}; {advice}")

    def _refuse(self, start: int, length: int, what: str) -> TriggerError:
        return refusal(self._expr, start, length, f"cron expression, {self._kind.name}: {what}")


def _split(word: str) -> Iterator[tuple[int, str]]:
    """The pieces between the commas, each with its place in the word."""
    offset = 0
    for piece in word.split(","):
        yield offset, piece
        offset += len(piece) + 1


def _bits(values: list[int]) -> int:
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask

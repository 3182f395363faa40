"""`@every 1h30m`: a period of elapsed time, written as a cron expression."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_expression import check_characters, words_of
from hourbell.triggers.cron_refusals import refusal
from hourbell.triggers.instants import as_utc
from hourbell.triggers.interval import Every

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

_PART = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,6})?)(?P<unit>[a-z]*)", re.IGNORECASE)
_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {
        "w": timedelta(weeks=1),
        "d": timedelta(days=1),
        "h": timedelta(hours=1),
        "m": timedelta(minutes=1),
        "s": timedelta(seconds=1),
        "ms": timedelta(milliseconds=1),
    }
)
_HOW = "write it as 90s, 15m, 1h30m or 2d"


@dataclass(frozen=True, slots=True)
class ElapsedRule:
    """The fires of an `@every`: those of an interval, told in a zone."""

    interval: Every
    zone: tzinfo

    def next_after(self, instant: datetime) -> datetime | None:
        """See `Trigger.next_after`."""
        return self._told(self.interval.next_after(instant))

    def prev_before(self, instant: datetime) -> datetime | None:
        """See `Trigger.prev_before`."""
        return self._told(self.interval.prev_before(instant))

    def count_between(self, start: datetime, end: datetime, cap: int) -> int:
        """See `Trigger.count_between`."""
        return self.interval.count_between(start, end, cap)

    def _told(self, fire: datetime | None) -> datetime | None:
        return None if fire is None else fire.astimezone(self.zone)


def elapsed_rule(expr: str, zone: tzinfo, anchor: datetime | None) -> ElapsedRule:
    """The rule of an `@every` expression, on its grid when there is an anchor.

    Raises:
        TriggerError: when the period is not understood, or the anchor is naive.
    """
    interval = read_every(expr)
    return ElapsedRule(interval if anchor is None else interval.anchored(as_utc(anchor, "anchor")), zone)


def is_every(expr: str) -> bool:
    """Whether the expression begins with `@every`."""
    return expr.lstrip(" \t")[:6].lower() == "@every" and expr.lstrip(" \t")[6:7] in ("", " ", "\t")


def read_every(expr: str) -> Every:
    """The interval that an `@every` expression of at most 256 characters writes.

    Raises:
        TriggerError: pointing at the piece that is not understood, or when the period is out of bounds.
    """
    check_characters(expr)
    words = words_of(expr)
    if len(words) == 1:
        raise refusal(expr, len(expr.rstrip()), 1, f"cron expression, @every: the period is missing; {_HOW}")
    if len(words) > 2:
        start, extra = words[2]
        what = f"cron expression, @every: the period is one word, found {extra!r} behind it; {_HOW}"
        raise refusal(expr, start, len(extra), what)
    start, word = words[1]
    try:
        return Every(seconds=_period(expr, start, word).total_seconds())
    except OverflowError:
        raise refusal(expr, start, len(word), "cron expression, @every: the longest period is 100 years") from None
    except TriggerError as error:
        text = str(error)
        if text.startswith("cron expression"):
            raise
        raise refusal(expr, start, len(word), f"cron expression, @every: {text.removeprefix('Every: ')}") from None


def _period(expr: str, start: int, word: str) -> timedelta:
    total = timedelta(0)
    place = 0
    units: list[timedelta] = []
    while place < len(word):
        match = _PART.match(word, place)
        if match is None:
            rest = word[place:]
            raise refusal(expr, start + place, len(rest), f"cron expression, @every: {rest!r} is no period; {_HOW}")
        unit = _UNITS.get(match["unit"].lower())
        if unit is None:
            raise _unknown_unit(expr, start + place, match)
        if unit in units:
            what = f"the unit {match['unit']!r} comes twice"
            raise refusal(expr, start + place, len(match[0]), f"cron expression, @every: {what}")
        units.append(unit)
        total += float(match["number"]) * unit
        place = match.end()
    return total


def _unknown_unit(expr: str, start: int, match: re.Match[str]) -> TriggerError:
    piece, unit = match[0], match["unit"]
    if not unit:
        what = f"{piece!r} has no unit; did you mean {piece}m?"
        return refusal(expr, start, len(piece), f"cron expression, @every: {what}")
    near = unit[0].lower()
    advice = f"did you mean {near!r}?" if near in _UNITS else f"known are {', '.join(_UNITS)}"
    start += match.start("unit") - match.start()
    return refusal(expr, start, len(unit), f"cron expression, @every: {unit[:20]!r} is not a unit; {advice}")

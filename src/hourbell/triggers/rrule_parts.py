"""Reading the text of a recurrence rule (RFC 5545, section 3.3.10): every part is known and in its bounds."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.spec import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 512
FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LARGEST_INTERVAL = 36_525
_LARGEST_COUNT = 1_000_000
# The numbers of each list, and whether they may count from the end.
_LISTS: Mapping[str, tuple[int, int, bool]] = {
    "BYSECOND": (0, 60, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
_KNOWN = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_LISTS)
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")


@dataclass(frozen=True, slots=True)
class RuleParts:
    """What a rule says, part by part; empty where it says nothing. Weekdays count from Monday, 0."""

    frequency: str
    interval: int
    count: int | None
    until: date | datetime | None
    """A date; a naive datetime, a time of the wall clock; or an aware one, in UTC."""
    week_start: int
    lists: Mapping[str, frozenset[int]]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]

    def numbers(self, name: str) -> frozenset[int]:
        """The numbers of one list."""
        return self.lists.get(name, frozenset())

    @property
    def level(self) -> int:
        """The place of the frequency among all, from SECONDLY, 0."""
        return FREQUENCIES.index(self.frequency)


def tidy_rule(text: object) -> str:
    """The rule in capitals, without blanks and without the name of its property.

    Raises:
        TriggerError: when it is no text, or too long.
    """
    if not isinstance(text, str):
        raise TriggerError(f"RRule takes text such as 'FREQ=MONTHLY;BYDAY=-1FR', not {type(text).__name__}")
    if len(text) > LONGEST:
        raise TriggerError(f"RRule: the rule has {len(text)} characters; the most are {LONGEST}")
    return "".join(text.split()).upper().removeprefix("RRULE:").rstrip(";")


@lru_cache(maxsize=512)
def read_rule(text: str) -> RuleParts:
    """The parts of a tidied rule.

    Raises:
        TriggerError: naming the part that is unknown, wrong, or not allowed beside another.
    """
    given: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if name not in _KNOWN:
            near = difflib.get_close_matches(name[:20], _KNOWN, n=1)
            advice = f"did you mean {near[0]}?" if near else f"its parts are {', '.join(_KNOWN)}"
            raise TriggerError(f"RRule: {shown(name)} is no part of a rule; {advice}")
        if not equals or not value:
            raise TriggerError(f"RRule: {name} has no value")
        if name in given:
            raise TriggerError(f"RRule: {name} is given twice")
        given[name] = value
    if given.get("FREQ") not in FREQUENCIES:
        raise TriggerError(f"RRule: FREQ must be one of {', '.join(FREQUENCIES)}, not {shown(given.get('FREQ', ''))}")
    days = [_read_day(word) for word in given["BYDAY"].split(",")] if "BYDAY" in given else []
    parts = RuleParts(
        frequency=given["FREQ"],
        interval=_read_whole(given, "INTERVAL", _LARGEST_INTERVAL) or 1,
        count=_read_whole(given, "COUNT", _LARGEST_COUNT),
        until=_read_until(given["UNTIL"]) if "UNTIL" in given else None,
        week_start=_read_week_start(given.get("WKST", "MO")),
        lists={name: _read_list(name, given[name]) for name in _LISTS if name in given},
        weekdays=frozenset(day for number, day in days if number is None),
        nth=frozenset((number, day) for number, day in days if number is not None),
    )
    _refuse_together(parts)
    return parts


def _refuse_together(parts: RuleParts) -> None:
    """Refuse what the standard does not allow, or what has no meaning here."""
    frequency, level = parts.frequency, parts.level
    if parts.count is not None and parts.until is not None:
        raise TriggerError("RRule: COUNT and UNTIL exclude each other; give one of them")
    if parts.numbers("BYWEEKNO") and frequency != "YEARLY":
        raise TriggerError("RRule: BYWEEKNO is for FREQ=YEARLY only")
    if parts.numbers("BYYEARDAY") and frequency in ("DAILY", "WEEKLY", "MONTHLY"):
        raise TriggerError(f"RRule: BYYEARDAY is not for FREQ={frequency}")
    if parts.numbers("BYMONTHDAY") and frequency == "WEEKLY":
        raise TriggerError("RRule: BYMONTHDAY is not for FREQ=WEEKLY")
    if parts.nth and (frequency not in ("MONTHLY", "YEARLY") or parts.numbers("BYWEEKNO")):
        raise TriggerError("RRule: BYDAY with a number is for FREQ=MONTHLY and FREQ=YEARLY, and not beside BYWEEKNO")
    if parts.numbers("BYSETPOS"):
        if level < FREQUENCIES.index("DAILY"):
            raise TriggerError(f"RRule: BYSETPOS with FREQ={frequency} is not supported; say the times themselves")
        if frequency == "WEEKLY" and parts.numbers("BYMONTH"):
            raise TriggerError(
                "RRule: BYSETPOS beside BYMONTH with FREQ=WEEKLY is not supported; say the days themselves"
            )
    size = (86_400, 1_440, 24)
    if level < len(size) and size[level] % parts.interval:
        unit = ("seconds", "minutes", "hours")[level]
        raise TriggerError(
            f"RRule: INTERVAL={parts.interval} with FREQ={frequency} does not divide the day evenly; for elapsed time "
            f"use Every({unit}={parts.interval})"
        )


def _read_list(name: str, text: str) -> frozenset[int]:
    low, high, from_end = _LISTS[name]
    found = set()
    for word in text.split(","):
        number = int(word) if _NUMBER.fullmatch(word) else None
        if number is None or not (low <= number <= high or (from_end and low <= -number <= high)):
            span = f"{low} to {high}" + (f" or -{high} to -{low}" if from_end else "")
            raise TriggerError(f"RRule: {name}: {shown(word)} must be a number, {span}")
        # A leap second is taken for the last second of its minute: no wall clock here ever shows it.
        found.add(59 if name == "BYSECOND" and number == 60 else number)
    return frozenset(found)


def _read_day(word: str) -> tuple[int | None, int]:
    found = _DAY.fullmatch(word)
    number = int(found[1]) if found and found[1] else None
    if found is None or number == 0 or (number is not None and abs(number) > 53):
        raise TriggerError(f"RRule: BYDAY: {shown(word)} must be a day such as MO, or 2MO, or -1FR")
    return number, WEEKDAYS.index(found[2])


def _read_whole(given: Mapping[str, str], name: str, most: int) -> int | None:
    if name not in given:
        return None
    text = given[name]
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise TriggerError(f"RRule: {name}={shown(text)} must be a whole number from 1 to {most}")
    return int(text)


def _read_week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise TriggerError(f"RRule: WKST={shown(text)} must be one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


def _read_until(text: str) -> date | datetime:
    found = _UNTIL.fullmatch(text)
    message = f"RRule: UNTIL={shown(text)} must be a date such as 20301231, or a time such as 20301231T090000Z"
    if found is None or not 2 <= int(found[1]) <= 9998:
        raise TriggerError(message)
    try:
        day = [int(part) for part in found.groups()[:3]]
        if found[4] is None:
            return date(*day)
        clock = [int(part) for part in found.groups()[3:6]]
        stamp = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*day, *clock)
        return datetime.fromisoformat(stamp + ("+00:00" if found[7] else ""))
    except ValueError:
        raise TriggerError(message) from None

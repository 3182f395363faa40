"""`Cron(hour=9, minute=0, day_of_week="mon-fri")`: the keyword form, written out as an expression.

The names and their meaning are APScheduler's, so that its users can bring their schedules along: what is less than
the least field given is at its minimum, what is greater is `*`; both the day and the day of the week must match; and
**the week begins with Monday, which is 0**. In an expression Sunday is 0; so numbers of weekdays become names here.
"""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_fields import DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND
from hourbell.triggers.cron_reader import FieldReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.cron_fields import FieldKind

# From the greatest to the least, each with what it is when a greater one is the least that was given.
_MINIMA: Mapping[str, str] = MappingProxyType(
    {"month": "1", "day": "1", "day_of_week": "*", "hour": "0", "minute": "0", "second": "0"}
)
_KINDS: Mapping[str, FieldKind] = MappingProxyType(
    {"month": MONTH, "day": DAY_OF_MONTH, "hour": HOUR, "minute": MINUTE, "second": SECOND}
)
_FROM_MONDAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NUMBER = re.compile(r"(?<![#/0-9])[0-9]+")
_ORDINALS: Mapping[str, str] = MappingProxyType(
    {"1st": "#1", "2nd": "#2", "3rd": "#3", "4th": "#4", "5th": "#5", "last": "L"}
)
_LONGEST = 128


def expression_of(fields: Mapping[str, int | str | None]) -> str:
    """The cron expression that these fields mean; those that are None were not given.

    Raises:
        TriggerError: naming the field that is not understood; or none was given.
    """
    given = {name: _text(name, value) for name, value in fields.items() if value is not None}
    for name in ("year", "week"):
        if given.pop(name, "*") != "*":
            raise TriggerError(f"Cron({name}=…): an expression knows no {name}; {_ADVICE[name]}")
    if not given:
        raise TriggerError("Cron needs an expression such as '0 9 * * mon-fri', or fields: hour=9, minute=0, …")
    names = list(_MINIMA)
    least = max(names.index(name) for name in given)
    texts = {name: given.get(name, _MINIMA[name] if place > least else "*") for place, name in enumerate(names)}
    day, weekdays = _days(texts["day"], given.get("day_of_week"))
    for name, kind in _KINDS.items():
        text = day if name == "day" else texts[name]
        FieldReader(text, kind).field(0, text)
    FieldReader(weekdays, DAY_OF_WEEK).field(0, weekdays)
    if "day_of_week" in given and not day.startswith("*") and not weekdays.startswith("*"):
        weekdays = "+" + weekdays
    words = [texts["second"], texts["minute"], texts["hour"], day, texts["month"], weekdays]
    return " ".join(words[1:] if words[0] == "0" else words)


_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "year": "for a stretch of time there is .between(start, end), for a single one At(instant)",
        "week": "for every so many weeks there is CalendarEvery(weeks=…)",
    }
)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TriggerError(f"Cron({name}=…) must be a number or text such as '9-17', not {type(value).__name__}")
    if isinstance(value, int):
        # Very large numbers cannot even be written out; the field's own bounds refuse the others.
        return str(min(max(value, -1), 10**9))
    text = value.strip()
    if not text or len(text) > _LONGEST:
        raise TriggerError(f"Cron({name}=…) must be text of 1 to {_LONGEST} characters")
    if not all(" " <= char <= "~" for char in text):
        raise TriggerError(f"Cron({name}=…): {text[:40]!a} has a character that cannot stand here")
    if name != "day" and " " in text:
        raise TriggerError(f"Cron({name}=…): {text[:40]!r} is one field, it has no spaces")
    return text


def _days(day: str, weekdays: str | None) -> tuple[str, str]:
    """The two day fields of the expression. `2nd fri` and `last fri` of a day belong to the weekdays there."""
    days: list[str] = []
    nth: list[str] = []
    for piece in day.split(","):
        words = piece.lower().split()
        if len(words) == 2:
            nth.append(_nth(piece.strip(), *words))
        else:
            days.append("L" if words == ["last"] else piece.strip())
    if not nth:
        return ",".join(days), _from_monday(weekdays or "*")
    if weekdays is not None:
        raise TriggerError(f"Cron(day={day!r}, day_of_week={weekdays!r}): the day names weekdays already; give one")
    return ",".join(days) or "*", ",".join(nth)


def _nth(piece: str, ordinal: str, weekday: str) -> str:
    if ordinal not in _ORDINALS:
        found = difflib.get_close_matches(ordinal, _ORDINALS, n=1, cutoff=0.3)
        advice = f"did you mean '{found[0]} {weekday[:12]}'?" if found else "write it as '2nd fri' or 'last fri'"
        raise TriggerError(f"Cron(day=…): {piece[:40]!r} is not understood; {advice}")
    return weekday + _ORDINALS[ordinal]


def _from_monday(text: str) -> str:
    """The weekdays with names for numbers, where Monday is 0, and `*/n` and `a/n` that count on from Monday."""
    pieces = []
    for piece in text.split(","):
        named = _WEEKDAY_NUMBER.sub(_weekday_name, piece)
        span, slash, step = named.partition("/")
        if slash and "-" not in span and not span.upper().startswith("H"):
            named = f"{'mon' if span == '*' else span}-sun/{step}"
        pieces.append(named)
    return ",".join(pieces)


def _weekday_name(match: re.Match[str]) -> str:
    digits = match[0]
    if len(digits) > 1 or int(digits) >= len(_FROM_MONDAY):
        raise TriggerError(
            f"Cron(day_of_week=…): {digits[:12]} is out of range, 0 (Monday) to 6 (Sunday) in this form; "
            "names such as 'sun' mean the same everywhere"
        )
    return _FROM_MONDAY[int(digits)]

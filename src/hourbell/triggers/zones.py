"""Time zones: names of the IANA list and nothing else, so that no text from outside ever becomes a file's path."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hourbell.errors import TriggerError

# What some systems list beside the IANA names: this machine's own zone, placeholders, and copies of the list.
_NOT_ZONES = frozenset({"localtime", "Factory", "posixrules"})
_COPIES = ("posix/", "right/")
_LONGEST_NAME = 64
_OFFSET = re.compile(r"(?:UTC|GMT)?[+-]\d", re.IGNORECASE)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone name that is accepted, from the system's zone data or the `tzdata` package."""
    return frozenset(name for name in available_timezones() if name not in _NOT_ZONES and not name.startswith(_COPIES))


_FIELD = ("timezone",)


def zone(name: str) -> ZoneInfo:
    """The zone of this exact IANA name (`"Europe/Berlin"`, `"UTC"`).

    The name is looked up in the list first; `ZoneInfo`, which reads files by name, never sees another one.

    Raises:
        TriggerError: for everything else; the message proposes the nearest name.
    """
    if not isinstance(name, str):
        raise TriggerError(
            f"timezone must be a zone's name such as 'Europe/Berlin', not {type(name).__name__}", place=_FIELD
        )
    if len(name) > _LONGEST_NAME:
        raise TriggerError(f"timezone: a zone's name has at most {_LONGEST_NAME} characters", place=_FIELD)
    return _known_zone(name)


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> ZoneInfo:
    names = zone_names()
    if name in names:
        return ZoneInfo(name)
    if not names:
        raise TriggerError(f"timezone: {name!r} cannot be found, this system has no zone data; pip install tzdata")
    if _OFFSET.match(name):
        raise TriggerError(
            f"timezone: {name!r} is an offset, not a time zone; name a place of the IANA list, such as 'Europe/Berlin'",
            place=_FIELD,
        )
    nearest = _nearest(name, names)
    advice = f"did you mean {nearest!r}?" if nearest else "use a name of the IANA list, such as 'Europe/Berlin'"
    raise TriggerError(f"timezone: {name!r} is not a time zone; {advice}", place=_FIELD)


def _nearest(name: str, names: frozenset[str]) -> str | None:
    """The name that was probably meant: other case, the city alone, or nearly the same letters."""
    wanted = name.strip().lower().replace(" ", "_")
    if not wanted:
        return None
    by_lower = {known.lower(): known for known in sorted(names)}
    if wanted in by_lower:
        return by_lower[wanted]
    by_city = {lower.rpartition("/")[2]: known for lower, known in by_lower.items()}
    if wanted in by_city:
        return by_city[wanted]
    # Only names of about this length: comparing with all of them would take longer than a refusal may.
    close = [lower for lower in by_lower if abs(len(lower) - len(wanted)) <= 2]
    found = difflib.get_close_matches(wanted, close, n=1, cutoff=0.75)
    return by_lower[found[0]] if found else None

"""A job's name and its id: APScheduler's jobs have both, a schedule has its id, so the name stands in the id."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote
from uuid import uuid4

from hourbell import InvalidArguments

_LONGEST = 180
_MADE = re.compile(r"(?P<name>.+)~[0-9a-f]{12}", re.DOTALL)


def new_id(name: str) -> str:
    """An id that nobody has, with this name in it, in characters that may stand in an address as they are.

    Raises InvalidArguments for a name that is empty, has no printable characters alone, or is too long.
    """
    if not name.strip() or not name.isprintable():
        raise InvalidArguments("name: give printable text that is not empty")
    try:
        written = quote(name, safe="").replace("~", "%7E").replace("%", "~")
    except UnicodeEncodeError:
        raise InvalidArguments("name: give text that can be written in UTF-8") from None
    if len(written) > _LONGEST:
        raise InvalidArguments(f"name: give at most {_LONGEST} characters (letters outside ASCII count more)")
    if not written.strip("."):
        raise InvalidArguments("name: it may not be dots alone")
    return f"{written}~{uuid4().hex[:12]}"


def name_of(schedule_id: str) -> str:
    """The name in an id that `new_id` made; any other id is a name itself."""
    found = _MADE.fullmatch(schedule_id)
    return schedule_id if found is None else unquote(found["name"].replace("~", "%"))

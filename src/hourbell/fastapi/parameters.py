"""What stands in addresses and headers: parameters, bounded, and how refusals are described."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, Path, Query, Request
from pydantic import AwareDatetime, BeforeValidator

from hourbell.errors import InvalidArguments, StaleRevision
from hourbell.fastapi.problems import Problem
from hourbell.model.schedule import Schedule
from hourbell.scheduler import Scheduler

MOST_ITEMS = 500
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")


def _only_text(given: Any) -> Any:
    """pydantic reads numbers as seconds since 1970, too; here an instant is text with a date and a time."""
    if not isinstance(given, datetime) and not (isinstance(given, str) and _RFC_3339.match(given)):
        raise ValueError("give an instant as RFC 3339, as in 2030-01-01T00:00:00Z")
    return given


InstantIn = Annotated[AwareDatetime, BeforeValidator(_only_text, json_schema_input_type=AwareDatetime)]
"""An instant with its offset, RFC 3339."""

ScheduleId = Annotated[str, Path(min_length=1, max_length=300, description="the schedule's id; it may have slashes")]
RunId = Annotated[str, Path(min_length=1, max_length=300, description="the run's id")]
Cursor = Annotated[str | None, Query(max_length=300, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="at most so many items")]
Count = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="so many fires")]
Filter = Annotated[str | None, Query(max_length=200)]
EndedAt = Annotated[InstantIn | None, Query(description="when the run ended, RFC 3339")]
After = Annotated[InstantIn | None, Query(description="RFC 3339; without it, from the next fire on")]
AttemptNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=1_000,
        description="The ETag that was seen: when the schedule has been edited since, nothing is written and the "
        "answer is 412. Without it the last of two edits of one field wins.",
    ),
]

_MEANINGS: Mapping[int, str] = {
    400: "The body is no JSON",
    401: "Whoever asks is not known",
    403: "Whoever asks may not do this",
    404: "There is no such thing",
    409: "What is stored does not allow it",
    412: "It has been edited since it was read",
    413: "The body is too large",
    415: "The body is something else than JSON",
    422: "The request does not fit; errors say where",
    503: "The database cannot be reached just now",
}
_READING = (401, 403, 404, 422, 503)
_BODY = (400, 413, 415)
ETAG: Mapping[str, Any] = {
    "headers": {"ETag": {"description": "The schedule's revision, for If-Match", "schema": {"type": "string"}}}
}


def refusals(*statuses: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """How a route's refusals are described: those of every route, those of bodies, and ``statuses``."""
    return {
        status: {
            "model": Problem,
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*_READING, *(_BODY if body else ()), *statuses})
    }


def address_of(request: Request) -> str:
    """The path as the client asked for it: also where a proxy takes the application's ``root_path`` off on the way."""
    path, root = request.scope["path"], request.scope.get("root_path", "").rstrip("/")
    return quote(path if path == root or path.startswith(f"{root}/") else root + path)


def etag_of(schedule: Schedule) -> str:
    """The ETag of a schedule. Firing does not change it; any edit does."""
    return f'"{schedule.revision}"'


async def expected_revision(scheduler: Scheduler, schedule_id: str, if_match: str | None) -> str | None:
    """The revision that the header If-Match asks for; None: any.

    Of several the stored one counts. A weak one matches nothing. Raises InvalidArguments, NotFound, StaleRevision.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    wanted = [one.strip() for one in if_match.split(",")]
    for one in wanted:
        quoted = one.removeprefix("W/")
        if len(quoted) < 2 or not (quoted.startswith('"') and quoted.endswith('"')):
            raise InvalidArguments("If-Match: give the ETag as it was told, in its quotes", at="If-Match")
    if len(wanted) == 1 and not wanted[0].startswith("W/"):
        return wanted[0].strip('"')
    stored = await scheduler.get_schedule(schedule_id)
    if etag_of(stored) not in wanted:
        told = f"schedule {schedule_id[:200]!r} is at none of the revisions of If-Match: read it again"
        if any(one.startswith("W/") for one in wanted):
            told += "; a weak one matches nothing, and proxies that compress make them so: send its revision, in quotes"
        raise StaleRevision(told)
    return stored.revision

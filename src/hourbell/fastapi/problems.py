"""Refusals as RFC 9457 problem documents, without echoing input or telling of the inside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from hourbell.errors import (
    Conflict,
    HourbellError,
    InvalidArguments,
    NotFound,
    StaleRevision,
    StoreMisconfigured,
    StoreRejected,
    StoreUnavailable,
    TriggerError,
    UnknownTask,
)
from hourbell.model.policies import POLICY_NAMES
from hourbell.telling import Telling

_STATUS: tuple[tuple[type[HourbellError], int], ...] = (
    (NotFound, 404),
    (UnknownTask, 422),
    (StaleRevision, 412),
    (Conflict, 409),
    (InvalidArguments, 422),
    (TriggerError, 422),
    (StoreRejected, 422),
    (StoreUnavailable, 503),
)
_MOST_ERRORS = 20
_LONGEST_DETAIL = 1_000
_LONGEST_REASON = 300
_LONGEST_TOKEN = 60
_SAID_EVERY = 60.0
_log = Telling(logging.getLogger("hourbell.fastapi"))


class Misfitting(BaseModel):
    """One thing that does not fit, and where it stands.

    ``pointer`` is a JSON Pointer into the body, as a fragment (RFC 6901); ``parameter`` the name of one in the address
    or the header.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[Misfitting] | None = None


class Told:
    """What an address has said in the log: while nothing changes it does so once a minute, however often asked."""

    def __init__(self) -> None:
        self._kind: type[HourbellError] | None = None
        self._until = 0.0

    def level(self, error: HourbellError, level: int) -> int:
        """The level at which to say that this happened: lower when it was said before."""
        now = asyncio.get_running_loop().time()
        if type(error) is self._kind and now < self._until:
            return logging.DEBUG
        self._kind, self._until = type(error), now + _SAID_EVERY
        return level


def problem(
    status: int,
    detail: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[Misfitting] | None = None,
) -> Response:
    """A problem document with this status."""
    body = Problem(title=_title(status), status=status, detail=detail, errors=errors)
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


def status_of(error: HourbellError) -> int:
    """The status of the answer to a request that met this error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def refused(error: HourbellError, given: Any, told: Told) -> Response:
    """The problem document of an error of ours; ``given`` is what the body said."""
    status = status_of(error)
    if isinstance(error, StoreUnavailable):
        # The message names hosts and users: that is for the log.
        _log.log(told.level(error, logging.WARNING), "the API could not answer: %s", error)
        return problem(503, "the database cannot be reached just now", headers={"Retry-After": "1"})
    if status == 503:
        # What a misconfigured store says is what to mend, and that is not in the code.
        where = None if isinstance(error, StoreMisconfigured) else error
        _log.log(told.level(error, logging.ERROR), "the API could not answer: %s", error, exc_info=where)
        return problem(503, "the scheduler cannot answer; its log says why")
    if isinstance(error, StoreRejected):
        return problem(status, "the database refuses such a value")
    return problem(status, str(error)[:_LONGEST_DETAIL], errors=_misfits(error, given) or None)


def misfits_of(error: RequestValidationError) -> list[Misfitting]:
    """Where the request is wrong and why, without the values."""
    found = []
    for one in error.errors()[:_MOST_ERRORS]:
        inside, place, reason = one["loc"][0], one["loc"][1:], str(one["msg"])[:_LONGEST_REASON]
        if inside == "body":
            where = pointer(place, error.body, is_missing=one["type"] == "missing")
            found.append(Misfitting(detail=reason, pointer=where))
        else:
            found.append(Misfitting(detail=reason, parameter=".".join(map(str, place))[:_LONGEST_TOKEN]))
    return found


def _misfits(error: HourbellError, given: Any) -> list[Misfitting]:
    """What the scheduler refused, found in the body, or among the parameters where there is no body."""
    if isinstance(error, TriggerError) and isinstance(given, Mapping) and "trigger" in given:
        where = pointer(("trigger", *error.place), given, is_missing="is missing" in str(error))
        return [Misfitting(detail=str(error)[:_LONGEST_REASON], pointer=where)]
    if isinstance(error, UnknownTask) and isinstance(given, Mapping) and "task" in given:
        return [Misfitting(detail=str(error)[:_LONGEST_REASON], pointer="#/task")]
    if not isinstance(error, InvalidArguments):
        return []
    found = []
    for place, reason in error.misfits[:_MOST_ERRORS]:
        if given is None:
            found.append(Misfitting(detail=reason[:_LONGEST_REASON], parameter=str(place[0])))
            continue
        inside = ("policies", *place) if place[0] in POLICY_NAMES else place
        found.append(
            Misfitting(
                detail=reason[:_LONGEST_REASON], pointer=pointer(inside, given, is_missing="is missing" in reason)
            )
        )
    return found


def pointer(place: Sequence[str | int], given: Any, *, is_missing: bool = False) -> str:
    """The JSON Pointer of a place in the body, as far as there is one.

    The choices of a union stand in a place too, and are passed over. ``is_missing``: the last step is what is not
    there.
    """
    tokens: list[str] = []
    for number, step in enumerate(place):
        if isinstance(given, Mapping) and (step in given or (is_missing and number == len(place) - 1)):
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int) and step < len(given):
            given = given[step]
        else:
            continue
        tokens.append(str(step)[:_LONGEST_TOKEN].replace("~", "~0").replace("/", "~1"))
    return "#" + "".join(f"/{quote(token, safe='~')}" for token in tokens)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"

"""Refusals as RFC 9457 problem documents, without echoing input or telling of the inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from hourbell.errors import (
    Conflict,
    HourbellError,
    InvalidArguments,
    NotFound,
    StoreRejected,
    StoreUnavailable,
    TriggerError,
    UnknownTask,
)

_STATUS: tuple[tuple[type[HourbellError], int], ...] = (
    (NotFound, 404),
    (UnknownTask, 422),
    (Conflict, 409),
    (InvalidArguments, 422),
    (TriggerError, 422),
    (StoreRejected, 422),
    (StoreUnavailable, 503),
)
_MOST_ERRORS = 20
_log = logging.getLogger("hourbell.fastapi")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, str]] | None = None


class ProblemRoute(APIRoute):
    """A route whose every refusal is a problem document, whatever handlers the application has."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; a method that this address does not take is refused here, as everything else is."""
        if self.methods and scope["method"] not in self.methods:
            allowed = ", ".join(sorted(self.methods))
            refusal = problem(405, f"this address takes {allowed} only", headers={"Allow": allowed})
            await refusal(scope, receive, send)
        else:
            await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its refusals put into words."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                response = await handle(request)
            except HTTPException as error:
                return problem(error.status_code, _text(error.detail), headers=error.headers)
            except RequestValidationError as error:
                return problem(422, "the request does not fit", errors=_places(error))
            except HourbellError as error:
                return _refused(error)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return told


def problem(
    status: int,
    detail: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """A problem document with this status."""
    body = Problem(title=_title(status), status=status, detail=detail, errors=errors)
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


def _refused(error: HourbellError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    if status is None:
        _log.error("the API could not answer", exc_info=error)
        return problem(503, "the scheduler cannot answer; its log says why")
    if status == 503:
        # The message names hosts and users: that is for the log.
        _log.warning("the API could not answer: %s", error)
        return problem(503, "the database cannot be reached just now", headers={"Retry-After": "1"})
    if isinstance(error, StoreRejected):
        return problem(status, "the database refuses such a value")
    return problem(status, str(error))


def _places(error: RequestValidationError) -> list[dict[str, str]]:
    """Where the request is wrong and why, without the values."""
    return [
        {"place": ".".join(str(part) for part in one["loc"])[:200], "reason": str(one["msg"])[:200]}
        for one in error.errors()[:_MOST_ERRORS]
    ]


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"


def _text(detail: Any) -> str | None:
    return None if detail is None else str(detail)

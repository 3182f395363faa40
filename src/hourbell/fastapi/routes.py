"""The routes of our APIs: what each refuses whatever it does, and what is served after the request has ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from hourbell.errors import HourbellError
from hourbell.fastapi.bodies import BoundedRequest
from hourbell.fastapi.problems import Misfitting, Told, misfits_of, problem, refused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_AFTERWARDS = "hourbell.afterwards"
_WORD = re.compile("[A-Za-z0-9]+")

Serve = Callable[[Scope, Receive, Send], Awaitable[None]]


class ProblemRoute(APIRoute):
    """A route whose every refusal is a problem document, whatever handlers the application has.

    What a request carries is bounded before it is parsed, see `BoundedRequest`. HEAD is answered as GET is; that the
    body is not sent is the server's affair.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request; a method that this address does not take is refused here, as everything else is."""
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        if self.methods and inner["method"] not in self.methods:
            allowed = ", ".join(sorted(getattr(self.endpoint, "allowed_methods", self.methods)))
            refusal = problem(405, f"this address takes {allowed} only", headers={"Allow": allowed})
            await refusal(scope, receive, send)
            return
        waiting: list[Serve] = []
        inner[_AFTERWARDS] = waiting
        try:
            await super().handle(inner, receive, send)
        finally:
            inner.pop(_AFTERWARDS, None)
        for serve in waiting:
            await serve(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its refusals put into words."""
        handle = super().get_route_handler()
        told_before = Told()
        parameters = frozenset(field.alias for field in self.dependant.query_params)

        async def told(request: Request) -> Response:
            bounded = BoundedRequest(request.scope, request.receive)
            try:
                response = await handle(bounded)
            except HTTPException as error:
                return problem(error.status_code, _text(error.detail), headers=error.headers)
            except RequestValidationError as error:
                return problem(422, "the request does not fit", errors=misfits_of(error))
            except HourbellError as error:
                return refused(error, bounded.given, told_before)
            # Only now, for who may not ask at all is told that first. What takes parameters changes nothing.
            repeated = _repeated(name for name, _ in request.query_params.multi_items() if name in parameters)
            if repeated:
                return problem(422, "the request does not fit", errors=repeated)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return told


async def serve_after(scope: Scope, receive: Receive, send: Send, serve: Serve) -> None:
    """Serve this once the request's dependencies have ended, where it came by a route of ours; else now.

    What goes on for an hour must not keep a database session of the application's as long, which FastAPI would close
    only then.
    """
    waiting = scope.get(_AFTERWARDS)
    if waiting is None:
        await serve(scope, receive, send)
    else:
        waiting.append(serve)


def operation_id(route: APIRoute) -> str:
    """Short enough to be a method's name in a client, and one that neither the application has nor another router of
    ours that is included under another prefix."""
    prefix = route.path.removesuffix(getattr(route.endpoint, "own_path", route.path))
    words = [word for word in _WORD.findall(prefix) if word != "hourbell"]
    return "_".join(("hourbell", *words, route.name))


def acquaint(router: APIRouter) -> None:
    """Let each route know all methods of its address, for the answer to another one, and that address without the
    prefix under which the application includes it."""
    methods: dict[str, set[str]] = {}
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    for route in routes:
        taken = methods.setdefault(route.path, set())
        taken.update(route.methods or ())
        if "GET" in taken:
            taken.add("HEAD")
    for route in routes:
        setattr(route.endpoint, "allowed_methods", frozenset(methods[route.path]))  # noqa: B010 - functions have no such field
        setattr(route.endpoint, "own_path", route.path)  # noqa: B010 - nor this one


def _repeated(names: Iterable[str]) -> list[Misfitting]:
    """The parameters of one value that are given several times: all but one would be passed over in silence."""
    return [
        Misfitting(detail="is given more than once", parameter=name)
        for name, times in Counter(names).items()
        if times > 1
    ]


def _text(detail: Any) -> str | None:
    return None if detail is None else str(detail)

"""The request's end of the thread: an id for each request, taken from it or made, and sent back with its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends

from hourbell.tracking import begin_tracking, current_tracking_id, known_id, new_tracking_id, trace_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class TrackingMiddleware:
    """Gives each request a tracking id: the one in its ``header``, else the trace id of its ``traceparent``, else a new
    one. What the request causes belongs to it, and the answer names it in the same header.

    ``current``  asked before all of these: the id that another middleware outside of this one has given the request, as
    ``correlation_id.get`` of asgi-correlation-id. That one then names it in the answer.

    ``app.add_middleware(TrackingMiddleware)``. A header with anything but 1 to 128 letters, digits and ``._:/+=@-`` is
    not believed: it would end in logs.
    """

    def __init__(
        self, app: ASGIApp, header: str = "X-Request-ID", current: Callable[[], str | None] = lambda: None
    ) -> None:
        self._app = app
        self._header = header.lower().encode("latin-1")
        self._current = current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request of the server's; anything but HTTP and WebSocket passes as it is."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        current = known_id(self._current())
        found = current or known_id(given.get(self._header)) or trace_id(given.get(b"traceparent")) or new_tracking_id()

        async def told(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                others = [(name, value) for name, value in message.get("headers", ()) if name.lower() != self._header]
                message = {**message, "headers": [*others, (self._header, found.encode("latin-1"))]}
            await send(message)

        end = begin_tracking(found)
        await self._app(scope, receive, told if current is None else send)
        # Not when it raised: what answers 500 stands outside of every middleware, and so does the server that logs it.
        # The context is the request's own, and ends with it.
        end()


async def _tracking_id() -> str:
    return current_tracking_id() or new_tracking_id()


TrackingId = Annotated[str, Depends(_tracking_id)]
"""In a path operation: the id of this request, as in ``async def order(tracking_id: TrackingId)``."""

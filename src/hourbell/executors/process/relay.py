"""The node's side of a child's guards: they are held here, so that they are renewed whatever the body does."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hourbell.errors import HourbellError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from hourbell.context import Context
    from hourbell.executors.process.pipe import Message


class _Failed(Exception):
    """What the body raised in its block."""


class Relay:
    """Holds what one body asked for, each in a block of its own on the event loop, until the body leaves it or ends.

    ``say`` sends to the child and may have to wait, so it is called in a thread.
    """

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop, say: Callable[..., object]) -> None:
        self._context = context
        self._loop = loop
        self._say = say
        self._left: dict[int, asyncio.Future[Message]] = {}
        self._held: list[Future[None]] = []

    def heard(self, message: Message) -> bool:
        """In the slot's thread: what the child said. False when it is no matter of guards."""
        if message["kind"] == "enter":
            self._held.append(asyncio.run_coroutine_threadsafe(self._hold(message), self._loop))
        elif message["kind"] == "leave":
            self._loop.call_soon_threadsafe(self._leave, message)
        else:
            return False
        return True

    def over(self) -> None:
        """In the slot's thread: the body has ended. What it still held has failed."""
        for held in self._held:
            held.cancel()

    def _leave(self, message: Message) -> None:
        left = self._left.setdefault(message["ask"], self._loop.create_future())
        if not left.done():
            left.set_result(message)

    async def _hold(self, message: Message) -> None:
        number = message["ask"]
        left = self._left.setdefault(number, self._loop.create_future())
        kind = "entered"
        try:
            async with self._asked(message) as once:
                entered = {"first": bool(once), "fence": once.fence, "result": json.dumps(once.result)}
                await self._tell("entered", number, error=None, **entered)
                if not once:
                    return
                kind = "left"
                told = await left
                _raise_if(told["error"])
                if told["kept"] is not None:
                    once.keep(json.loads(told["kept"]))
        except _Failed:
            await self._tell("left", number, error=None)
        except HourbellError as error:
            await self._tell(kind, number, error={"kind": type(error).__name__, "text": str(error)})
        except Exception as error:  # noqa: BLE001 - the child waits for an answer, whatever it is
            await self._tell(kind, number, error={"kind": "", "text": f"{type(error).__name__}: {error}"})
        else:
            await self._tell("left", number, error=None)

    def _asked(self, message: Message) -> Any:
        period = message["period"]
        if isinstance(period, dict):
            period = timedelta(seconds=period["seconds"])
        return self._context.once(message["key"], period=period, wait=message["wait"], timezone=message["timezone"])

    async def _tell(self, kind: str, number: int, **fields: Any) -> None:
        await asyncio.to_thread(self._say, kind, ask=number, **fields)


def _raise_if(failed: str | None) -> None:
    if failed is not None:
        raise _Failed(failed)

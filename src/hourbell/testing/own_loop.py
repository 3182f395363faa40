"""Something asynchronous, waited for where perhaps a loop is running already: in fixtures that are plain functions."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def on_own_loop(act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it to its end on a loop of its own, in a thread of its own. Raises what it raises."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(act())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failure.append(error)

    thread = threading.Thread(target=run, name="own-loop")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]

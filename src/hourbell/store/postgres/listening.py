"""Hints by LISTEN and NOTIFY: proven to arrive before they are relied on, and proven again from time to time."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from hourbell.store.postgres import hint_text
from hourbell.store.postgres.errors import CAUGHT, translated
from hourbell.store.scripts.script import one

if TYPE_CHECKING:
    from hourbell.model.hint import Heard
    from hourbell.store.postgres.connections import Connection, Connections
    from hourbell.store.postgres.database import PostgresDatabase

_PROOF_PATIENCE = 2.0
_PROOF_EVERY = 60.0


class Listening:
    """One listening connection. A hint carries who sent it, so that a node is not woken by its own."""

    def __init__(self, connections: Connections, database: PostgresDatabase, channel: str, sender: str) -> None:
        self._connections = connections
        self._database = database
        self._channel = channel
        self._sender = sender
        self._ours = f"proof:{os.urandom(8).hex()}"
        self._proven = asyncio.Event()

    async def listen(self, heard: Heard) -> bool:
        """Until cancelled, or until a proof does not arrive (a pooler in between, a connection gone).

        Answers whether hints have ever arrived.
        """

        def on_notification(_: Any, __: int, ___: str, payload: Any) -> None:
            if payload == self._ours:
                self._proven.set()
            elif not payload.startswith("proof:"):
                sender, hint = hint_text.read(payload)
                if sender != self._sender:
                    heard(hint)

        connection = None
        try:
            connection = await self._connections.connect("listen")
            await connection.add_listener(self._channel, on_notification)
            if not await self._proves():
                return False
            heard(None)
            while await self._proves_later(connection):
                pass
            return True
        except CAUGHT as error:
            raise translated(error) from error
        finally:
            if connection is not None:
                connection.terminate()

    async def _proves(self) -> bool:
        """Whether a hint that another session sends is heard here.

        A pooler hands on what arrives while its client asks something: what this very session sends comes back to it
        there and proves nothing. It is sent as every hint is, through the address of the statements.
        """
        self._proven.clear()
        proof = partial(one, "listening.notify", channel=self._channel, payload=self._ours)
        await self._database.run(proof, "fire", atomic=False)
        try:
            async with asyncio.timeout(_PROOF_PATIENCE):
                await self._proven.wait()
        except TimeoutError:
            return False
        return True

    async def _proves_later(self, connection: Connection) -> bool:
        """Wait for the next proof. False when the connection is lost, or ended because the store is closed."""
        gone = asyncio.Event()

        def on_termination(_: Any) -> None:
            gone.set()

        connection.add_termination_listener(on_termination)
        try:
            async with asyncio.timeout(_PROOF_EVERY):
                await gone.wait()
        except TimeoutError:
            connection.remove_termination_listener(on_termination)
            return await self._proves()
        return False

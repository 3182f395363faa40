"""What every part of the suite has in common: the clock, the store and the bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hourbell.clock import ManualClock
from hourbell.testing.conformance.bench import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hourbell.store.protocol import Store


class Conformance:
    """A part of the suite. Derive a class whose name begins with ``Test``, and give a fixture called ``store``.

    That fixture takes the fixture ``clock`` and answers a `Store` that is judged by it, opened, migrated and empty.
    """

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The clock of the test, moved by hand."""
        return ManualClock()

    @pytest_asyncio.fixture
    async def bench(self, store: Store, clock: ManualClock) -> AsyncIterator[Bench]:
        """The store, with short words for what tests do."""
        bench = Bench(store, clock)
        yield bench
        await bench.close()

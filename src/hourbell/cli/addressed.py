"""An error of the database, with the address that was asked: several settings may name one, and one of them won."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hourbell import StoreUnavailable
from hourbell.errors import StoreMisconfigured

if TYPE_CHECKING:
    from hourbell import Scheduler


@contextmanager
def addressed(scheduler: Scheduler) -> Iterator[None]:
    """Raises what is raised inside; where that tells of the database, with the scheduler's address behind it.

    That of a SQLite file has its path in it already.
    """
    try:
        yield
    except (StoreUnavailable, StoreMisconfigured) as error:
        address = scheduler.settings.database
        if address.kind != "postgres":
            raise
        raise type(error)(f"{error}. The address is {address.shown}") from error

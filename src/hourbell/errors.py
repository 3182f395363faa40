"""Every error that Hourbell raises, in one tree.

Each message says what happened and what to do next. A message never holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class HourbellError(Exception):
    """The root: catch this to catch whatever Hourbell raises on purpose."""


class TriggerError(HourbellError, ValueError):
    """A trigger cannot be understood, or can never fire. The message points at the offending place.

    ``place``  leads to the field of its spec that is wrong, from the outermost inwards, as far as that can be said.
    """

    def __init__(self, message: str, *, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.place = place

    def below(self, *place: str | int) -> TriggerError:
        """The same about what stands in this place of a larger spec."""
        self.place = (*place, *self.place)
        return self


class UnknownTask(HourbellError, LookupError):
    """No task of this name is registered in this process."""


class Misfit(NamedTuple):
    """One thing that does not fit: ``place`` leads to it, from the name of the argument inwards, and why."""

    place: tuple[str | int, ...]
    reason: str


class InvalidArguments(HourbellError, ValueError):
    """Arguments do not fit the task's signature, or a policy has a value that it cannot have.

    ``misfits``  what exactly, one by one, where that can be said; ``at`` names the only argument that is wrong.
    """

    def __init__(self, message: str, *, at: str | None = None, misfits: Iterable[Misfit] = ()) -> None:
        super().__init__(message)
        self.misfits: tuple[Misfit, ...] = tuple(misfits) or ((Misfit((at,), message),) if at is not None else ())

    def below(self, name: str, told: str | None = None) -> InvalidArguments:
        """The same about what was given as the argument ``name``; ``told`` is said before it."""
        misfits = [Misfit((name, *place), reason) for place, reason in self.misfits]
        return InvalidArguments(f"{told}: {self}" if told is not None else str(self), at=name, misfits=misfits)


class NotFound(HourbellError, LookupError):
    """There is no schedule, run or node of this id."""


class Conflict(HourbellError):
    """The request contradicts what is stored: an id that is taken, a state that does not allow the change."""


class StaleRevision(Conflict):
    """What is stored has been changed since it was read: read it again and decide anew. Nothing was written."""


class Busy(Conflict):
    """Others hold it, and the time to wait for them is over. Nothing was done; asking again later may succeed."""


class LeaseLost(HourbellError):
    """A right that was lent for a time has ended: to report a run, to hold a lock, to do what is done once. Another
    holder may have begun, and nothing was written."""


class StoreUnavailable(HourbellError):
    """The database cannot be reached just now. Asking again later may succeed; nothing was half done."""


class StoreMisconfigured(HourbellError):
    """The database refuses for a reason that waiting does not mend: a wrong URL, password, role or version."""


class MigrationNeeded(StoreMisconfigured):
    """The schema is older than this version of Hourbell and this role may not change it."""


class StoreRejected(HourbellError):
    """The database refused this data itself (not the connection): a row that breaks a rule of the schema."""


class ProcessDied(HourbellError):
    """The process in which a body ran has ended before the body did: killed, crashed, or ended by the body itself."""


class ResultRejected(HourbellError):
    """What a body returned cannot be kept: it is no JSON, or too long."""

"""Every error that Hourbell raises, in one tree.

Each message says what happened and what to do next. A message never holds a credential.
"""

from __future__ import annotations


class HourbellError(Exception):
    """The root: catch this to catch whatever Hourbell raises on purpose."""


class TriggerError(HourbellError, ValueError):
    """A trigger cannot be understood, or can never fire. The message points at the offending place."""


class UnknownTask(HourbellError, LookupError):
    """No task of this name is registered in this process."""


class InvalidArguments(HourbellError, ValueError):
    """Arguments do not fit the task's signature, or a policy has a value that it cannot have."""


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

"""Catching what is logged inside a run, where records are made: for that no logger needs a handler of ours.

A handler on the root logger would change the application: Python prints warnings by itself, and `logging.basicConfig`
sets anything up, only while the root has none.
"""

from __future__ import annotations

import logging
import threading
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from hourbell.context import current_run, notebook_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hourbell.context import Context

LONGEST = 8_000
"""Characters of a line that are looked at; the exception that comes with it has as many of its own."""

_MOST_FRAMES = 40
_capturing: ContextVar[bool] = ContextVar("hourbell_capturing", default=False)


class LineCapture:
    """The record factory of `logging` while nodes live: makes each record as before, and tells the current run of it.

    Outside of runs that costs one look at a context variable. It never raises, never waits, and what is logged while a
    record is put into words is not told again.
    """

    def __init__(self, before: Callable[..., logging.LogRecord]) -> None:
        self._before = before
        self._users = 1
        self._counting = threading.Lock()

    @classmethod
    def install(cls) -> LineCapture:
        """Begin to catch in this process; nodes share one. Each call asks for one `remove`. From any thread."""
        present = logging.getLogRecordFactory()
        if isinstance(present, cls) and present._joined():
            return present
        capture = cls(present)
        logging.setLogRecordFactory(capture)
        return capture

    def remove(self) -> None:
        """Catch no more once nobody wants it. Somebody else's factory that came on top of this one stays as it is."""
        with self._counting:
            self._users -= 1
            if self._users == 0 and logging.getLogRecordFactory() is self:
                logging.setLogRecordFactory(self._before)

    def _joined(self) -> bool:
        with self._counting:
            if self._users:
                self._users += 1
            return bool(self._users)

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        context = current_run()
        if context is None or not self._users or notebook_of(context) is None or _capturing.get():
            return self._before(*args, **kwargs)
        token = _capturing.set(True)
        try:
            record = self._before(*args, **kwargs)
            _tell(context, record)
        finally:
            _capturing.reset(token)
        return record


def _tell(context: Context, record: logging.LogRecord) -> None:
    notebook = notebook_of(context)
    try:
        # Records that are copied from elsewhere are made empty, without even a level, and filled in afterwards.
        level: int | None = record.levelno
        if notebook is None or level is None or level < notebook.level:
            return
        notebook.line(context, level, record.name, _message(record))
    except Exception:  # noqa: BLE001 - a line that cannot be kept must not hurt who logged it
        return


def _message(record: logging.LogRecord) -> str:
    """The message, and the exception below it."""
    try:
        text = record.getMessage()[: 2 * LONGEST]
    except Exception:  # noqa: BLE001 - arguments that do not fit, or that cannot be printed
        text = f"{str(record.msg)[:LONGEST]} (its arguments do not fit)"
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return text
    told = traceback.TracebackException.from_exception(error, limit=-_MOST_FRAMES, compact=True)
    return f"{text}\n{''.join(told.format()).rstrip()[-LONGEST:]}"

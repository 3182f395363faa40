"""A filter that tells each log record which request and run it belongs to, and two formatters that show it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hourbell.context import current_run
from hourbell.executors.describing import printable
from hourbell.tracking import current_tracking_id

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIELDS = ("tracking_id", "run_id", "task", "attempt")
"""What records are told."""

_LONGEST = 32_000


class TrackingFilter(logging.Filter):
    """Lets every record pass, and gives it ``tracking_id``, ``run_id``, ``task`` and ``attempt``; None for what is not.

    Put it on handlers, a `QueueHandler` among them: filters of a logger do not see the records of its children. Fields
    that a record has already stay, as those of ``context.log``.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell the record; True."""
        found = _fields()
        for name in FIELDS:
            if getattr(record, name, None) is None:
                setattr(record, name, found.get(name))
        return True


def add_tracking(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog: gives each event what `TrackingFilter` gives records, unless it has it already.

    ``structlog.configure(processors=[add_tracking, …])``; before whatever renders the event.
    """
    for name, value in _fields().items():
        if value is not None:
            event.setdefault(name, value)
    return event


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, what `TrackingFilter` has
    found, and ``exception`` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON. Never raises for what is in it."""
        shown: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        shown |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)[-_LONGEST:]
        return json.dumps(shown, default=str)


class PlainFormatter(logging.Formatter):
    """``time level logger [tracking_id task run_id] message``, without a raw end of line in any message.

    An exception follows on lines of its own, set in.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        known = " ".join(str(value) for name in FIELDS[:3] if (value := getattr(record, name, None)) is not None)
        line = f"{_time(record)} {record.levelname} {record.name} [{known or '-'}] {printable(_message(record))}"
        if record.exc_info:
            told = self.formatException(record.exc_info)[-_LONGEST:]
            line += "".join(f"\n    {printable(one)}" for one in told.splitlines())
        return line


def _fields() -> dict[str, Any]:
    """What is known of where this code is."""
    run = current_run()
    found: dict[str, Any] = {"tracking_id": current_tracking_id()}
    if run is not None:
        found |= {"run_id": run.run_id, "task": run.task, "attempt": run.attempt}
    return found


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a line that cannot be put together is still worth a line
        return f"{record.msg!s} (its arguments do not fit)"

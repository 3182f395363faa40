"""What an operator looks at: log lines that say which run and which request they belong to, and where they go."""

from hourbell.observability.files import ProcessFileHandler
from hourbell.observability.logs import JsonFormatter, PlainFormatter, TrackingFilter, add_tracking
from hourbell.observability.queued import QueuedHandler

__all__ = ["JsonFormatter", "PlainFormatter", "ProcessFileHandler", "QueuedHandler", "TrackingFilter", "add_tracking"]

"""What an operator looks at: log lines that say which run and which request they belong to."""

from hourbell.observability.logs import JsonFormatter, PlainFormatter, TrackingFilter

__all__ = ["JsonFormatter", "PlainFormatter", "TrackingFilter"]

"""Our own log, where a line must not be the end of anything."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any


class Telling(logging.LoggerAdapter[logging.Logger]):
    """Handlers and their filters are the application's own code: what they raise would end a loop, or leave a run
    without its end, in the middle of which the line was said. It is dropped, as `logging` itself drops what is raised
    while a line is written."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log it if that can be done."""
        with suppress(Exception):
            # One frame more between the caller and the logger: this one.
            super().log(level, msg, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1})

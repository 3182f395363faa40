"""How much a call does, counted in function calls, so that a test can bound it without measuring time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_made_by(action: Callable[[], object]) -> int:
    """The number of Python and C functions that the action calls; what it raises is swallowed."""
    count = 0

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        action()
    except ValueError:
        pass
    finally:
        sys.setprofile(before)
    return count

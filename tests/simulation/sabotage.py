"""Guards taken out of the engine, to see that a simulation notices."""

from __future__ import annotations

from hourbell.engine.auditing import Auditing
from hourbell.engine.trust import Trust


def trusts_for_ever() -> None:
    """A node that stood still goes on as if nothing had been."""
    Trust.holds = lambda _: True  # type: ignore[method-assign]


def forgets_what_is_under_way() -> None:
    """What an answer brings that is late was handed back before."""
    Auditing._in_flight = property(lambda _: set(), lambda _, __: None)  # type: ignore[assignment]


SABOTAGES = {one.__name__: one for one in (trusts_for_ever, forgets_what_is_under_way)}

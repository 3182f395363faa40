"""A limit: how many runs of one task may run at once over all nodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` runs of these tasks at once. ``tasks`` is one task under its name, first, and its aliases."""

    tasks: tuple[str, ...]
    most: int

    @property
    def name(self) -> str:
        """The name of the task as this version knows it."""
        return self.tasks[0]

"""The one run that a hint named: whether this node may claim it by its name, without a look at the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from hourbell.engine.ahead import Ahead
    from hourbell.engine.kinds import Kinds
    from hourbell.engine.limiting import Limiting
    from hourbell.engine.parts import Parts
    from hourbell.executors.choice import Kind
    from hourbell.model.hint import Hint


class NamedRun:
    """Keeps one at most, on the application's loop. When there is another reason to claim, or a second one is named,
    the queue is looked at after all: what is older or more urgent comes first there."""

    def __init__(self, parts: Parts, kinds: Kinds, limiting: Limiting, ahead: Ahead) -> None:
        self._parts = parts
        self._kinds = kinds
        self._limiting = limiting
        self._ahead = ahead
        self._kept: tuple[Kind, Hint] | None = None

    def kind(self, hint: Hint) -> Kind | None:
        """What would execute it here; None where this node does not know its task, or does not serve its queue."""
        queues = self._parts.settings.queues
        return self._kinds.kind(hint.task) if queues is None or hint.queue in queues else None

    def keep(self, kind: Kind, hint: Hint) -> Collection[Kind]:
        """Have this one claimed next, by its name. Where it cannot be, neither is the one before it: answers the kinds
        for which the queue is to be looked at instead."""
        before, self._kept = self._kept, None
        if before is not None:
            return {kind, before[0]}
        if hint.task in self._limiting.limited(kind):
            return {kind}
        self._kept = (kind, hint)
        return ()

    def take(self) -> tuple[Kind, Hint] | None:
        """The one that was kept, once."""
        kept, self._kept = self._kept, None
        return kept

    def may_start(self, kind: Kind, hint: Hint, busy: Collection[Kind]) -> bool:
        """Whether it would start at once. Of the kinds that are ``busy`` more is queued, or to be claimed."""
        return kind not in busy and self._ahead.slots(kind) > 0 and self._parts.stuck.room(hint.task, 1) > 0

"""What stands in a notification: who sends it, and perhaps which run it is about."""

from __future__ import annotations

from hourbell.model.hint import Hint
from hourbell.model.ids import is_run_id

_BETWEEN = "\n"
_LONGEST = 1_500
"""Characters, of at most four bytes each; a notification has less than 8,000."""


def text_of(sender: str, hint: Hint | None) -> str:
    """A name that does not fit in is left out. To earlier versions, which compare the whole text with their own name,
    each of these is a hint from somebody else."""
    if hint is None or _BETWEEN in hint.queue:
        return sender
    text = _BETWEEN.join((sender, hint.run_id, hint.queue, hint.task))
    return text if len(text) <= _LONGEST else sender


def read(text: str) -> tuple[str, Hint | None]:
    """The sender, and what else is said, which is nothing where an earlier version sent it, or it names no run: anybody
    who may use the database may notify."""
    sender, *said = text.split(_BETWEEN, 3)
    if len(said) < 3:
        return sender, None
    run_id, queue, task = said
    return sender, Hint(run_id, task, queue) if is_run_id(run_id) else None

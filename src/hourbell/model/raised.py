"""What a body raised in another process, told in plain values: nothing of it is made here but its words."""

from __future__ import annotations


class RaisedElsewhere(Exception):
    """Stands for an exception that stayed where it was raised.

    ``text`` is its description with its traceback, ``summary`` one line of that. ``kinds`` are the dotted names of its
    type and of the parents of that; ``parts`` stand for the members of a group, or for what it asked of the retry.
    """

    def __init__(
        self, summary: str, text: str, kinds: frozenset[str] = frozenset(), parts: tuple[BaseException, ...] = ()
    ) -> None:
        super().__init__(text)
        self.summary = summary
        self.text = text
        self.kinds = kinds
        self.parts = parts

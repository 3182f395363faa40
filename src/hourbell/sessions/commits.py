"""Hearing of a session's commit, and only of one that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session, SessionTransaction

    Waiting: TypeAlias = "list[tuple[SessionTransaction | None, Callable[[], None]]]"

_KEY = "hourbell"
"""Under which name in ``session.info`` those wait who want to hear of the commit."""


def heard_after_commit(session: Session, told: Callable[[], None]) -> None:
    """Call ``told`` when the session's present transaction is committed.

    The listeners are added once and stay: to take one away while it is called would upset the others.
    """
    waiting: Waiting | None = session.info.get(_KEY)
    if waiting is None:
        waiting = session.info[_KEY] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _undone)
        event.listen(session, "after_transaction_end", _ended)
    waiting.append((session.get_nested_transaction() or session.get_transaction(), told))


def _committed(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint is let go: nobody else sees anything yet
        return
    waiting: Waiting = session.info[_KEY]
    told = [one for _, one in waiting]
    waiting.clear()
    for one in told:
        one()


def _undone(session: Session, previous: SessionTransaction) -> None:
    """A savepoint, or everything, is undone: what was asked for inside is gone."""
    waiting: Waiting = session.info[_KEY]
    waiting[:] = [(begun, told) for begun, told in waiting if not _is_inside(begun, previous)]


def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info[_KEY].clear()


def _is_inside(begun: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while begun is not None:
        if begun is outer:
            return True
        begun = begun.parent
    return False

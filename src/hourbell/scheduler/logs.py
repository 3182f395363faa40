"""The verb of logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hourbell.errors import InvalidArguments
from hourbell.model.log_line import START, log_page
from hourbell.scheduler.pages import checked_limit, checked_text
from hourbell.scheduler.verbs import Verbs, id_of_run

if TYPE_CHECKING:
    from hourbell.model.log_line import LogPage, Place
    from hourbell.model.run import Run

_CURSOR = re.compile(r"(\d{1,9})\.(\d{1,18})", re.ASCII)
_MOST = 2**31 - 1


class LogVerbs(Verbs):
    """Read what bodies logged."""

    async def list_logs(
        self,
        id: Run | str,  # noqa: A002 - a public name
        *,
        attempt: int | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogPage:
        """What the body of a run logged, oldest first: of one attempt or of all, at most ``limit`` (1 to 1000) lines.

        ``cursor`` is the ``next_cursor`` of the page before, or the ``cursor`` of any line, to see what came after it.
        The answer is a sequence of `LogLine`; its ``dropped`` counts the lines between them that are not kept any more.
        Lines of a run that goes on are seen about a poll after they were logged; all are there when it is final. Raises
        NotFound.
        """
        after = _place(checked_text("cursor", cursor))
        most = checked_limit(limit)
        found = await self._core.store.list_logs(
            id_of_run(id), attempt=_checked_attempt(attempt), after=after, limit=most + 1
        )
        return log_page(found, after, most)


def _checked_attempt(attempt: object) -> int | None:
    if attempt is None:
        return None
    if isinstance(attempt, bool) or not isinstance(attempt, int) or not 1 <= attempt <= _MOST:
        raise InvalidArguments(f"attempt={attempt!r}: give its number, from 1 on, or None for all", at="attempt")
    return attempt


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return START
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidArguments(
            "cursor: give the next_cursor of the page before, the cursor of a line, or None", at="cursor"
        )
    return int(found[1]), int(found[2])

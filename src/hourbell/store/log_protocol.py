"""The part of the port that is about what bodies say. See `hourbell.store.protocol` for what holds of every verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.model.log_line import LogBound, LogLine, Place
    from hourbell.model.progress import ProgressReport


class LogStore(Protocol):
    """What bodies say while they run: their progress, and the lines that they log."""

    async def note_progress(self, node_id: str, reports: Sequence[ProgressReport]) -> None:
        """Write how far runs have come, many in one statement.

        Rows that are not running under this node and the attempt of the report are passed over.
        """

    async def add_logs(self, lines: Sequence[LogLine], bounds: Sequence[LogBound] = ()) -> None:
        """Keep lines of runs, then forget what ``bounds`` say, in one transaction.

        A line that is there already (same run, attempt and number) is left as it is; lines of runs that are not there
        (any more) are passed over. An attempt belongs to one node, so no fence is asked: what a node that lost its
        lease has still to say stands under its own attempt.
        """

    async def list_logs(self, run_id: str, *, attempt: int | None, after: Place, limit: int) -> Sequence[LogLine]:
        """At most ``limit`` lines of a run that follow ``after``, by attempt and number; of one attempt or of all.

        Raises NotFound.
        """

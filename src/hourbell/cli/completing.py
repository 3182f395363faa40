"""What the shell proposes: ids that are stored. A shell that asks must never see an error."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import typer

from hourbell import HourbellError, Scheduler

_MOST = 200
_PATIENCE = 2.0


def schedule_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of schedules that begin so."""
    before = logging.root.manager.disable
    logging.disable()  # a warning would be taken for a proposal
    try:
        scheduler = Scheduler(context.params.get("database"))
        address = scheduler.settings.database
        if address.kind == "sqlite" and not Path(address.path).exists():
            return []
        return asyncio.run(_ids(scheduler, incomplete))
    except (HourbellError, OSError, TimeoutError):
        return []
    finally:
        logging.disable(before)


async def _ids(scheduler: Scheduler, incomplete: str) -> list[str]:
    async with asyncio.timeout(_PATIENCE):
        await scheduler.open(migrate=False)
        try:
            # Ids are listed in their order, so those that begin with a text stand together, from it on.
            before = incomplete[:-1] if incomplete else None
            page = await scheduler.list_schedules(cursor=before or None, limit=_MOST)
            return [one.id for one in page if one.id.startswith(incomplete)]
        finally:
            await scheduler.close()

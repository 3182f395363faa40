"""``hourbell nodes``: the nodes that are known."""

from __future__ import annotations

from hourbell.cli.asking import Where, ask
from hourbell.cli.option_groups import spread
from hourbell.cli.showing import AsJson, show_list


@spread
def list_nodes(where: Where, as_json: AsJson = False) -> None:
    """The nodes that are known, live ones first."""
    from hourbell.fastapi.schemas import NodeOut

    nodes = ask(where, lambda scheduler: scheduler.list_nodes())
    shown = [NodeOut.of(one) for one in nodes]
    if not as_json:  # to the millisecond, as all instants here
        shown = [one.model_copy(update={"clock_offset": rounded(one.clock_offset)}) for one in shown]
    columns = ("id", "state", "host", "pid", "running", "started_at", "lease_until", "clock_offset")
    show_list(shown, columns, as_json, spared=("started_at", "clock_offset"), whole=("id", "lease_until"))


def rounded(seconds: float | None) -> float | None:
    """Seconds to the millisecond."""
    return None if seconds is None else round(seconds, 3)

"""``hourbell nodes``: the nodes that are known."""

from __future__ import annotations

from hourbell.cli.asking import Database, ask
from hourbell.cli.showing import AsJson, show_list


def list_nodes(database: Database = None, as_json: AsJson = False) -> None:
    """The nodes that are known, live ones first."""
    from hourbell.fastapi.schemas import NodeOut

    nodes = ask(database, lambda scheduler: scheduler.list_nodes())
    columns = ("id", "state", "host", "pid", "running", "started_at", "lease_until")
    show_list([NodeOut.of(one) for one in nodes], columns, as_json, spared=("started_at",), whole=("id", "lease_until"))

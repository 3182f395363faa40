"""What the fuzzer is told: half of its requests name what there is, with a trigger that can be read."""

from __future__ import annotations

import json
import os
import random
import re
import urllib.request
from functools import cache
from typing import Any

import schemathesis

TRIGGERS: list[dict[str, Any]] = [
    {"kind": "cron", "expr": "*/5 9-17 * * mon-fri", "timezone": "Europe/Berlin", "gap": "skip", "fold": "both"},
    {"kind": "cron", "expr": "H 3 * * *", "timezone": None, "gap": None, "fold": None},
    {"kind": "every", "seconds": 600, "start": None, "end": None},
    {"kind": "every", "seconds": 1},
    {"kind": "at", "instant": "2031-01-01T00:00:00Z"},
]
ARGS: list[dict[str, Any]] = [{"to": "x"}, {"to": "x", "copies": 2, "mode": "slow"}, {}]


@cache
def runs() -> list[str]:
    """The runs that there are."""
    with urllib.request.urlopen(f"{os.environ['FUZZED']}/runs?limit=500", timeout=60) as answer:
        return [run["id"] for run in json.load(answer)["items"]]


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ids of schedules and runs that there are. With a line's end in it an address is none of ours: the application
    itself answers 404."""
    chance = random.Random(repr(path_parameters))
    if not path_parameters or "id" not in path_parameters:
        return path_parameters
    if chance.random() < 0.6:
        known = runs() if "/runs/" in context.operation.path else [f"s{number}" for number in range(5)]
        return {**path_parameters, "id": chance.choice(known)}
    return {**path_parameters, "id": re.sub(r"[\r\n]", "", str(path_parameters["id"]))}


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Triggers, tasks and arguments that can be read."""
    chance = random.Random(repr(body))
    if not isinstance(body, dict) or chance.random() < 0.3:
        return body
    known = {"trigger": TRIGGERS, "args": ARGS, "task": ["send", "plain", "bad"]}
    return {name: chance.choice(known[name]) if name in known else value for name, value in body.items()}

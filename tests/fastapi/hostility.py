"""What a hostile client sends: too much, too deep, too many, wrong numbers, names and zones, paths of modules."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

CANARY = "hostile_canary"
"""A module that can be imported, and must not be."""

MODULES = (CANARY, f"{CANARY}:f", f"{CANARY}.f", f"{CANARY}:f()", "os:system", "builtins:eval")
JSON = {"content-type": "application/json"}
EVERY = {"kind": "every", "seconds": 60}
NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "1" * 5_000,
    "0." + "1" * 5_000,
    "1e" + "9" * 5_000,
    "-0x1",
)
NAMES = ("nul\x00", "line\nfeed", "tab\t", "\x1b[31mred", "\x7f", "x" * 1_000_000, "\u2028", "..", " ", "")
ZONES = (
    "../../etc/passwd",
    "/etc/passwd",
    "localtime",
    "Factory",
    "UTC0UTC",
    "Europe/Berlin\x00",
    "x" * 100_000,
    "posix/UTC",
)
CRONS = ("* " * 100_000, "*/0 * * * *", "0-99999999999 * * * *", "0 0 30 2 *", ",".join(["1"] * 50_000) + " * * * *")


@dataclass(frozen=True)
class Attack:
    """One request that has to be refused."""

    name: str
    path: str
    body: bytes = b""
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


@dataclass(frozen=True)
class Answered:
    """How it was answered, and how long that took."""

    attack: Attack
    status: int
    seconds: float


def _schedule(name: str, **fields: Any) -> Attack:
    body = {"task": "tick", "trigger": EVERY, "id": "hostile", **fields}
    return Attack(name, "/schedules", json.dumps(body).encode())


def attacks(prefix: str = "/hourbell") -> list[Attack]:
    """All of them."""
    under = [
        Attack(one.name, prefix + one.path, one.body, one.method, one.headers)
        for one in (*_bodies(), *_numbers(), *_names(), *_modules())
    ]
    jobs = [json.dumps({"func": path, "trigger": "interval", "trigger_args": {"seconds": 1}}) for path in MODULES]
    return [*under, *(Attack(f"job {body[:40]}", "/schedule/jobs", body.encode()) for body in jobs)]


def _bodies() -> Iterator[Attack]:
    for path in ("/schedules", "/schedules/tick-00/trigger", "/runs/retry", "/preview"):
        yield Attack(f"10 MB to {path}", path, b'{"a": "' + b"x" * 10_000_000 + b'"}')
        yield Attack(f"nested 10,000 deep to {path}", path, b"[" * 10_000 + b"]" * 10_000)
        yield Attack(f"objects 10,000 deep to {path}", path, b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
        yield Attack(f"no end to {path}", path, b'{"a": ' + b'"\\"' * 100_000)
        yield Attack(f"a form to {path}", path, b"task=tick", headers={"content-type": "text/plain"})
        yield Attack(f"no text to {path}", path, bytes(range(256)) * 1_000)
    yield Attack("100,000 tags", "/schedules", json.dumps({"task": "tick", "tags": ["x"] * 100_000}).encode())
    yield _schedule("100,000 arguments", args={f"a{number}": 1 for number in range(19_000)})
    yield _schedule("arguments of 900 kB", args={"note": "x" * 900_000})
    yield _schedule("a trigger of 10,000", trigger={"kind": "any_of", "triggers": [EVERY] * 10_000})
    yield Attack("a long filter", "/runs?error=" + "x" * 10_000, method="GET", headers={})
    yield Attack("a long cursor", "/schedules?cursor=" + "x" * 10_000, method="GET", headers={})
    yield Attack("a large limit", "/runs?limit=1000000000", method="GET", headers={})
    yield Attack("a long preview", "/schedules/tick-00/preview?count=1000000000", method="GET", headers={})


def _numbers() -> Iterator[Attack]:
    for number in NUMBERS:
        for place in (
            '{"policies": {"grace": %s}}',
            '{"args": {"note": %s}}',
            '{"trigger": {"kind": "every", "seconds": %s}}',
        ):
            yield Attack(f"{place} with {number[:12]}", "/schedules/tick-00", (place % number).encode(), "PATCH")
    for seconds in (0, -1, 1e300, 10**30, True, "1", None, [1]):
        yield _schedule(f"every {seconds!r:.10}", trigger={"kind": "every", "seconds": seconds})
        yield _schedule(f"grace {seconds!r:.10}", policies={"catch_up_limit": seconds if seconds != 10**30 else 10**90})
    for instant in ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "x" * 10_000, "2030-01-01", 0, -1):
        body = json.dumps({"start": instant, "end": instant}).encode()
        yield Attack(f"backfill {instant!r:.20}", "/schedules/tick-00/backfill", body)


def _names() -> Iterator[Attack]:
    for name in NAMES:
        for fields in ({"id": name}, {"task": name}, {"args": {name: 1}}):
            yield _schedule(f"{next(iter(fields))} {name[:9]!r}", **fields)
        if name not in (" ", ".."):  # which are odd, and do no harm as the name of a queue or as a key
            yield _schedule(f"queue {name[:9]!r}", policies={"queue": name})
            yield Attack(f"key {name[:9]!r}", "/schedules/tick-00/trigger", json.dumps({"key": name}).encode())
    for zone in ZONES:
        yield _schedule(f"zone {zone[:18]!r}", trigger={"kind": "cron", "expr": "0 9 * * *", "timezone": zone})
    for expr in CRONS:
        yield _schedule(f"cron {expr[:12]!r}", trigger={"kind": "cron", "expr": expr, "timezone": "UTC"})


def _modules() -> Iterator[Attack]:
    for path in MODULES:
        yield _schedule(f"task {path}", task=path)
        yield _schedule(f"kind {path}", trigger={"kind": path})
        yield _schedule(f"retry on {path}", policies={"retry": {"attempts": 2, "on": [f"{path} "], "class": path}})
        yield _schedule(f"executor {path}", policies={"executor": path})
        yield _schedule(f"type tag {path}", args={"__class__": path, "py/object": path, "$type": path})


def send(address: str, wanted: Sequence[Attack]) -> list[Answered]:
    """One after the other, each on a connection that may be left in any state."""
    found = []
    with httpx.Client(base_url=address, timeout=60) as client:
        for attack in wanted:
            before = time.perf_counter()
            answer = client.request(attack.method, attack.path, content=attack.body, headers=attack.headers)
            found.append(Answered(attack, answer.status_code, time.perf_counter() - before))
    return found

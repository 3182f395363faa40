"""How long it takes to find the next fire, side by side with other schedulers; and what is the longest for any input.

First: ten typical expressions, each walked from fire to fire in Europe/Berlin with Hourbell, cronsim, croniter and
APScheduler 3, in turn, in one process: the best of several rounds, in microseconds a fire, and the ratio of Hourbell's
time to the fastest other's. Each of the others is used the way it is meant to: cronsim and croniter as iterators that
know where they are, APScheduler's trigger by its previous fire. `ask` is Hourbell asked with an instant in UTC.

Then: the longest time, in milliseconds, that any input takes that is hostile, absurd or random: to be refused, or to be
understood, explained and asked. What can never fire is among them.
"""

from __future__ import annotations

import random
import statistics
import string
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim

from hourbell import Cron, Every, Trigger, TriggerError, lint

ZONE = "Europe/Berlin"
PLACE = ZoneInfo(ZONE)
START = datetime(2026, 6, 3, 10, 7, tzinfo=PLACE)
TYPICAL = (
    "* * * * *",
    "*/5 * * * *",
    "0 * * * *",
    "0 9 * * 1-5",
    "*/15 9-17 * * 1-5",
    "0 0 1 * *",
    "30 2 * * *",
    "0 0 13 * 5",
    "15 14 1 1,4,7,10 *",
    "0 22 * * 0",
)
ROUNDS = 5
FIRES = 1_000
# APScheduler counts weekdays from Monday; its names mean what they say.
_APSCHEDULER = {"1-5": "mon-fri", "5": "fri", "0": "sun"}


def ours(expr: str, fires: int) -> None:
    trigger = Cron(expr, ZONE)
    at = START
    for _ in range(fires):
        at = trigger.next_after(at)  # type: ignore[assignment]


def asked(expr: str, fires: int) -> None:
    trigger = Cron(expr, ZONE)
    at = START.astimezone(UTC)
    for _ in range(fires):
        at = trigger.next_after(at).astimezone(UTC)  # type: ignore[union-attr]


def cronsim(expr: str, fires: int) -> None:
    walk = CronSim(expr, START)
    for _ in range(fires):
        next(walk)


def by_croniter(expr: str, fires: int) -> None:
    walk = croniter(expr, START)
    for _ in range(fires):
        walk.get_next(datetime)


def apscheduler(expr: str, fires: int) -> None:
    *others, weekday = expr.split()
    trigger = CronTrigger.from_crontab(" ".join([*others, _APSCHEDULER.get(weekday, weekday)]), timezone=PLACE)
    at = None
    for _ in range(fires):
        at = trigger.get_next_fire_time(at, at or START)


def microseconds(walk: Callable[[str, int], None], expr: str) -> float:
    """The best of the rounds; the fewer fires, the slower."""
    fires = FIRES if walk in (ours, asked, cronsim) else FIRES // 5
    best = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        walk(expr, fires)
        best.append((time.perf_counter() - began) / fires)
    return min(best) * 1e6


def side_by_side() -> None:
    others = {"cronsim": cronsim, "croniter": by_croniter, "apscheduler": apscheduler}
    print(
        f"{'microseconds a fire':22}{'hourbell':>10}{'ask':>8}"
        + "".join(f"{name:>13}" for name in others)
        + f"{'ratio':>8}"
    )
    ratios = []
    for expr in TYPICAL:
        mine, cold = microseconds(ours, expr), microseconds(asked, expr)
        theirs = [microseconds(walk, expr) for walk in others.values()]
        ratios.append(mine / min(theirs))
        print(f"{expr:22}{mine:10.2f}{cold:8.2f}" + "".join(f"{one:13.2f}" for one in theirs) + f"{ratios[-1]:8.2f}")
    print(f"ratio to the fastest other: median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}\n")


HOSTILE: tuple[Any, ...] = (
    "0" * 10_000_000,
    "*," * 5_000_000,
    "9" * 256,
    ",".join("*" * 128)[:248] + " * * * *",
    "* * " + ",".join(f"{n}W" for n in range(1, 32)) + " 2 +sat#5",
    "0 0 " + ",".join(f"L-{n}" for n in range(28, 31)) + " 2 +fri#5,sat#5,sunL",
    "0 0 30 2 *",
    "0 0 31 2,4,6,9,11 *",
    "0 0 L-30 2 *",
    "0 0 31W 4 *",
    "0 0 30 2 +mon#1",
    "H(0-59)/7,H/3,H(5-9) H H H H",
    "0 0 H(29-31) 2 *",
    "0 0 H(1-31) 2 +fri#5",
    "@every " + "9" * 240 + "w",
    "@" * 256,
    "mon" * 80,
    "0 0 * * " + "m" * 240,
    "* * * * *" + " " * 240 + "x",
    None,
    b"* * * * *",
    10**1000,
)


def longest_of_any_input() -> None:
    generator = random.Random(1)
    alphabets = ("0123456789*,-/ ", "0123456789*,-/@LWH#?+()monfeb \t", string.printable)
    drawn = ["".join(generator.choices(generator.choice(alphabets), k=generator.randint(1, 256))) for _ in range(5_000)]
    pieces = ("*", "*/7", "1-5", "22-4", "L", "15W", "LW", "FRI#2", "5L", "H", "H(1-9)/2", "0", "31", "59", "?", "+mon")
    drawn += [" ".join(generator.choices(pieces, k=generator.choice((5, 5, 6)))) for _ in range(5_000)]
    worst("an input of any kind, refused or asked", [lambda text=text: whole_life(text) for text in (*HOSTILE, *drawn)])
    never = [text for text in HOSTILE if isinstance(text, str) and len(text) < 40 and text.startswith("0 0 3")]
    worst("what can never fire, refused", [lambda text=text: whole_life(text) for text in never])
    names = ("Europe/Berlin/" * 100_000, "../../etc/passwd", "Europe/Berln", "x" * 64, "\0", "UTC+2", "éurope/berlin")
    worst("a zone's name", [lambda name=name: refused(lambda: Cron("0 0 * * *", name)) for name in names])
    numbers = (10**400, -1, 1e308, float("nan"), float("inf"), 5e-324, 10**10_000)
    worst("a number of seconds", [lambda number=number: refused(lambda: Every(seconds=number)) for number in numbers])
    specs: list[Any] = [{"kind": "cron", "expr": text} for text in HOSTILE] + [
        {"kind": "x" * 10**6},
        {"kind": []},
        [],
        5,
    ]
    specs += [{"kind": "cron", "expr": "0 0 * * *", "y" * 10**6: 1}, dict.fromkeys(map(str, range(100_000)), 1)]
    worst("a spec", [lambda spec=spec: refused(lambda: Trigger.from_spec(spec)) for spec in specs])


def whole_life(text: Any) -> None:
    """Make it, bind it, ask it and have it explained."""

    def live() -> None:
        trigger = Cron(text, ZONE).bound("some-schedule").anchored(START)
        trigger.explain()
        fire = trigger.next_after(START)
        trigger.prev_before(fire or START)
        trigger.count_between(START, START + timedelta(days=3_660))
        lint(trigger, after=START)

    refused(live)


def refused(action: Callable[[], object]) -> None:
    with suppress(TriggerError):
        action()


def worst(what: str, actions: list[Callable[[], None]]) -> None:
    longest = 0.0
    for action in actions:
        began = time.perf_counter()
        action()
        longest = max(longest, time.perf_counter() - began)
    print(f"{what + ':':45}{longest * 1e3:8.2f} ms at most ({len(actions)} inputs; 50 ms are allowed)")


if __name__ == "__main__":
    side_by_side()
    longest_of_any_input()

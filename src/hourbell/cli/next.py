"""``hourbell next``: when a cron expression fires, and what it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hourbell import At, Cron, HourbellError, Scheduler, lint
from hourbell.cli.exit_codes import give_up
from hourbell.cli.table import table
from hourbell.clock import SystemClock
from hourbell.triggers.dst import read_fold, read_gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hourbell.triggers import Advice, PreviewedFire


def show_next(
    expr: Annotated[str, typer.Argument(metavar="EXPR", help="A cron expression, in quotes, as in '0 9 * * mon-fri'.")],
    tz: Annotated[
        str | None, typer.Option("--tz", metavar="ZONE", help="An IANA zone; else HOURBELL_TIMEZONE or UTC.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="TIME", help="An instant or a local time, ISO 8601; else now.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many fires.")] = 5,
    gap: Annotated[
        str | None, typer.Option(metavar="HOW", help="For times that the clock skips: next_valid or skip.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(metavar="HOW", help="For times that come twice: first, second or both.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="ID", help="The schedule's id, which an H is hashed from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say first what the expression means.")] = False,
) -> None:
    """When a cron expression fires next, in local time and UTC. A refusal exits with 2."""
    try:
        zone = Scheduler("memory://").settings.timezone if tz is None else tz
        trigger = Cron(expr, zone, read_gap(gap), read_fold(fold))
        start = SystemClock().now() if after is None else _instant(after, zone)
        if schedule is not None:
            trigger = trigger.bound(schedule)
        trigger = trigger.anchored(start)
        if trigger.is_hashed and trigger.schedule_id is None:
            give_up(f"{trigger.explain()}: give --schedule ID")
        fires = trigger.preview(count, after=start)
        advice = lint(trigger, after=start)
    except HourbellError as error:
        give_up(str(error))
    if as_json:
        print(json.dumps(_as_json(trigger, fires, advice), indent=2))
    else:
        _print(trigger.explain() if explain else None, fires, advice)


def _instant(text: str, zone: str) -> datetime:
    """The instant that the text names; a date alone is its midnight, and what has no offset is a local time."""
    return At(f"{text}T00:00" if len(text) == len("2026-01-31") else text, zone).instant


def _as_json(trigger: Cron, fires: Sequence[PreviewedFire], advice: Sequence[Advice]) -> dict[str, Any]:
    return {
        "trigger": trigger.declared_spec(),
        "explain": trigger.explain(),
        "fires": [
            {
                "fire_at": None if fire.fire_at is None else _utc(fire.fire_at),
                "local": fire.local.isoformat() if fire.fire_at is None else fire.fire_at.isoformat(),
                "mark": fire.mark,
                "note": fire.note() or None,
            }
            for fire in fires
        ],
        "advice": [{"about": one.about, "text": one.text} for one in advice],
    }


def _print(explained: str | None, fires: Sequence[PreviewedFire], advice: Sequence[Advice]) -> None:
    if explained is not None:
        print(f"{explained}\n")
    rows = [
        {
            "local": f"{fire.local:%a %Y-%m-%d %H:%M:%S}" if fire.fire_at is None else _local(fire.fire_at),
            "UTC": None if fire.fire_at is None else _utc(fire.fire_at),
            "": fire.note(),
        }
        for fire in fires
    ]
    print(table(("local", "UTC", ""), rows) if rows else "no further fire")
    for one in advice:
        print(f"\nhint: {one.text}")


def _local(fire: datetime) -> str:
    return f"{fire:%a %Y-%m-%d %H:%M:%S} {fire.isoformat()[-6:]}"


def _utc(fire: datetime) -> str:
    return fire.astimezone(UTC).isoformat().replace("+00:00", "Z")

"""The options that say when: one of the kinds of trigger, each with the options that belong to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, cast

import typer

from hourbell import At, CalendarEvery, Cron, Every, InvalidArguments, RRule
from hourbell.cli.periods import read_period
from hourbell.triggers import Trigger
from hourbell.triggers.dst import read_fold, read_gap

_PANEL = "When: one of --cron, --every, --at, --rrule, --trigger, --days …"


def _option(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=_PANEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOptions:
    """When a schedule fires, as it was typed."""

    cron: Annotated[str | None, _option("--cron", "EXPR", "A cron expression, in quotes.")] = None
    every: Annotated[str | None, _option("--every", "PERIOD", "Elapsed time: 90s, 15m, 1h30m, 2d.")] = None
    at: Annotated[str | None, _option("--at", "TIME", "Once.")] = None
    rrule: Annotated[str | None, _option("--rrule", "RULE", "A recurrence rule, as in 'FREQ=MONTHLY;BYDAY=-1FR'.")] = (
        None
    )
    trigger: Annotated[str | None, _option("--trigger", "JSON", "Any trigger, in the shape of the REST API.")] = None
    years: Annotated[int | None, _option("--years", "N", "Every N years of the calendar.")] = None
    months: Annotated[int | None, _option("--months", "N", "Every N months of the calendar.")] = None
    weeks: Annotated[int | None, _option("--weeks", "N", "Every N weeks of the calendar.")] = None
    days: Annotated[int | None, _option("--days", "N", "Every N days of the calendar.")] = None
    time: Annotated[str | None, _option("--time", "HH:MM", "With --years to --days: the time of day.")] = None
    start: Annotated[str | None, _option("--start", "TIME", "The first instant or day; of --every, --rrule, days.")] = (
        None
    )
    end: Annotated[str | None, _option("--end", "TIME", "The last instant or day; of --every and days to years.")] = (
        None
    )
    tz: Annotated[str | None, _option("--tz", "ZONE", "The IANA zone; not of --every.")] = None
    gap: Annotated[str | None, _option("--gap", "HOW", "Times that the clock skips: next_valid, skip.")] = None
    fold: Annotated[str | None, _option("--fold", "HOW", "Times that come twice: first, second, both.")] = None

    def read(self, zone: str | None = None) -> Trigger | None:
        """The trigger that was typed, in ``zone`` unless another was; None when nothing was said of it.

        Raises TriggerError, and InvalidArguments for options that do not go together.
        """
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        if not given:
            return None
        kind = _kind(given)
        _refuse_strangers(kind, given)
        named: dict[str, Any] = {name: given[name] for name in _BELONGS[kind] if name in given}
        if "tz" in _BELONGS[kind]:
            named["timezone"] = named.pop("tz", None) or zone
        return _MAKES[kind](named, given)


_PERIODS = ("years", "months", "weeks", "days")
_BELONGS: Mapping[str, tuple[str, ...]] = {
    "cron": ("tz", "gap", "fold"),
    "every": ("start", "end"),
    "at": ("tz",),
    "rrule": ("start", "tz", "gap", "fold"),
    "trigger": (),
    "days": (*_PERIODS, "time", "start", "end", "tz", "gap", "fold"),
}


def _kind(given: Mapping[str, Any]) -> str:
    """Which kind of trigger the options name."""
    kinds = [name for name in ("cron", "every", "at", "rrule", "trigger") if name in given]
    kinds += ["days"] if any(name in given for name in _PERIODS) else []
    if len(kinds) != 1:
        said = "more than one is given" if kinds else "none of them is given"
        raise InvalidArguments(
            "say when by one of --cron, --every, --at, --rrule, --trigger or a period such as --days 2; " + said
        )
    return kinds[0]


def _refuse_strangers(kind: str, given: Mapping[str, Any]) -> None:
    strange = sorted(given.keys() - {kind, *_BELONGS[kind]})
    if strange:
        takes = ", ".join(f"--{name}" for name in _BELONGS[kind] if name not in _PERIODS) or "no other option"
        raise InvalidArguments(f"--{strange[0]} says nothing with --{kind}, which takes {takes}")


def _every(named: dict[str, Any], given: Mapping[str, Any]) -> Trigger:
    return Every(seconds=read_period("--every", given["every"]), **named)


def _of_days(named: dict[str, Any], _: Mapping[str, Any]) -> Trigger:
    for bound in ("start", "end"):
        if bound in named:
            named[f"{bound}_day"] = named.pop(bound)
    return CalendarEvery(**_with_choices(named))


def _from_json(_: dict[str, Any], given: Mapping[str, Any]) -> Trigger:
    try:
        spec = json.loads(given["trigger"])
    except ValueError as error:
        raise InvalidArguments(f"--trigger is no JSON: {error}") from None
    return Trigger.from_spec(cast("Mapping[str, Any]", spec))


def _with_choices(named: dict[str, Any]) -> dict[str, Any]:
    return {**named, "gap": read_gap(named.get("gap")), "fold": read_fold(named.get("fold"))}


_MAKES: Mapping[str, Callable[[dict[str, Any], Mapping[str, Any]], Trigger]] = {
    "cron": lambda named, given: Cron(given["cron"], **_with_choices(named)),
    "every": _every,
    "at": lambda named, given: At(given["at"], **named),
    "rrule": lambda named, given: RRule(given["rrule"], **_with_choices(named)),
    "trigger": _from_json,
    "days": _of_days,
}

"""The options of policies, by the names that they have everywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from hourbell import InvalidArguments
from hourbell.cli.periods import read_period

_PANEL = "Policies"
_NONE = "none"
_DURATIONS = ("grace", "jitter", "timeout", "timeout_grace")


def _option(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=_PANEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """The policies of a schedule as they were typed; what was not typed stays inherited, or as it is."""

    catch_up: Annotated[str | None, _option("--catch-up", "HOW", "After a gap: latest, all, skip.")] = None
    catch_up_limit: Annotated[int | None, _option("--catch-up-limit", "N", "With all: how many at most.")] = None
    grace: Annotated[str | None, _option("--grace", "PERIOD", "How late a fire may start: 90s, 1h, none.")] = None
    jitter: Annotated[str | None, _option("--jitter", "PERIOD", "By how much starts are spread: 30s, none.")] = None
    blackout: Annotated[
        list[str] | None, _option("--blackout", "NAME", "A calendar; may be repeated; none: no calendar.")
    ] = None
    overlap: Annotated[
        str | None, _option("--overlap", "HOW", "skip, buffer_one, buffer_all, cancel_other, allow.")
    ] = None
    max_running: Annotated[int | None, _option("--max-running", "N", "How many runs count as overlap.")] = None
    retry: Annotated[str | None, _option("--retry", "N|JSON", "How many tries; or all of it as JSON; none.")] = None
    timeout: Annotated[str | None, _option("--timeout", "PERIOD", "How long a body may take: 90s, 1h, none.")] = None
    timeout_grace: Annotated[str | None, _option("--timeout-grace", "PERIOD", "How long it may take to end then.")] = (
        None
    )
    on_lost: Annotated[str | None, _option("--on-lost", "HOW", "When the node died: retry, fail.")] = None
    lost_limit: Annotated[int | None, _option("--lost-limit", "N", "How many nodes a run may lose.")] = None
    queue: Annotated[str | None, _option("--queue", "NAME", "Only nodes that serve this queue run it.")] = None
    priority: Annotated[int | None, _option("--priority", "N", "Which run goes first: the lower number.")] = None

    def read(self) -> dict[str, Any]:
        """Those that were typed, as the verbs take them. Raises InvalidArguments."""
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) not in (None, [])}
        for name in _DURATIONS:
            if name in given:
                given[name] = _seconds(name, given[name])
        if "retry" in given:
            given["retry"] = _retry(given["retry"])
        if given.get("blackout") == [_NONE]:
            given["blackout"] = []
        return given


def _seconds(name: str, text: str) -> float | None:
    return None if text == _NONE else read_period(f"--{name.replace('_', '-')}", text)


def _retry(text: str) -> Any:
    if text == _NONE:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidArguments(
            f"--retry {text[:40]!r}: give a number of tries, none, or JSON such as "
            '\'{"attempts": 5, "backoff": "fixed", "first": 60}\''
        ) from None

"""``hourbell schedules``: what an operator does to schedules from a terminal, with the same safety as everywhere."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hourbell import Every, Scheduler
from hourbell.cli.argument_options import ArgumentOptions
from hourbell.clock import SystemClock
from support.typed import refused, typed, typed_json

URL = "sqlite:///hourbell.db"


@pytest.fixture(autouse=True)
def migrated(shop: str) -> str:
    typed("migrate")
    return shop


def added(*words: str, code: int = 0) -> Any:
    return typed_json("schedules", "add", "report", "--app", "shop:scheduler", *words, code=code)


def shown(schedule_id: str) -> Any:
    return typed_json("schedules", "show", schedule_id)


@pytest.mark.parametrize(
    "words,trigger",
    [
        (("--cron", "0 9 * * mon-fri"), {"kind": "cron", "expr": "0 9 * * mon-fri", "timezone": "Europe/Berlin"}),
        (("--cron", "0 9 * * *", "--tz", "Asia/Tokyo", "--gap", "skip"), {"timezone": "Asia/Tokyo", "gap": "skip"}),
        (("--every", "1h30m"), {"kind": "every", "seconds": 5400}),
        (("--every", "90", "--start", "2030-01-01T00:00:00Z"), {"seconds": 90, "start": "2030-01-01T00:00:00Z"}),
        (("--at", "2030-06-01T12:00"), {"kind": "at", "instant": "2030-06-01T10:00:00Z"}),
        (("--months", "1", "--time", "06:30", "--start", "2030-01-31"), {"kind": "calendar", "months": 1}),
        (("--rrule", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9"), {"kind": "rrule"}),
        (("--trigger", '{"kind": "every", "seconds": 60}'), {"kind": "every", "seconds": 60}),
    ],
)
def test_every_kind_of_trigger_can_be_typed(words: tuple[str, ...], trigger: dict[str, Any]) -> None:
    assert added(*words, "--arg", "to=ada")["trigger"].items() >= trigger.items()


@pytest.mark.parametrize(
    "words,told",
    [
        ((), "say when"),
        (("--cron", "0 9 * * *", "--every", "1h"), "more than one"),
        (("--tz", "UTC"), "none of them"),
        (("--every", "1h", "--tz", "UTC"), "--tz says nothing with --every"),
        (("--cron", "0 9 * * *", "--start", "2030-01-01"), "--start says nothing with --cron"),
        (("--every", "15"), ""),
        (("--every", "soon"), "--every 'soon': give a period such as 90s"),
        (("--trigger", "{"), "--trigger is no JSON"),
        (("--trigger", "[]"), "must be an object"),
        (("--every", "1h", "--overlap", "maybe"), "overlap='maybe': choose one of"),
        (("--every", "1h", "--grace", "late"), "--grace 'late'"),
        (("--every", "1h", "--retry", "often"), "--retry 'often'"),
        (("--every", "1h", "--retry", '{"tries": 3}'), "retry has no field 'tries'"),
        (("--every", "1h", "--on-conflict", "maybe"), "on_conflict='maybe'"),
        (("--every", "1h", "--id", "a\nb"), "printable characters"),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(words: tuple[str, ...], told: str) -> None:
    whole = ("schedules", "add", "report", "--app", "shop:scheduler", "--arg", "to=ada", *words)
    if told:
        assert told in refused(*whole)
        assert typed_json("schedules") == []
    else:
        typed(*whole)


def test_arguments_are_typed_by_the_tasks_own_schema() -> None:
    words = ("--arg", "to=42", "--arg", "copies=3", "--arg", "day=2030-01-31", "--arg", "size=large")
    made = added("--every", "1h", *words, "--arg", 'tags=["a"]', "--arg", "code=7", "--id", "typed")
    assert made["args"] == {
        "to": "42", "copies": 3, "day": "2030-01-31", "size": "large", "tags": ["a"], "code": 7
    }  # fmt: skip
    made = added("--every", "1h", "--args", '{"to": "x"}', "--arg", "code=A7", "--arg", "day=null", "--id", "other")
    assert made["args"] == {"to": "x", "code": "A7", "day": None}


@pytest.mark.parametrize(
    "words,told",
    [
        (("--arg", "to=a", "--arg", "copies=many"), "'copies' does not fit"),
        (("--arg", "to=a", "--arg", "size=huge"), "'size' does not fit"),
        (("--arg", "to=a", "--arg", "day=tomorrow"), "'day' does not fit"),
        (("--arg", "to=a", "--arg", "two=b"), "'two' is not an argument of this task"),
        ((), "'to' is missing"),
        (("--arg", "to"), "give NAME=VALUE"),
        (("--args", "{"), "--args is no JSON"),
        (("--args", "[1]"), "JSON object"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(words: tuple[str, ...], told: str) -> None:
    assert told in refused("schedules", "add", "report", "--app", "shop:scheduler", "--every", "1h", *words)


def test_nothing_is_added_that_nobody_knows() -> None:
    assert "registers no task 'nobody'" in refused(
        "schedules", "add", "nobody", "--app", "shop:scheduler", "--every", "1h"
    )
    assert "Missing option '--app'" in typed("schedules", "add", "report", "--every", "1h", code=2).stderr
    assert added("--every", "1h", "--arg", "to=a", "--id", "x")["id"] == "x"
    assert "exists" in refused(
        "schedules", "add", "report", "--app", "shop:scheduler", "--every", "1h", "--arg", "to=a", "--id", "x", code=1
    )


def test_policies_are_kept_by_their_names() -> None:
    words = ("--overlap", "buffer_one", "--grace", "5m", "--retry", "4", "--timeout", "90", "--queue", "slow")
    policies = added("--every", "1h", "--arg", "to=a", *words, "--paused", "--note", "not yet")["policies"]
    assert (policies["overlap"], policies["grace"], policies["timeout"]) == ("buffer_one", 300, 90)
    assert (policies["retry"]["attempts"], policies["queue"]) == (4, "slow")
    assert (shown("report")["state"], shown("report")["note"]) == ("paused", "not yet")
    typed("schedules", "edit", "report", "--grace", "none", "--retry", "none")
    policies = shown("report")["policies"]
    assert (policies["grace"], policies["retry"], policies["overlap"]) == (None, None, "buffer_one")


def test_an_edit_changes_what_is_given_and_keeps_the_rest() -> None:
    added("--cron", "0 9 * * *", "--arg", "to=ada", "--arg", "copies=2")
    said = typed("schedules", "edit", "report", "--cron", "30 8 * * *").stdout
    assert said.startswith("report is active and fires next at ")
    assert said.strip().endswith("Z")
    assert shown("report")["trigger"] == {
        "kind": "cron", "expr": "30 8 * * *", "timezone": "Europe/Berlin", "gap": None, "fold": None
    }  # fmt: skip
    typed("schedules", "edit", "report", "--app", "shop:scheduler", "--arg", "copies=5")
    assert shown("report")["args"] == {"to": "ada", "copies": 5}
    typed("schedules", "edit", "report", "--app", "shop:scheduler", "--args", '{"to": "bob"}')
    assert shown("report")["args"] == {"to": "bob"}
    assert "nothing is to be changed" in refused("schedules", "edit", "report")
    assert "need --app" in refused("schedules", "edit", "report", "--arg", "to=eve")
    assert "leave out --database" in refused(
        "schedules", "edit", "report", "--arg", "to=eve", "--app", "shop:scheduler", "--database", URL
    )
    assert shown("report")["args"] == {"to": "bob"}


def test_pause_resume_and_remove() -> None:
    added("--every", "1h", "--arg", "to=ada")
    assert typed("schedules", "pause", "report", "--note", "the printer is broken").stdout == "report is paused\n"
    (one,) = typed_json("schedules", "list", "--state", "paused")
    assert (one["id"], one["note"]) == ("report", "the printer is broken")
    assert typed_json("schedules", "resume", "report")["state"] == "active"
    said = typed("schedules", "remove", "report", answer="n\n", code=1).stderr
    assert "delete the schedule report?" in said
    assert said.endswith("hourbell: nothing was changed\n")
    assert "nobody said yes" in typed("schedules", "remove", "report", code=1).stderr
    assert shown("report")["id"] == "report"
    assert typed("schedules", "remove", "report", answer="y\n").stdout.endswith("report is deleted\n")
    for verb in ("show", "pause", "resume", "trigger", "edit", "remove"):
        words = ("--every", "1h") if verb == "edit" else ()
        assert "there is no schedule 'report'" in refused("schedules", verb, "report", *words, code=3)


def test_an_id_that_nothing_has_leads_to_one_that_is_near() -> None:
    added("--every", "1h", "--arg", "to=ada", "--id", "nightly-report")
    for wanted in ("nightly", "nigthly-report"):
        for verb in ("show", "pause", "resume", "trigger", "remove"):
            assert "did you mean 'nightly-report'?" in refused("schedules", verb, wanted, code=3)
        assert "did you mean 'nightly-report'?" in refused("runs", "--schedule", wanted, code=3)
    assert "did you mean" not in refused("schedules", "show", "xyz", code=3)
    assert "unless it is in quotes" in refused("schedules", "edit", "nightly-report", "--cron", "0", "9", "*", code=2)
    assert typed_json("runs", "--schedule", "nightly-report") == []


def test_a_pause_may_be_so_long() -> None:
    added("--every", "1h", "--arg", "to=ada")
    before = datetime.now(UTC)
    until = datetime.fromisoformat(typed_json("schedules", "pause", "report", "--until", "2h")["resume_at"])
    assert before <= until - timedelta(hours=2) <= datetime.now(UTC)
    assert "or a period, as in 3h from now" in refused("schedules", "pause", "report", "--until", "tomorrow")


def test_one_schedule_is_shown_with_why_it_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    added("--every", "1h", "--arg", "to=ada")
    assert shown("report")["last_due"] == {"due_at": None, "became": "none", "run_id": None, "why": None, "do": None}
    said = typed("schedules", "show", "report").stdout.splitlines()
    assert said[said.index("") + 1] == "no due time has passed yet"
    assert said[-2].startswith("next due ")
    assert said[-2].endswith(" min")
    assert said[-1].startswith("it is now ")
    assert said[-1].endswith("Z by the database's clock")
    (policies,) = (line for line in said if line.startswith("policies"))
    assert policies.split(None, 1)[1] == "as by default"
    typed("schedules", "edit", "report", "--every", "1s")
    typed("schedules", "pause", "report", "--note", "broken")
    while shown("report")["last_due"]["due_at"] is None:
        pass
    last = shown("report")["last_due"]
    assert (last["became"], last["do"]) == (
        "passed_over",
        "`hourbell schedules resume report`; `hourbell schedules trigger report` runs it once now",
    )
    assert last["why"].startswith("it is paused by cli:")
    assert last["why"].endswith(": broken")
    monkeypatch.setenv("COLUMNS", "80")
    lines = typed("schedules", "show", "report").stdout.splitlines()
    told = lines[lines.index("") + 1 :]
    assert told[0].startswith("last due ")
    assert told[0].endswith("Z: was passed over")
    assert told[1].startswith("    why: it is paused by cli:")
    assert max(map(len, told)) <= 80


def test_a_due_time_is_told_in_its_zone_and_a_wrong_clock_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(hours=1)

    added("--cron", "* * * * * *", "--tz", "Asia/Tokyo", "--arg", "to=ada")
    typed("schedules", "pause", "report")
    while shown("report")["last_due"]["due_at"] is None:
        pass
    lines = typed("schedules", "show", "report").stdout.splitlines()
    (told,) = (line for line in lines if line.startswith("last due "))
    due = datetime.fromisoformat(told.split()[2]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert told.endswith(f" ({due:%a %H:%M:%S} Asia/Tokyo): was passed over")
    assert lines[-1].endswith("Z by the database's clock")
    monkeypatch.setattr("hourbell.cli.schedule_details.SystemClock", Ahead)
    last = typed("schedules", "show", "report").stdout.splitlines()[-1]
    assert re.search(r" by the database's clock; this host's is \+(3599|360\d) s off$", last)


def test_a_run_is_asked_for_once_per_key() -> None:
    added("--every", "1h", "--arg", "to=ada", "--overlap", "allow")
    first = typed_json("schedules", "trigger", "report", "--key", "k")
    assert (first["state"], first["origin"], first["args"]) == ("queued", "trigger", {"to": "ada"})
    assert typed_json("schedules", "trigger", "report", "--key", "k")["id"] == first["id"]
    other = typed_json("schedules", "trigger", "report", "--app", "shop:scheduler", "--arg", "copies=9")
    assert (other["id"] != first["id"], other["args"]) == (True, {"to": "ada", "copies": 9})
    assert "'copies' does not fit" in refused(
        "schedules", "trigger", "report", "--app", "shop:scheduler", "--arg", "copies=x"
    )


def test_a_run_that_overlaps_says_with_which() -> None:
    added("--every", "1h", "--arg", "to=ada")
    first = typed_json("schedules", "trigger", "report")["id"]
    said = typed("schedules", "trigger", "report", code=1)
    assert f"is skipped (overlap: run {first} is unfinished)" in said.stdout
    assert "the policy of the schedule says no" in said.stderr
    as_json = typed("schedules", "trigger", "report", "--json", code=1)
    assert json.loads(as_json.stdout)["state"] == "skipped"


def test_a_paused_schedule_has_no_next_fire_in_the_list() -> None:
    added("--every", "1h", "--arg", "to=ada")
    (before,) = typed_json("schedules")
    assert before["next_fire_at"][:19] in typed("schedules").stdout
    typed("schedules", "pause", "report")
    assert before["next_fire_at"][:19] not in typed("schedules").stdout
    (paused,) = typed_json("schedules")
    assert (paused["state"], paused["next_fire_at"]) == ("paused", before["next_fire_at"]), "as in REST"


def test_a_backfill_is_asked_for_and_counted() -> None:
    added("--every", "1d", "--start", "2024-01-01T00:00:00Z", "--arg", "to=ada")
    when = ("--start", "2024-03-01", "--end", "2024-03-04T12:00:00Z")
    would = typed("schedules", "backfill", "report", *when, "--dry-run").stdout.splitlines()
    assert would[0] == "4 runs would be made:"
    assert would[1] == "    2024-03-01T00:00:00Z"
    said = typed("schedules", "backfill", "report", *when, answer="n\n", code=1).stderr
    assert "make 4 runs of report, for 2024-03-01T00:00:00Z to 2024-03-04T00:00:00Z?" in said
    assert typed_json("runs") == []
    made = typed_json("schedules", "backfill", "report", *when, "--yes", "--key", "march")
    assert (made["id"], made["made"], len(made["fires"])) == ("march", 4, 4)
    again = typed("schedules", "backfill", "report", *when, "--yes", "--key", "march").stdout
    assert again == "0 runs are queued as backfill march; 4 were there\n"
    assert {run["origin"] for run in typed_json("runs", "list", "--schedule", "report")} == {"backfill:march"}
    nothing = typed("schedules", "backfill", "report", "--start", "2023-01-01", "--end", "2023-02-01").stdout
    assert nothing == "no due time lies there: nothing to make\n"
    assert "--start 'soon'" in refused("schedules", "backfill", "report", "--start", "soon", "--end", "2024-01-01")
    assert "in the future" in refused("schedules", "backfill", "report", "--start", "2024-01-01", "--end", "2999-01-01")
    typed("schedules", "pause", "report")
    assert "is paused" in refused("schedules", "backfill", "report", *when, "--yes", code=1)


def test_a_pause_may_end_by_itself() -> None:
    added("--every", "1h", "--arg", "to=ada")
    said = typed("schedules", "pause", "report", "--until", "2999-01-31T09:00:00+01:00").stdout
    assert said == "report is paused until 2999-01-31T08:00:00Z\n"
    assert "--until 'noon'" in refused("schedules", "pause", "report", "--until", "noon")
    assert "instant to come" in refused("schedules", "pause", "report", "--until", "2020-01-01")


def test_a_policy_is_inherited_again() -> None:
    added("--every", "1h", "--arg", "to=ada", "--overlap", "allow")
    typed("schedules", "edit", "report", "--inherit", "overlap")
    assert shown("report")["policies"]["overlap"] == "skip"
    assert "there is no policy" in refused("schedules", "edit", "report", "--inherit", "colour")


async def somebody_edits() -> None:
    async with Scheduler(URL) as scheduler:

        @scheduler.task(name="report")
        def report(to: str, copies: int) -> None: ...

        await scheduler.update_schedule("report", args={"to": "ada", "copies": 7})


def test_an_edit_does_not_undo_what_somebody_else_did_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    added("--every", "1h", "--arg", "to=ada")
    read = ArgumentOptions.read

    def slowly(self: ArgumentOptions, task: Any) -> dict[str, Any]:
        monkeypatch.setattr(ArgumentOptions, "read", read)
        with ThreadPoolExecutor(1) as other:
            other.submit(lambda: asyncio.run(somebody_edits())).result()
        return read(self, task)

    monkeypatch.setattr(ArgumentOptions, "read", slowly)
    words = ("schedules", "edit", "report", "--app", "shop:scheduler", "--arg", "to=bob")
    assert "has been" in refused(*words, code=1)
    assert shown("report")["args"] == {"to": "ada", "copies": 7}
    typed(*words)
    assert shown("report")["args"] == {"to": "bob", "copies": 7}


def test_the_list_is_narrowed_and_sorted() -> None:
    for name, period in (("a", "3h"), ("b", "1h")):
        added("--every", period, "--arg", "to=ada", "--id", name, "--note", f"for {name}")
    assert [one["id"] for one in typed_json("schedules", "--sort", "next_fire_at")] == ["b", "a"]
    assert [one["id"] for one in typed_json("schedules", "list", "--text", "for a")] == ["a"]
    assert typed_json("schedules", "list", "--task", "plain") == []
    assert "choose 'id'" in refused("schedules", "--sort", "colour")


async def store_many(count: int) -> None:
    async with Scheduler(URL) as scheduler:
        task = scheduler.task(name="t")(lambda: None)
        for number in range(count):
            await scheduler.add_schedule(task, Every(hours=1), id=f"s{number:04}-{'x' * 150}", note="n" * 500)


def test_the_list_can_be_read_in_80_columns_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(store_many(2))
    assert max(map(len, typed("schedules").stdout.splitlines())) > 80, "a pipe gets everything"
    monkeypatch.setenv("COLUMNS", "80")
    head, first, _ = typed("schedules").stdout.splitlines()
    assert head.split() == ["id", "state", "next_fire_at", "explain"]
    assert first.split()[1] == "active"
    assert datetime.fromisoformat(first.split()[2]) > datetime.now(UTC)
    assert max(len(head), len(first)) <= 80


def test_a_list_says_that_it_goes_on() -> None:
    asyncio.run(store_many(3))
    part = typed("schedules", "--limit", "2")
    assert part.stderr == "hourbell: these are the first 2; --limit N shows more\n"
    assert len(json.loads(typed("schedules", "--limit", "3", "--json").stdout)) == 3
    assert typed("schedules", "--limit", "3").stderr == ""
    assert "choose one of 'active'" in refused("schedules", "--state", "asleep")


def test_the_shell_proposes_ids(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("report-a", "report-b", "other"):
        added("--every", "1h", "--arg", "to=ada", "--id", name)

    def proposed(words: str) -> list[str]:
        monkeypatch.setenv("_HOURBELL_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", f"hourbell {words}")
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
        from typer.testing import CliRunner

        from hourbell.cli.main import commands

        return CliRunner().invoke(commands(), [], prog_name="hourbell").stdout.split()

    assert proposed("schedules pause rep") == ["report-a", "report-b"]
    assert proposed("runs list --schedule oth") == ["other"]
    assert proposed("schedules pause nothing") == []
    monkeypatch.setenv("HOURBELL_DATABASE_URL", "sqlite:///nowhere.db")
    assert proposed("schedules pause rep") == []

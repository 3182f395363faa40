"""``hourbell runs logs``: what a body logged, as people and as programs read it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hourbell import Scheduler, current_run
from hourbell.cli.main import commands
from hourbell.model.log_line import LogLine
from hourbell.tracking import tracked

URL = "sqlite:///hourbell.db"
AT = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOURBELL_DATABASE_URL", URL)


def typed(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(commands(), words)
    assert result.exit_code == code, result.output
    return result


async def filled() -> str:
    async with Scheduler(URL) as scheduler:
        run = await scheduler.task(name="t")(lambda: None).enqueue()
        said = [(1, 3, "hello"), (1, 4, "two\n\x1b[2J\nlines"), (2, 1, "again")]
        lines = [
            LogLine(run_id=run.id, attempt=a, number=n, logged_at=AT, level=20, logger="app", message=text)
            for a, n, text in said
        ]
        await scheduler._core.store.add_logs(lines)
        return run.id


def test_people_read_lines() -> None:
    run_id = asyncio.run(filled())
    assert typed("runs", "logs", run_id).stdout.splitlines() == [
        "-- attempt 1",
        "-- 2 lines are not kept",
        "2030-01-01T12:00:00.123Z INFO    app: hello",
        "2030-01-01T12:00:00.123Z INFO    app: two",
        "    ?[2J",
        "    lines",
        "-- attempt 2",
        "2030-01-01T12:00:00.123Z INFO    app: again",
    ]
    assert typed("runs", "logs", run_id, "--attempt", "2").stdout.splitlines()[1:] == [
        "2030-01-01T12:00:00.123Z INFO    app: again"
    ]


def test_programs_read_json() -> None:
    run_id = asyncio.run(filled())
    shown = [json.loads(line) for line in typed("runs", "logs", run_id, "--json").stdout.splitlines()]
    assert [(one["attempt"], one["number"], one["level"]) for one in shown] == [
        (1, 3, "INFO"),
        (1, 4, "INFO"),
        (2, 1, "INFO"),
    ]


def test_mistakes_are_one_line() -> None:
    asyncio.run(filled())
    for wrong in ("nonsense", "0197a3c5-0b29-71d2-8f1c-63a9c2f4c3d7"):
        assert "there is no run" in typed("runs", "logs", wrong, code=3).stderr


def test_the_list_is_as_before() -> None:
    run_id = asyncio.run(filled())
    assert run_id in typed("runs", "--limit", "1").stdout
    assert run_id in typed("runs", "--state", "queued", "--json").stdout


@contextmanager
def a_node_with_a_slow_run() -> Iterator[str]:
    """The id of a run that says three things, a second apart, in a node of another thread."""
    known: list[str] = []
    ready, done = threading.Event(), threading.Event()

    async def live() -> None:
        scheduler = Scheduler(URL)

        @scheduler.task(name="slow")
        async def slow() -> None:
            context = current_run()
            assert context is not None
            for number in range(3):
                context.log.info("part %d", number)
                context.progress(number + 1, 3)
                await asyncio.sleep(1)

        async with scheduler.lifespan():
            known.append((await slow.options(delay=timedelta(0)).enqueue()).id)
            ready.set()
            await asyncio.to_thread(done.wait, 60)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert ready.wait(60)
        yield known[0]
    finally:
        done.set()
        thread.join()


@pytest.mark.slow
def test_it_follows_until_the_end() -> None:
    with a_node_with_a_slow_run() as run_id:
        shown = typed("runs", "logs", run_id, "--follow").stdout.splitlines()
    assert [line.rpartition(": ")[2] for line in shown if "INFO" in line] == ["part 0", "part 1", "part 2"]
    assert shown[-1] == "-- attempt 1 has come to 3 of 3 (100%)"
    assert logging.getLogger("hourbell.run").level == logging.NOTSET


@pytest.mark.slow
def test_one_run_is_shown_with_its_progress_and_how_long_it_took() -> None:
    with a_node_with_a_slow_run() as run_id:
        typed("runs", "logs", run_id, "--follow")
        shown = typed("runs", "show", run_id).stdout.splitlines()
    fields = {line[:14].strip(): line[14:] for line in shown}
    assert fields["progress"] == "3 of 3 (100%), said by attempt 1"
    assert float(fields["took"].removesuffix(" s")) >= 3


def test_a_chain_is_listed_by_its_id() -> None:
    run_id = asyncio.run(filled())
    asyncio.run(tracked_run("order-42"))
    (run,) = json.loads(typed("runs", "--tracking-id", "order-42", "--json").stdout)
    assert run["tracking_id"] == "order-42"
    assert run["id"] != run_id


async def tracked_run(tracking_id: str) -> None:
    async with Scheduler(URL) as scheduler:
        with tracked(tracking_id):
            await scheduler.task(name="t")(lambda: None).enqueue()


def test_runs_are_cancelled_once_somebody_says_yes() -> None:
    run_id = asyncio.run(filled())
    assert "nobody said yes" in typed("runs", "cancel", run_id, code=1).stderr
    assert typed("runs", "cancel", run_id, "--yes").stdout == f"{run_id} is cancelled\n"
    (run,) = json.loads(typed("runs", "list", "--state", "cancelled", "--json").stdout)
    assert run["id"] == run_id
    other = asyncio.run(filled())
    some = typed("runs", "cancel", run_id, other, "--yes", code=1)
    assert some.stdout == f"{other} is cancelled\n"
    assert some.stderr.startswith("hourbell: ")
    assert "there is no run" in typed("runs", "cancel", "nobody", "--yes", code=3).stderr


async def queued(**counts: int) -> None:
    async with Scheduler(URL) as scheduler:
        for name, count in counts.items():
            task = scheduler.task(name=name)(lambda: None)
            await asyncio.gather(*(task.enqueue() for _ in range(count)))


def test_all_that_are_queued_are_cancelled_at_once() -> None:
    asyncio.run(queued(old=7, new=2))
    at_first = typed("runs", "cancel", "--queued", "--task", "old", "--limit", "3", "--yes")
    assert at_first.stdout == "3 cancelled; there are more: ask again, or for more by --limit N\n"
    refused = typed("runs", "cancel", "--queued", "--task", "old", code=1)
    assert "cancel 4 runs that are queued?" in refused.stderr
    told = json.loads(typed("runs", "cancel", "--queued", "--task", "old", "--yes", "--json").stdout)
    assert told == {"cancelled": 4, "more": False}
    assert typed("runs", "cancel", "--queued", "--task", "old").stdout == "0 cancelled\n"
    left = json.loads(typed("runs", "--state", "queued", "--json").stdout)
    assert [run["task"] for run in left] == ["new", "new"]


def test_which_runs_are_to_be_cancelled_is_said_once() -> None:
    asyncio.run(queued(old=1))
    for words in ([], ["some-id", "--queued"], ["some-id", "--task", "old"]):
        assert typed("runs", "cancel", *words, "--yes", code=2).stdout == ""
    assert len(json.loads(typed("runs", "--state", "queued", "--json").stdout)) == 1


def test_a_running_one_is_asked_to_end() -> None:
    with a_node_with_a_slow_run() as run_id:
        while json.loads(typed("runs", "show", run_id, "--json").stdout)["state"] != "running":
            pass
        assert typed("runs", "cancel", run_id, "-y").stdout == f"{run_id} is asked to end\n"
        typed("runs", "logs", run_id, "--follow")
    assert json.loads(typed("runs", "show", run_id, "--json").stdout)["state"] == "cancelled"

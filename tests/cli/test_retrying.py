"""``hourbell runs``, `show` and `retry`: what failed is read within 80 columns, looked into and queued again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hourbell import Scheduler
from hourbell.cli.main import commands
from hourbell.model.node import NewNode
from hourbell.model.run import Settlement
from hourbell.model.run_state import Outcome, RunState

URL = "sqlite:///hourbell.db"
ERROR = "ConnectionError: no answer\n\nTraceback (most recent call last):\n  File \x1b[2Jx"
APPLICATION = """
from hourbell import Scheduler

scheduler = Scheduler()

@scheduler.task(name="mail")
async def mail(to: str) -> None: ...
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOURBELL_DATABASE_URL", URL)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "application", raising=False)
    (tmp_path / "application.py").write_text(APPLICATION)


def typed(*words: str, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(commands(), words, input=answer)
    assert result.exit_code == code, result.output
    return result


async def fail(task_names: Sequence[str]) -> list[str]:
    async with Scheduler(URL) as scheduler:
        store = scheduler._core.store
        await store.register_node(NewNode(id="n", host="h", pid=1, lease=timedelta(hours=1), version="1"))
        tasks = {name: scheduler.task(name=name)(_mail) for name in set(task_names)}
        ids = []
        for name in task_names:
            run = await tasks[name].enqueue("x")
            claim = await store.claim("n", run.id, limit=1, tasks={name: 1}, queues=None, suspects=1)
            assert claim is not None
            report = Settlement(
                run_id=run.id, attempt=1, state=RunState.FAILED, outcome=Outcome.FAILED, failed=True, error=ERROR
            )
            await store.settle("n", [report])
            ids.append(run.id)
        return ids


def _mail(to: str) -> None: ...


def failed(*task_names: str) -> list[str]:
    return asyncio.run(fail(task_names or ("mail",)))


def states(*ids: str) -> list[str]:
    async def asked() -> list[str]:
        async with Scheduler(URL) as scheduler:
            return [(await scheduler.get_run(run_id)).state.value for run_id in ids]

    return asyncio.run(asked())


def test_the_list_can_be_read_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    (run_id,) = failed()
    assert "node_id" in typed("runs").stdout, "a pipe gets everything"
    monkeypatch.setenv("COLUMNS", "80")
    head, line = typed("runs").stdout.splitlines()
    assert head.split() == ["id", "task", "state", "why"]
    assert line.split()[:4] == [run_id, "mail", "failed", "ConnectionError:"]
    assert max(len(head), len(line)) <= 80


def test_the_list_is_narrowed() -> None:
    mail, sweep = failed("mail", "sweep")
    assert mail not in typed("runs", "--task", "sweep").stdout
    assert sweep in typed("runs", "--error", "no answer", "--since", "2020-01-01").stdout
    assert sweep not in typed("runs", "--until", "2020-01-01T00:00:00Z").stdout
    assert sweep in typed("runs", "--error", "no answer", "--since", "1h").stdout
    assert sweep not in typed("runs", "--error", "no answer", "--until", "1h").stdout
    assert "give an instant" in typed("runs", "--since", "yesterday", code=2).stderr


def test_one_run_is_shown_whole() -> None:
    (run_id,) = failed()
    text = typed("runs", "show", run_id).stdout
    assert f"id            {run_id}\n" in text
    assert 'args          {"to": "x"}\n' in text
    assert "-- attempt 1: failed\nnode_id       n\n" in text
    assert text.count("ConnectionError: no answer") == 1
    assert "File ?[2Jx" in text
    shown = json.loads(typed("runs", "show", run_id, "--json").stdout)
    assert (shown["id"], shown["error"]) == (run_id, ERROR)
    assert [(one["attempt"], one["outcome"], one["error"]) for one in shown["attempts"]] == [(1, "failed", ERROR)]
    assert "there is no run" in typed("runs", "show", "nobody", code=3).stderr


def test_runs_are_retried_by_their_ids() -> None:
    first, second, third = failed("mail", "mail", "mail")
    assert typed("runs", "retry", first, second).stdout == f"{first} is queued again\n{second} is queued again\n"
    assert states(first, second, third) == ["queued", "queued", "failed"]
    (shown,) = json.loads(typed("runs", "retry", third, "--json").stdout)
    assert (shown["id"], shown["state"]) == (third, "queued")
    assert "is queued" in typed("runs", "retry", third, code=1).stderr


def test_all_that_failed_are_retried_once_somebody_says_yes() -> None:
    mail, sweep = failed("mail", "sweep")
    refused = typed("runs", "retry", "--failed", "--task", "mail", answer="n\n", code=1)
    assert "retry 1 runs that failed?" in refused.stderr
    assert "nobody said yes" in typed("runs", "retry", "--failed", code=1).stderr
    assert states(mail, sweep) == ["failed", "failed"]
    assert "1 queued again" in typed("runs", "retry", "--failed", "--task", "mail", answer="y\n").stdout
    assert states(mail, sweep) == ["queued", "failed"]
    assert json.loads(typed("runs", "retry", "--failed", "--yes", "--json").stdout) == {"retried": 1}
    assert "no run that failed fits" in typed("runs", "retry", "--failed").stdout


def test_arguments_are_changed_with_who_knows_the_task() -> None:
    (run_id,) = failed()
    words = ("runs", "retry", run_id, "--app", "application:scheduler", "--args")
    for wrong, told in (("{", "no JSON"), ("[]", "JSON object"), ('{"two": "x"}', "'two' is not an argument")):
        assert told in typed(*words, wrong, code=2).stderr
    typed(*words, '{"to": "ada"}')
    assert json.loads(typed("runs", "show", run_id, "--json").stdout)["args"] == {"to": "ada"}


@pytest.mark.parametrize(
    "words", [(), ("--failed", "x"), ("x", "--task", "mail"), ("x", "--args", "{}"), ("x", "y", "--args", "{}")]
)
def test_what_has_no_meaning_is_one_line(words: tuple[str, ...]) -> None:
    failed()
    said = typed("runs", "retry", *words, code=2).stderr
    assert len(said.splitlines()) == 1

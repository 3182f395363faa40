"""The laboratory itself: what it runs, how it judges, what it keeps, and that the page tells what was kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos import __main__ as command
from chaos.entry import SQLITE, Entry, Group, Need
from chaos.laboratory import planned, run_trial
from chaos.page import PAGE, RECORD, page_of
from chaos.registry import all_entries
from chaos.report import Report
from chaos.results import FAILED, NOT_RUN, PASSED, Result, merged, read_results, write_results
from chaos.site import KINDS, NotRun, Site

ORDER = [entry.name for entry in all_entries()]


async def good(site: Site, *, seconds: float = 0) -> Report:
    report = site.report("something")
    report.figure("where", f"{site.folder} for {seconds:g} s")
    return report


async def bad(site: Site) -> Report:
    report = await good(site)
    report.require(False, "it was wrong")
    return report


async def broken(site: Site) -> Report:
    raise TimeoutError(f"nothing came in {site.folder}")


async def impossible(site: Site) -> Report:
    raise NotRun("the moon is missing")


def entry(scenario: Any, **changes: Any) -> Entry:
    made = Entry(name="one", group=Group.LOAD, done="", judged="", scenario=scenario, minutes=1, databases=SQLITE)
    return replace(made, **changes)


def result_of(made: Entry, *, long: bool = False) -> Result:
    (trial,) = planned([made], KINDS, long=long, seed=7)
    return run_trial(trial)


@pytest.mark.parametrize("scenario,verdict", [(good, PASSED), (bad, FAILED), (broken, FAILED), (impossible, NOT_RUN)])
def test_each_end_of_a_scenario_has_its_verdict(scenario: Any, verdict: str) -> None:
    assert result_of(entry(scenario)).verdict == verdict


def test_what_is_missing_is_never_passed() -> None:
    made = entry(good, needs=[Need(name="the moon", is_there=lambda: False)])
    found = result_of(made)
    assert (found.verdict, found.why, found.seed) == (NOT_RUN, "the moon is missing", None)


def test_a_result_says_how_to_get_it_again_and_not_where_it_was() -> None:
    found = result_of(entry(good, long={"seconds": 3}), long=True)
    assert (found.form, found.seed, found.arguments) == ("long", 7, {"seconds": 3})
    assert dict(found.figures)["where"] == "… for 3 s"
    assert result_of(entry(broken)).problems == ["broke off with TimeoutError: nothing came in …"]
    assert {"python", "hourbell", "sqlite"} <= found.versions.keys()


def test_results_are_kept_and_joined(tmp_path: Path) -> None:
    first, second = (result_of(entry(one, name=name)) for one, name in ((good, ORDER[1]), (bad, ORDER[0])))
    again = replace(second, verdict=PASSED)
    path = tmp_path / "results.json"
    write_results(path, merged([first, second], [again], ORDER))
    assert [(one.name, one.verdict) for one in read_results(path)] == [(ORDER[0], PASSED), (ORDER[1], PASSED)]
    assert read_results(path)[1].figures == first.figures


def test_what_cannot_be_run_now_leaves_what_was_found_before() -> None:
    before = replace(result_of(entry(good)), name=ORDER[0])
    after = replace(before, verdict=NOT_RUN)
    assert merged([before], [after], ORDER) == [before]
    assert merged([after], [before], ORDER) == [before]
    assert merged([], [replace(before, name="of another day")], ORDER) == []


def test_another_file_is_no_record(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"results": []}))
    with pytest.raises(ValueError, match="no record"):
        read_results(other)


@pytest.mark.parametrize("made", all_entries(), ids=lambda made: made.name)
def test_each_scenario_says_what_it_does(made: Entry) -> None:
    assert made.done
    assert made.judged
    assert set(made.databases) <= set(KINDS)
    taken = made.scenario.__kwdefaults__ or {}  # type: ignore[attr-defined]
    assert set(made.short) <= taken.keys()
    assert set(made.long) <= taken.keys()


def test_the_page_is_made_from_the_record() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_of(read_results(RECORD)), "python -m tests.chaos --page"


def test_the_page_tells_what_failed_and_what_was_not_run() -> None:
    made = all_entries()[0]
    failed = Result(
        name=made.name, on="sqlite", form="long", verdict=FAILED, date="2030-01-01", problems=["all of it"], seed=3
    )
    told = page_of([failed])
    assert "**failed**<br>all of it" in told
    assert "0 passed, 1 failed" in told
    assert "not run: not yet" in told


def test_the_command_answers_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [entry(one, name=one.__name__) for one in (good, bad, impossible)]
    monkeypatch.setattr(command, "all_entries", lambda: made)
    record = str(tmp_path / "record.json")
    assert command.main(["--only", "good", "--record", record, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["verdict"] == PASSED
    assert command.main(["--only", "good,impossible"]) == 3
    assert command.main(["--record", record, "--seed", "5"]) == 1
    assert "failed: bad on sqlite; again: --only bad --on sqlite --seed 5" in capsys.readouterr().out
    assert [one.name for one in read_results(Path(record))] == ["good", "bad", "impossible"]
    other = tmp_path / "other.json"
    assert command.main(["--merge", record, "--record", str(other)]) == 0
    assert [one.name for one in read_results(other)] == ["good", "bad", "impossible"]
    assert command.main(["--list"]) == 0
    with pytest.raises(SystemExit, match="2"):
        command.main(["--only", "nothing"])
    with pytest.raises(SystemExit, match="2"):
        command.main(["--on", "postgres"])

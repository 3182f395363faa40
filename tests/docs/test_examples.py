"""The examples run: applications serve and are well, scripts end well."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.pages import ROOT, Block, blocks
from support.story import Story

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    told.close()


def play(story: Story, example: Path) -> None:
    """Put the example into the story's folder as the application, or run it when it is a script."""
    text = example.read_text(encoding="utf-8")
    if "FastAPI(" not in text:
        story.play(Block("python", text, 1))
        return
    story.play(Block("python", f"# main.py\n{text}", 1))
    story.run("uvicorn main:app --workers 2")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(example: Path, story: Story) -> None:
    play(story, example)


def test_requests_with_the_same_key_answer_one_run(story: Story) -> None:
    play(story, ROOT / "examples" / "asking_for_runs.py")
    first = story._request(["-X", "POST", "localhost:8000/welcome?to=ada"])
    assert story._request(["-X", "POST", "localhost:8000/welcome?to=ada"]) == first
    assert story._request(["-X", "POST", "localhost:8000/welcome?to=bob"]) != first
    assert json.loads(story._request(["localhost:8000/words?text=one+two+three"])) == {"words": 3}


def test_the_readme_shows_the_first_example() -> None:
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "python")
    example = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    assert shown.text.removeprefix("# main.py\n") == example
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short(example: Path) -> None:
    assert len(ast.parse(example.read_text(encoding="utf-8")).body) < 15


@pytest.mark.slow
def test_the_shop_does_all_that_it_is_for(story: Story) -> None:
    shop = (ROOT / "examples" / "shop" / "main.py").read_text(encoding="utf-8")
    story.play(Block("python", f"# main.py\n{shop}", 1))
    story.run("uvicorn main:app --workers 2")

    def asked(path: str, *options: str) -> Any:
        return json.loads(story._request([*options, f"localhost:8000{path}"]))

    def ended(run_id: str) -> Any:
        deadline = time.monotonic() + 60
        while (run := asked(f"/hourbell/runs/{run_id}"))["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, run
            time.sleep(0.05)
        return run

    made = asked("/orders?email=ada&total=40", "-X", "POST", "-H", "X-Request-ID: order-of-ada")
    receipt = ended(made["receipt"])
    assert (receipt["state"], receipt["result"], receipt["tracking_id"]) == ("succeeded", "ada", "order-of-ada")
    asked("/orders?email=bob&total=2", "-X", "POST")
    assert ended(asked("/report", "-X", "POST")["run"])["result"] == {"orders": 2, "total": 42}
    written = [asked("/orders/1/invoice", "-X", "POST")["run"] for _ in range(3)]
    assert len(set(written)) == 1
    assert ended(written[0])["result"] == "557553afa327cfb9"
    stock = ended(asked("/stock", "-X", "POST")["run"])
    assert (stock["state"], stock["attempt"]) == ("failed", 3)
    assert "ConnectError" in stock["error"]
    assert len(asked(f"/hourbell/runs/{stock['id']}/logs")["items"]) == 3
    schedules = {one["id"]: one["explain"] for one in asked("/hourbell/schedules")["items"]}
    assert schedules["nightly-report"] == "at 02:00 every day, Europe/Berlin"

"""The examples run: applications serve and are well, scripts end well."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

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

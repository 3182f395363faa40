"""What a newcomer does first: the README's example in an empty folder, and an installation in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import ROOT, blocks
from support.story import Story

README = ROOT / "README.md"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    told.close()


@pytest.mark.frontdoor
def test_the_example_of_the_readme_fires(story: Story) -> None:
    """Four processes that all start at once make one schedule, and its fires have one run each."""
    (example,) = (block for block in blocks(README) if block.language == "python")
    story.play(example)
    story.run("uvicorn main:app --workers 4", "…\ntick\n…\ntick\n")
    story.run(
        "hourbell schedules",
        "id         state   next_fire_at          explain                                          note\n"
        "main:tick  active  2030-01-01T12:00:09Z  every second, counted from 2030-01-01T12:00:00Z  -\n",
    )


@pytest.mark.frontdoor
def test_the_commands_of_the_readme_are_those_that_ci_runs() -> None:
    commands = {line for block in blocks(README) if block.language == "sh" for line in block.text.splitlines()}
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    ours = {command for command in commands if "dev.py" in command}
    assert ours
    assert not {command for command in ours if f"run {command}" not in ci}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_is_installed_into_an_empty_environment_and_runs(tmp_path: Path) -> None:
    """Nothing but what the package itself asks for: the demo must not live on a tool of the developers."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "HOURBELL_"))
    }
    program = "Scripts" if os.name == "nt" else "bin"

    def done(*command: str | Path) -> str:
        answer = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert answer.returncode == 0, f"{command}\n{answer.stdout}{answer.stderr}"
        return answer.stdout

    done(sys.executable, "-m", "venv", "venv")
    done(tmp_path / "venv" / program / "pip", "install", "-c", ROOT / "constraints.txt", ROOT)
    place = done(tmp_path / "venv" / program / "python", "-c", "import hourbell; print(hourbell.__file__)")
    assert Path(place.strip()).is_relative_to(tmp_path)
    said = done(tmp_path / "venv" / program / "hourbell", "demo", "--seconds", "3")
    assert said.splitlines()[-1] == "Every fire was run, and none was run twice."

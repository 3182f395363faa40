"""Commands as somebody types them, in this process: what they print, and how they end."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from hourbell.cli.main import commands


def typed(*words: str, code: int = 0, answer: str | None = None) -> Result:
    """What a command printed; it must end with this code, and never with a traceback."""
    result = CliRunner().invoke(commands(), words, input=answer)
    assert result.exit_code == code, result.output + repr(result.exception)
    assert "Traceback" not in result.stderr
    return result


def typed_json(*words: str, code: int = 0) -> Any:
    """The JSON that a command printed; nothing else may stand on stdout."""
    return json.loads(typed(*words, "--json", code=code).stdout)


def refused(*words: str, code: int = 2) -> str:
    """What a command said that did nothing: one line of ours."""
    result = typed(*words, code=code)
    assert result.stdout == ""
    assert result.stderr.startswith("hourbell: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr

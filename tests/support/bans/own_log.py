"""The ban on a log that the application's handlers could break us with."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.bans.source import Ban, Finding, Source

# Before anything runs, where who starts the application sees it; and the log of the bodies, which is theirs.
ALLOWED = frozenset({"settings.py", "adopted_names.py", "context.py"})


def bare_loggers(source: Source) -> Iterator[Finding]:
    """What a handler raises comes out where the line was said, and may be the end of a loop or of a run."""
    if not source.is_python or source.path in ALLOWED:
        return
    shielded = {
        id(argument)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and source.dotted(node.func) == "hourbell.telling.Telling"
        for argument in node.args
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.dotted(node.func) == "logging.getLogger" and id(node) not in shielded:
            yield Finding(source.path, node.lineno, "a bare logger: use Telling(logging.getLogger(…))")


BANS = (
    Ban(
        "bare loggers",
        bare_loggers,
        bad=(
            Source("a.py", "import logging\n_log = logging.getLogger('hourbell.a')"),
            Source("a.py", "from logging import getLogger as get\nget('a').error('x')"),
        ),
        good=(
            Source(
                "a.py", "import logging\nfrom hourbell.telling import Telling\nlog = Telling(logging.getLogger('a'))"
            ),
            Source("context.py", "import logging\nruns = logging.getLogger('hourbell.run')"),
        ),
    ),
)

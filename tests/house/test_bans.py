"""The rules of the house that no tool on the market checks. Each is shown to find what it bans."""

from __future__ import annotations

from pathlib import Path

import pytest

import hourbell
from support.bans import own_log, shape, time_and_sql, walls, words_and_tasks
from support.bans.source import Ban, read_package

PACKAGE = Path(hourbell.__file__).parent
BANS = (*time_and_sql.BANS, *words_and_tasks.BANS, *walls.BANS, *shape.BANS, *own_log.BANS)


def test_the_house_keeps_them() -> None:
    """All bans in one test: spread over processes, each of them would read and parse the whole package."""
    package = list(read_package(PACKAGE))
    paths = {source.path for source in package}
    assert {"__init__.py", "testing/postgres_server.py"} <= paths
    broken = []
    for ban in BANS:
        found = [str(finding) for source in package for finding in ban.find(source)]
        if found:
            broken.append(f"{ban.name}: {(ban.find.__doc__ or '').strip()}\n" + "\n".join(found))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.name)
def test_the_ban_finds_what_it_bans(ban: Ban) -> None:
    passed = [source for source in ban.bad if not list(ban.find(source))]
    assert ban.bad
    assert not passed


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.name)
def test_the_ban_lets_the_rest_be(ban: Ban) -> None:
    found = [str(finding) for source in ban.good for finding in ban.find(source)]
    assert ban.good
    assert not found

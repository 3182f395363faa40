"""The rules of the house that no tool on the market checks. Each is shown to find what it bans."""

from __future__ import annotations

from pathlib import Path

import pytest

import hourbell
from support.bans import shape, time_and_sql, walls, words_and_tasks
from support.bans.source import Ban, Source, read_package

PACKAGE = Path(hourbell.__file__).parent
BANS = (*time_and_sql.BANS, *words_and_tasks.BANS, *walls.BANS, *shape.BANS)


@pytest.fixture(scope="module")
def package() -> list[Source]:
    """Every file of the package, parsed once for all the bans."""
    return list(read_package(PACKAGE))


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.name)
def test_the_house_keeps_it(ban: Ban, package: list[Source]) -> None:
    found = [str(finding) for source in package for finding in ban.find(source)]
    assert not found, f"{ban.name}: {(ban.find.__doc__ or '').strip()}\n" + "\n".join(found)


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


def test_the_package_is_read(package: list[Source]) -> None:
    paths = {source.path for source in package}
    assert "__init__.py" in paths
    assert "testing/postgres_server.py" in paths

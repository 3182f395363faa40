"""What a new connection to PostgreSQL is called there, and what is told where none comes about."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import asyncpg
import pytest

from hourbell.errors import HourbellError, StoreMisconfigured, StoreUnavailable
from hourbell.store.postgres import PostgresStore

SESSIONS = """
    SELECT pid, application_name FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
"""


async def names_of(store: PostgresStore, url: str) -> set[str]:
    """What the sessions of this store are called."""
    onlooker = await asyncpg.connect(url)
    before = {row["pid"] for row in await onlooker.fetch(SESSIONS)}
    await store.open()
    try:
        await store.ping()
        async with store._connections.of("renew"):
            return {row["application_name"] for row in await onlooker.fetch(SESSIONS) if row["pid"] not in before}
    finally:
        await store.close()
        await onlooker.close()


async def test_a_session_says_whose_it_is_and_what_it_does(postgres_url: str) -> None:
    here = f"{os.getpid()}@{socket.gethostname()}"[:40]
    assert await names_of(PostgresStore(postgres_url), postgres_url) == {
        f"hourbell verbs {here}",
        f"hourbell renew {here}",
    }


@pytest.mark.parametrize(
    "parameters, connect_args, pooler, name",
    [
        ("?application_name=shop", {}, False, "shop"),
        ("", {"server_settings": {"application_name": "shop"}}, False, "shop"),
        ("", {}, True, ""),
    ],
)
async def test_a_name_that_was_given_stays_and_a_pooler_has_none(
    postgres_url: str, parameters: str, connect_args: dict[str, object], pooler: bool, name: str
) -> None:
    store = PostgresStore(postgres_url + parameters, connect_args=connect_args, pooler=pooler)
    assert await names_of(store, postgres_url) == {name}


async def told(url: str) -> HourbellError:
    """What a question says that finds nobody at this address."""
    store = PostgresStore(url)
    await store.open()
    try:
        with pytest.raises(HourbellError) as raised:
            await store.ping()
    finally:
        await store.close()
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    return raised.value


async def test_who_cannot_be_reached_is_named() -> None:
    error = await told("postgresql://u:secret@nowhere.invalid:5433/db")
    assert isinstance(error, StoreUnavailable)
    assert str(error).startswith("PostgreSQL at nowhere.invalid:5433 cannot be reached (")


async def test_a_server_without_encryption_is_not_waited_for(postgres_url: str) -> None:
    if "sslmode" in postgres_url:
        pytest.skip("this server may have it")
    error = await told(f"{postgres_url}?sslmode=require")
    assert isinstance(error, StoreMisconfigured)
    assert "sslmode" in str(error)


async def test_a_certificate_that_is_not_there_is_named(postgres_url: str, tmp_path: Path) -> None:
    missing = tmp_path / "root.pem"
    error = await told(f"{postgres_url}?sslmode=verify-full&sslrootcert={missing}")
    assert isinstance(error, StoreMisconfigured)
    assert f"the file {missing} cannot be read" in str(error)


async def test_what_the_driver_says_in_two_lines_is_told_in_one(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    error = await told(f"{postgres_url}?sslmode=verify-full")
    assert isinstance(error, StoreMisconfigured)
    assert "root.crt" in str(error)

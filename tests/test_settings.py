"""Settings: which source wins, and that every refusal names its setting and shows no secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hourbell.engine.pruning import retention_of
from hourbell.errors import InvalidArguments
from hourbell.model.retention import Retention
from hourbell.model.run_state import RunState
from hourbell.settings import SETTING_NAMES, Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings from outside: an empty folder, and none of our variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name in SETTING_NAMES:
        monkeypatch.delenv(f"HOURBELL_{name.upper()}", raising=False)
    return tmp_path


def test_defaults() -> None:
    settings = Settings.load()
    assert settings.database_url == "sqlite:///hourbell.db"
    assert (settings.lease, settings.poll, settings.poll_with_hints, settings.drain) == (15, 1, 5, 8)
    assert (settings.max_runs, settings.threads, settings.pool, settings.queues) == (100, 10, 4, None)
    assert (settings.timezone, settings.schema) == ("UTC", "hourbell")
    assert (settings.retention, settings.result_max) == (30 * 86400, 64 * 1024)
    assert settings.processes >= 1


def test_keyword_then_environment_then_file(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare_environment / ".env").write_text("HOURBELL_LEASE=5\nHOURBELL_POLL=2\nHOURBELL_DRAIN=3\nOTHER=1\n")
    monkeypatch.setenv("HOURBELL_LEASE", "6")
    monkeypatch.setenv("HOURBELL_POLL", "4")
    settings = Settings.load(lease=7)
    assert (settings.lease, settings.poll, settings.drain) == (7, 4, 3)


def test_the_database_is_looked_for_in_order(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare_environment / ".env").write_text("DATABASE_URL=sqlite:///file.db\n")
    assert Settings.load().database_url == "sqlite:///file.db"
    monkeypatch.setenv("DATABASE_URL", "sqlite:///plain.db")
    assert Settings.load().database_url == "sqlite:///plain.db"
    monkeypatch.setenv("HOURBELL_DATABASE_URL", "sqlite:///ours.db")
    assert Settings.load().database_url == "sqlite:///ours.db"
    assert Settings.load(database_url="sqlite:///given.db").database_url == "sqlite:///given.db"


def test_our_own_name_wins_also_from_the_file(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare_environment / ".env").write_text("HOURBELL_DATABASE_URL=sqlite:///ours.db\n")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///plain.db")
    assert Settings.load().database_url == "sqlite:///ours.db"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_DATABASE_URL", "")
    monkeypatch.setenv("HOURBELL_LEASE", "")
    assert Settings.load() == Settings.load(database_url="sqlite:///hourbell.db", lease=15)


def test_queues_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_QUEUES", "mail, reports ,")
    assert Settings.load().queues == ("mail", "reports")
    assert Settings.load(queues=["a"]).queues == ("a",)
    # No queue at all would be taken for every queue.
    with pytest.raises(InvalidArguments, match="HOURBELL_QUEUES"):
        Settings.load(queues=[])
    monkeypatch.setenv("HOURBELL_QUEUES", " ,")
    with pytest.raises(InvalidArguments, match="HOURBELL_QUEUES"):
        Settings.load()


def test_durations_may_be_timedeltas() -> None:
    assert Settings.load(lease=timedelta(minutes=1), retention=timedelta(days=2)).retention == 2 * 86400


@pytest.mark.parametrize(
    "given",
    [
        {"lease": 2.9},
        {"lease": "soon"},
        {"lease": float("nan")},
        {"poll": 0},
        {"drain": -1},
        {"max_runs": -1},
        {"threads": 0},
        {"pool": 0},
        {"schema": "Robert'); drop"},
        {"schema": ""},
        {"retention": 0},
        {"result_max": -5},
    ],
    ids=str,
)
def test_a_wrong_value_names_its_setting(given: dict[str, object]) -> None:
    (name,) = given
    with pytest.raises(InvalidArguments) as raised:
        Settings.load(**given)
    assert repr(name) in str(raised.value)
    assert f"HOURBELL_{name.upper()}" in str(raised.value)


def test_a_wrong_variable_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_LEASE", "1")
    with pytest.raises(InvalidArguments, match="HOURBELL_LEASE"):
        Settings.load()


def test_an_unknown_setting_proposes_the_nearest() -> None:
    with pytest.raises(InvalidArguments, match="did you mean 'lease'"):
        Settings.load(leese=3)


def test_no_secret_is_shown() -> None:
    settings = Settings.load(database_url="postgresql://u:secret@h/db", direct_url="postgresql://u:secret@h2/db")
    assert "secret" not in repr(settings)
    assert "secret" not in str(settings)
    with pytest.raises(InvalidArguments) as raised:
        Settings.load(direct_url="oracle://u:secret@h/db")
    assert "secret" not in str(raised.value)


def test_a_variable_that_is_no_setting_is_told_with_the_nearest(
    bare_environment: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (bare_environment / ".env").write_text("# HOURBELL_POOL\nexport HOURBELL_TREADS=5\nOTHER=1\nHOURBELL_POLL=2\n")
    monkeypatch.setenv("HOURBELL_LEESE", "60")
    monkeypatch.setenv("HOURBELL_ZZZZ", "secret")
    monkeypatch.setenv("hourbell_drain", "5")
    assert Settings.load(lease=7).lease == 7
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "HOURBELL_LEESE in the environment is no setting and is ignored; did you mean HOURBELL_LEASE?",
        "HOURBELL_TREADS in .env is no setting and is ignored; did you mean HOURBELL_THREADS?",
        "HOURBELL_ZZZZ in the environment is no setting and is ignored",
    ]


def test_the_settings_there_are_give_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOURBELL_LEASE", "6")
    monkeypatch.setenv("HOURBELL_SCHEMA", "other")
    monkeypatch.setenv("HOURBELL_DEMO_JOURNAL", "x")
    Settings.load()
    assert not caplog.records


def test_each_end_may_have_a_retention_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBELL_RETENTION_SKIPPED", "3600")
    settings = Settings.load(retention=86_400, retention_failed=timedelta(days=90))
    assert retention_of(settings) == Retention(timedelta(days=1), failed=timedelta(days=90), skipped=timedelta(hours=1))
    assert retention_of(settings).of(RunState.SUCCEEDED) == timedelta(days=1)
    with pytest.raises(InvalidArguments, match="retention_failed"):
        Settings.load(retention_failed=0)


def test_a_file_in_another_encoding_is_told(bare_environment: Path) -> None:
    (bare_environment / ".env").write_text("HOURBELL_LEASE=20", encoding="utf-16")
    with pytest.raises(InvalidArguments, match=r"\.env in .* is no UTF-8 text"):
        Settings.load()


def test_a_file_that_this_user_may_not_read_is_told(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(InvalidArguments, match=r"\.env in .* cannot be read"):
        Settings.load()

"""Settings of one scheduler: given by keyword, by ``HOURBELL_*`` in the environment, or by ``.env``."""

from __future__ import annotations

import difflib
import logging
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourbell.adopted_names import adopted_settings, names_in_file
from hourbell.database_url import DatabaseUrl
from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "HOURBELL_"
DEFAULT_DATABASE_URL = "sqlite:///hourbell.db"
_SECRET = frozenset({"database_url", "direct_url"})
_NO_SETTINGS = ("demo_", "test_")
"""How variables go on after the prefix that are no settings: those of the demo and of tests."""

_log = logging.getLogger("hourbell.settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its value. Durations are seconds. Make one with `Settings.load`, which checks the values.

    ``database_url``  where schedules and runs are kept; ``direct_url``  the same server without a transaction pooler.
    ``pooler``  True behind a transaction pooler: no prepared statements.
    ``lease``  how long a node's right to its runs lasts unless renewed, at least 3.
    ``poll``  how often a node asks for new work; ``poll_with_hints``  the same once hints are proven to arrive.
    ``drain``  how long a stopping node waits for bodies before it cancels them.
    ``max_runs``  bodies at once on this node, to be raised where they mostly wait; 0: fire and enqueue only.
    ``threads``  sync bodies at once; ``processes``  bodies in processes at once; ``pool``  connections for the verbs.
    ``process_start``  how long a process may take to import the module of a task.
    ``queues``  the queues this node serves; None: all.
    ``timezone``  the zone of triggers that name none. ``schema``  where the tables are, on PostgreSQL.
    ``catch_up_rate``  how many missed fires start per second, over all nodes, when they are caught up; 0: no limit.
    ``retention``  how long final runs are kept; ``retention_succeeded``, ``retention_failed``, ``retention_cancelled``
    and ``retention_skipped``  the same for runs that ended so, where it is to be another time.
    ``result_max``  the longest result kept, in bytes of JSON.
    ``run_log_level``  from which level on what bodies log is kept with their runs; ``"OFF"`` keeps nothing.
    ``run_log_lines``, ``run_log_bytes``  how many lines, and bytes of them, each attempt keeps: the newest.
    ``blocked_after``  seconds without a turn after which what blocks the application's event loop is named.
    """

    database_url: str = DEFAULT_DATABASE_URL
    direct_url: str | None = None
    pooler: bool = False
    lease: float = 15.0
    poll: float = 1.0
    poll_with_hints: float = 5.0
    drain: float = 8.0
    max_runs: int = 100
    threads: int = 10
    processes: int = 1
    process_start: float = 60.0
    pool: int = 4
    queues: tuple[str, ...] | None = None
    timezone: str = "UTC"
    schema: str = "hourbell"
    catch_up_rate: float = 100.0
    retention: float = 30 * 86400.0
    retention_succeeded: float | None = None
    retention_failed: float | None = None
    retention_cancelled: float | None = None
    retention_skipped: float | None = None
    result_max: int = 64 * 1024
    run_log_level: str = "INFO"
    run_log_lines: int = 1_000
    run_log_bytes: int = 256 * 1024
    blocked_after: float = 1.0

    @property
    def database(self) -> DatabaseUrl:
        """The address of the database, taken apart. Raises InvalidArguments when it cannot be understood."""
        return DatabaseUrl.parse(self.database_url)

    def __repr__(self) -> str:
        shown = (f"{f.name}={'***' if f.name in _SECRET else repr(getattr(self, f.name))}" for f in fields(self))
        return f"Settings({', '.join(shown)})"

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """Put the settings together: keywords win over the environment, that over ``.env``, that over the defaults.

        The database is the one given, else ``HOURBELL_DATABASE_URL``, else ``DATABASE_URL``, else a SQLite file
        ``hourbell.db`` in the working directory. Where nothing else is said, names that applications with APScheduler
        use count, see `hourbell.adopted_names`. Raises InvalidArguments that names the setting.
        """
        for name in given:
            if name not in SETTING_NAMES:
                raise InvalidArguments(f"there is no setting {name!r}{_proposal(name)}")
        values = {**adopted_settings(), **_read({name: value for name, value in given.items() if value is not None})}
        settings = cls(**values)
        for url in filter(None, (settings.database_url, settings.direct_url)):
            DatabaseUrl.parse(url)
        return settings


SETTING_NAMES = frozenset(f.name for f in fields(Settings))


def _proposal(name: str) -> str:
    near = difflib.get_close_matches(name, SETTING_NAMES, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; the settings are {', '.join(sorted(SETTING_NAMES))}"


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the sources and check each value."""
    _warn_of_strangers()
    if given.keys() <= {"database_url"} and not _is_configured_outside():
        return {**given, "processes": os.cpu_count() or 1}
    # Imported here: pydantic is heavy, and `import hourbell` must stay cheap.
    from pydantic import ValidationError

    try:
        found = _sources()(**given)
    except ValidationError as error:
        raise InvalidArguments(_told(error)) from None
    # `schema` is taken in pydantic's models, so the field there has an underscore more.
    values = {field.rstrip("_"): value for field, value in found.model_dump(exclude_unset=True).items()}
    other = values.pop("other_database_url", None)
    if other is not None:
        values.setdefault("database_url", other)
    values.setdefault("processes", os.cpu_count() or 1)
    return values


def _is_configured_outside() -> bool:
    """True when the environment or ``.env`` may say something. Most first starts say nothing, and need no pydantic."""
    names = {name.upper() for name in os.environ}
    return Path(".env").exists() or "DATABASE_URL" in names or any(name.startswith(PREFIX) for name in names)


def _warn_of_strangers() -> None:
    """Say which ``HOURBELL_*`` variables mean nothing: one that is misspelt would be ignored without a word."""
    given = {name.upper(): "the environment" for name in os.environ} | dict.fromkeys(names_in_file(), ".env")
    for variable, place in sorted(given.items()):
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in SETTING_NAMES and not name.startswith(_NO_SETTINGS):
            near = difflib.get_close_matches(name, SETTING_NAMES, n=1, cutoff=0.5)
            advice = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
            _log.warning("%s in %s is no setting and is ignored%s", variable, place, advice)


def _sources() -> Any:
    from typing import Annotated, Literal

    from pydantic import AliasChoices, BeforeValidator, Field
    from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

    def seconds(value: Any) -> Any:
        return value.total_seconds() if hasattr(value, "total_seconds") else value

    def names(value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    def in_capitals(value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    period = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=10 * 366 * 86400, allow_inf_nan=False)]
    name = Annotated[str, Field(min_length=1, max_length=100)]
    some = Annotated[tuple[name, ...], Field(min_length=1)]

    class Sources(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
        )

        database_url: str = DEFAULT_DATABASE_URL
        other_database_url: str | None = Field(None, validation_alias=AliasChoices("DATABASE_URL"))
        direct_url: str | None = None
        pooler: bool = False
        lease: Annotated[period, Field(ge=3)] = 15.0
        poll: Annotated[period, Field(ge=0.05)] = 1.0
        poll_with_hints: Annotated[period, Field(ge=0.05)] = 5.0
        drain: Annotated[float, BeforeValidator(seconds), Field(ge=0, le=86400)] = 8.0
        max_runs: int = Field(100, ge=0, le=100_000)
        threads: int = Field(10, ge=1, le=10_000)
        processes: int = Field(1, ge=1, le=1_000)
        process_start: period = 60.0
        pool: int = Field(4, ge=1, le=1_000)
        queues: Annotated[some | None, NoDecode, BeforeValidator(names)] = None
        timezone: str = "UTC"
        schema_: str = Field(
            "hourbell", validation_alias=AliasChoices("schema", f"{PREFIX}SCHEMA"), pattern="^[a-z_][a-z0-9_]{0,62}$"
        )
        catch_up_rate: float = Field(100.0, ge=0, le=1_000_000, allow_inf_nan=False)
        retention: period = 30 * 86400.0
        retention_succeeded: period | None = None
        retention_failed: period | None = None
        retention_cancelled: period | None = None
        retention_skipped: period | None = None
        result_max: int = Field(64 * 1024, ge=0, le=16 * 1024 * 1024)
        run_log_level: Annotated[
            Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"], BeforeValidator(in_capitals)
        ] = "INFO"
        run_log_lines: int = Field(1_000, ge=0, le=100_000)
        run_log_bytes: int = Field(256 * 1024, ge=1_024, le=64 * 1024 * 1024)
        blocked_after: Annotated[period, Field(ge=0.1)] = 1.0

    return Sources


def _told(error: Any) -> str:
    """What is wrong with which setting, without its value: it may hold a password."""
    problems = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(problem["loc"][0]).removeprefix(PREFIX).lower() if problem["loc"] else "settings"
        problems.append(f"setting {name!r} ({PREFIX}{name.upper()}): {problem['msg']}")
    return "; ".join(problems)

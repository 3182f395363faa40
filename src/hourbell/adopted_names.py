"""Variables that applications with APScheduler have in their environment already, and what they mean here."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

MEANINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "SCHEDULER_MAX_WORKERS": ("max_runs", "threads"),
        "SCHEDULER_MISFIRE_GRACE_TIME": ("grace",),
        "SCHEDULER_COALESCE": ("catch_up",),
    }
)
"""The settings and policies that each stands for."""

_log = logging.getLogger("hourbell.settings")


def adopted_settings() -> dict[str, Any]:
    """The settings that these variables say: ``SCHEDULER_MAX_WORKERS`` is how many bodies, and sync ones, at once.

    The environment wins over ``.env``. Raises InvalidArguments naming the variable, without its value.
    """
    most = _found().get("at_once")
    return {} if most is None else _told("SCHEDULER_MAX_WORKERS", max_runs=most, threads=most)


def adopted_policies() -> dict[str, Any]:
    """The default policies that these variables say, as JSON: ``SCHEDULER_MISFIRE_GRACE_TIME`` is the ``grace``;
    ``SCHEDULER_COALESCE`` decides whether ``catch_up`` makes one run of several missed fires, or each of them.

    Raises InvalidArguments as `adopted_settings` does.
    """
    found = _found()
    policies: dict[str, Any] = {}
    if found.get("grace") is not None:
        policies |= _told("SCHEDULER_MISFIRE_GRACE_TIME", grace=float(found["grace"]))
    if found.get("coalesce") is not None:
        policies |= _told("SCHEDULER_COALESCE", catch_up="latest" if found["coalesce"] else "all")
    return policies


def names_in_file() -> list[str]:
    """The names that ``.env`` gives values to, in capitals. Raises InvalidArguments where the file cannot be read."""
    try:
        lines = Path(".env").read_text(encoding="utf-8").splitlines()
    except PermissionError as error:
        raise InvalidArguments(
            f".env in {Path.cwd()} cannot be read ({error.strerror}): let this user read it"
        ) from None
    except UnicodeDecodeError:
        raise InvalidArguments(
            f".env in {Path.cwd()} is no UTF-8 text: save it as UTF-8 (an editor or shell may have written UTF-16)"
        ) from None
    except OSError:  # there is none
        return []
    return [line.partition("=")[0].strip().removeprefix("export ").strip().upper() for line in lines if "=" in line]


def _found() -> dict[str, Any]:
    """What is given, by the names below. Without any of them pydantic is not loaded: it is heavy."""
    if MEANINGS.keys().isdisjoint({name.upper() for name in os.environ} | set(names_in_file())):
        return {}
    from pydantic import ValidationError

    try:
        read: dict[str, Any] = _sources()().model_dump(exclude_unset=True)
        return read
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        told = (f"{str(one['loc'][0]).upper()}: {one['msg']}" for one in problems)
        raise InvalidArguments("; ".join(told)) from None


def _sources() -> Any:
    from pydantic import Field
    from pydantic_settings import BaseSettings, SettingsConfigDict

    class Adopted(BaseSettings):
        model_config = SettingsConfigDict(
            env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
        )

        at_once: int | None = Field(None, validation_alias="SCHEDULER_MAX_WORKERS", ge=1, le=10_000)
        grace: float | None = Field(
            None, validation_alias="SCHEDULER_MISFIRE_GRACE_TIME", ge=0, le=366 * 86400, allow_inf_nan=False
        )
        coalesce: bool | None = Field(None, validation_alias="SCHEDULER_COALESCE")

    return Adopted


def _told(variable: str, **meaning: Any) -> dict[str, Any]:
    _log.info("%s is understood as %s", variable, ", ".join(f"{name}={value!r}" for name, value in meaning.items()))
    return meaning

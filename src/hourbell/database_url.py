"""Database addresses: what a user writes, taken apart once and without ever showing the password again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hourbell.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["postgres", "sqlite", "memory"]

_SUPPORTED = "PostgreSQL (postgresql://user:password@host/database) or SQLite (sqlite:///path/to/file.db)"
_POSTGRES_SCHEMES = frozenset({"postgres", "postgresql"})
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_POSTGRES_PARAMETERS = (
    "application_name",
    "host",
    "port",
    "ssl",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
_SESSIONS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
_CHOICES: Mapping[str, tuple[str, ...]] = {"sslmode": _SSL_MODES, "target_session_attrs": _SESSIONS}
_DRIVER_SSL: Mapping[str, str] = {"true": "require", "false": "disable"}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """An address that was understood.

    ``dsn`` is the plain ``postgresql://`` address that the driver takes, password included (empty for the others);
    ``path`` is the SQLite file as it was written (empty for the others). The repr and ``shown`` hide the password.
    """

    kind: Kind
    shown: str
    dsn: str = field(default="", repr=False)
    path: str = ""

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.shown!r})"

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Understand an address. Raises InvalidArguments that says what is wrong, never with the password in it."""
        scheme, separator, rest = url.strip().partition("://")
        kind, _, _driver = scheme.lower().partition("+")
        if not separator:
            raise InvalidArguments(f"the database URL has no scheme: give {_SUPPORTED}")
        if kind in _POSTGRES_SCHEMES:
            return _postgres(rest)
        if kind == "sqlite":
            return _sqlite(rest)
        if kind == "memory":
            if rest.strip("/"):
                raise InvalidArguments("the memory store has neither host nor path: write memory://")
            return cls("memory", "memory://")
        raise InvalidArguments(f"Hourbell cannot keep its schedules in {kind!r}: it works on {_SUPPORTED}")


def _postgres(rest: str) -> DatabaseUrl:
    try:
        parts = urlsplit(f"postgresql://{rest}")
        for one in parts.netloc.rpartition("@")[2].split(","):  # several hosts, of which whichever answers is taken
            _ = urlsplit(f"//{one}").port  # read for its check
    except ValueError:
        raise InvalidArguments(
            "the PostgreSQL URL cannot be read: write postgresql://user:password@host:port/database, with special "
            "characters of the password in percent form (/ is %2F, # is %23) and a port of 1 to 65535; several hosts "
            "are host:port,host:port"
        ) from None
    query = _postgres_query(parts.query)
    credentials, _, place = parts.netloc.rpartition("@")
    credentials = credentials.replace("@", "%40")  # no host has one, so it is the user's or the password's
    user, colon, _password = credentials.partition(":")
    if not place and "host" not in query and not parts.path.strip("/"):
        raise InvalidArguments("the PostgreSQL URL names no host: write postgresql://user:password@host/database")
    text = "&".join(f"{name}={quote(value, safe='/:,')}" for name, value in query.items())
    tail = f"{place}{parts.path}{'?' + text if text else ''}"
    hidden = f"{user}{':***' if colon else ''}@" if credentials else ""
    secret = f"{credentials}@" if credentials else ""
    return DatabaseUrl("postgres", f"postgresql://{hidden}{tail}", dsn=f"postgresql://{secret}{tail}")


def _postgres_query(text: str) -> Mapping[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in _POSTGRES_PARAMETERS:
            raise InvalidArguments(
                f"the PostgreSQL URL has the parameter {name[:60]!r}, which Hourbell does not know: take it out "
                f"(known are {', '.join(_POSTGRES_PARAMETERS)})"
            )
        if name == "ssl":  # asyncpg's own spelling under SQLAlchemy
            name, value = "sslmode", _DRIVER_SSL.get(value.lower(), value)
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InvalidArguments(f"{name}={value[:40]!r} of the PostgreSQL URL: choose {', '.join(_CHOICES[name])}")
        repeated = name in ("host", "port") and name in query  # how SQLAlchemy has several
        query[name] = f"{query[name]},{value}" if repeated else value
    return query


def _sqlite(rest: str) -> DatabaseUrl:
    place, _, query = rest.partition("?")
    if query:
        name = query.partition("=")[0]
        raise InvalidArguments(
            f"the SQLite URL has the parameter {name[:60]!r}: Hourbell takes none, write sqlite:///path/to/file.db"
        )
    path = unquote(place.removeprefix("/")) if place.startswith("/") else ""
    if place and not place.startswith("/"):
        raise InvalidArguments(
            "the SQLite URL has two slashes where it needs three: write sqlite:///file.db for a file in this folder, "
            "sqlite:////var/lib/file.db for an absolute path"
        )
    if path in ("", ":memory:"):
        raise InvalidArguments(
            "SQLite in memory would be another database for every connection: give a file (sqlite:///hourbell.db), "
            "or memory:// for a store that ends with the process (for tests)"
        )
    return DatabaseUrl("sqlite", f"sqlite:///{place.removeprefix('/')}", path=path)

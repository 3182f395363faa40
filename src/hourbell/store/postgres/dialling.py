"""Making one connection: the name under which the server shows it, and what is told where none comes about."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from hourbell.errors import HourbellError, StoreMisconfigured, StoreUnavailable
from hourbell.store.postgres.errors import said

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME = 63
_NAME = "application_name"
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_ENCRYPTED = ("require", "verify-ca", "verify-full")
_NO_SSL = "rejected SSL upgrade"
"""How the driver says that the server has no encryption, in words alone; or that what answers is no PostgreSQL."""


class Dialling:
    """How one address is connected to.

    Each session says whose it is: ``hourbell renew 4711@host`` in ``pg_stat_activity`` is what renews the lease of
    process 4711, as `hourbell nodes` has it. A name that the address or ``connect_args`` give stays. Behind a pooler
    there is none: it lends its sessions to everybody, and would rename them each time.
    """

    def __init__(self, url: str, connect_args: Mapping[str, Any], *, pooler: bool) -> None:
        self._url = url
        self._connect_args = connect_args
        self._pooler = pooler
        self._query = parse_qs(urlsplit(url).query)
        self._settings: Mapping[str, str] = connect_args.get("server_settings") or {}

    async def connect(self, use: str, patience: float) -> asyncpg.Connection[Any]:
        """A new connection, whose statements may take ``patience`` seconds, as may the making of it.

        Raises what the driver raises; but StoreUnavailable where nothing answers at this address, and
        StoreMisconfigured where waiting would not mend that.
        """
        try:
            made: asyncpg.Connection[Any] = await asyncpg.connect(self._url, **self._arguments(use, patience))
        except OSError as error:
            raise self._told(error, patience) from error
        return made

    def _arguments(self, use: str, patience: float) -> dict[str, Any]:
        arguments = {
            **self._connect_args,
            "timeout": patience,
            "command_timeout": patience,
            "statement_cache_size": 0 if self._pooler else 200,
            "max_cached_statement_lifetime": 0,
        }
        if not self._pooler and _NAME not in self._query and _NAME not in self._settings:
            name = f"hourbell {use} {os.getpid()}@{socket.gethostname()}"[:_LONGEST_NAME]
            arguments["server_settings"] = {**self._settings, _NAME: name}
        return arguments

    def _told(self, error: OSError, patience: float) -> HourbellError:
        """What is wrong with the address, the network or the server."""
        if isinstance(error, FileNotFoundError | PermissionError):
            for name in _FILES:
                path = self._query.get(name, [""])[0]
                if path and not os.access(path, os.R_OK):
                    return StoreMisconfigured(
                        f"the file {Path(path)} cannot be read ({said(error)}), which the database URL names as {name}"
                    )
        at = f"PostgreSQL at {self._place()}"
        wanted = self._query.get("sslmode", [""])[-1] in _ENCRYPTED
        if isinstance(error, ssl.SSLCertVerificationError) or (wanted and _NO_SSL in str(error)):
            return StoreMisconfigured(
                f"{at} gives no connection as sslmode of the database URL wants it ({said(error)}); mend the server's "
                "encryption or certificate, or sslmode and sslrootcert of the URL"
            )
        if isinstance(error, TimeoutError):
            return StoreUnavailable(
                f"{at} cannot be reached (no answer for {patience:g} s); check that it runs, the host and port of the "
                "database URL, and what stands between (a firewall?)"
            )
        return StoreUnavailable(
            f"{at} cannot be reached ({said(error)}); check that it runs, and the host and port of the database URL"
        )

    def _place(self) -> str:
        """Host and port, as far as they were given."""
        hosts = self._connect_args.get("host") or self._query.get("host", [None])[-1]
        if hosts is not None:
            ports = self._connect_args.get("port") or self._query.get("port", [None])[-1]
            return f"{hosts}{'' if ports is None else f', port {ports}'}"
        return unquote(urlsplit(self._url).netloc.rpartition("@")[2]) or "the default place"

"""Who may do what: closed unless the application opens it in so many words."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Self

from fastapi import Depends, HTTPException, Request

from hourbell.acting import LONGEST, acting
from hourbell.errors import InvalidArguments
from hourbell.fastapi.routes import SAFE_METHODS

Grant = Literal["read", "run", "write"]
Anonymous = Literal["read"] | bool

_ORIGIN = re.compile(r"https?://[^/?#\s*@]+")
_ALL: frozenset[str] = frozenset({"read", "run", "write"})
_CLOSED = (
    "this API is closed: give api_router(scheduler, authorize=…) a dependency that returns what the caller may do, "
    "or open it to everybody with allow_anonymous='read'"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """What callers may do: what ``authorize`` grants them, and what everybody may without it.

    ``authorize``  a FastAPI dependency that answers a set of ``"read"``, ``"run"``, ``"write"`` for the request; it may
    refuse by raising HTTPException. ``anonymous``  what everybody may do; ``authorize`` is not asked about that.
    ``trusted``  the origins of other sites whose pages may change something here.
    """

    authorize: Callable[..., Any] | None
    anonymous: frozenset[str]
    trusted: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        authorize: Callable[..., Any] | None,
        allow_anonymous: Anonymous,
        trusted_origins: Collection[str] = (),
    ) -> Guard:
        """The guard of a router. Raises InvalidArguments when an option is none of the choices."""
        trusted = _origins(trusted_origins)
        if authorize is not None and not callable(authorize):
            raise InvalidArguments("authorize: give a FastAPI dependency, a function that returns a set of grants")
        if allow_anonymous is True:
            return cls(authorize, _ALL, trusted)
        if allow_anonymous is False:
            return cls(authorize, frozenset(), trusted)
        if allow_anonymous != "read":
            raise InvalidArguments(f"allow_anonymous={allow_anonymous!r}: choose False, 'read' or True")
        return cls(authorize, frozenset({"read"}), trusted)

    def allows_anonymous(self, grant: Grant) -> bool:
        """True when everybody may."""
        return grant in self.anonymous

    def require(self, grant: Grant) -> Any:
        """The dependency of a route that needs this grant; it answers 403 to those who lack it.

        What a page of another site asks a browser to change is refused too, whoever is logged in there.
        """
        if self.authorize is None or self.allows_anonymous(grant):

            async def closed(request: Request) -> None:
                self._refuse_other_sites(request)
                if not self.allows_anonymous(grant):
                    raise HTTPException(403, _CLOSED)

            return Depends(closed)

        async def asked(request: Request, granted: Any = Depends(self.authorize)) -> AsyncGenerator[None, None]:
            self._refuse_other_sites(request)
            if grant not in _read(granted) | self.anonymous:
                raise HTTPException(403, f"you are not granted {grant!r} here")
            name = granted.name if isinstance(granted, Granted) else None
            with acting(name) if name is not None else nullcontext():
                yield

        return Depends(asked)

    def _refuse_other_sites(self, request: Request) -> None:
        """Browsers say where a request comes from; who says nothing is no browser, and has no cookies to abuse."""
        if request.method in SAFE_METHODS or request.headers.get("origin") in self.trusted:
            return
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            same = site in ("same-origin", "none")
        else:
            same = origin is None or host_of(origin) == request.headers.get("host", "").lower()
        if not same:
            raise HTTPException(
                403,
                "a page of another site may change nothing here; name its origin in trusted_origins if it shall",
            )


class Granted(frozenset[str]):
    """What a caller may do, and who it is: ``return Granted({"read", "write"}, name=user.name)`` in ``authorize``.

    The name stands in the audit beside what is done. What cannot be printed is left out of it, what comes after 200
    characters too.
    """

    name: str | None

    def __new__(cls, grants: Iterable[str] = (), *, name: str | None = None) -> Self:
        """The grants, as a set."""
        made = super().__new__(cls, grants)
        made.name = "".join(letter for letter in name if letter.isprintable())[:LONGEST] or None if name else None
        return made


def host_of(origin: str) -> str | None:
    """The host of an origin, with its port where it has one; None for what is no origin."""
    scheme, separator, host = origin.partition("://")
    return host.lower() if separator and scheme in ("http", "https") else None


def _origins(given: Collection[str]) -> frozenset[str]:
    """As browsers say them: in small letters, without what may follow the host. Raises InvalidArguments."""
    told = [one.rstrip("/").lower() for one in given] if not isinstance(given, str) else [""]
    if not all(_ORIGIN.fullmatch(one) for one in told):
        raise InvalidArguments(
            f"trusted_origins={given!r}: give a list of origins without a path, as in ['https://admin.example.com']"
        )
    return frozenset(told)


def _read(granted: Any) -> frozenset[str]:
    """What a dependency granted. Anything but a collection of names grants nothing: neither a bare True opens it, nor
    the keys of a mapping whose values may say no."""
    if isinstance(granted, str):
        return frozenset({granted}) & _ALL
    if isinstance(granted, Collection) and not isinstance(granted, Mapping):
        return frozenset(name for name in granted if isinstance(name, str)) & _ALL
    return frozenset()

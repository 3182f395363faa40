"""Who may do what: closed unless the application opens it in so many words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Depends, HTTPException, Request

from hourbell.errors import InvalidArguments

Grant = Literal["read", "run", "write"]
Anonymous = Literal["read"] | bool

_ALL: frozenset[str] = frozenset({"read", "run", "write"})
_CLOSED = (
    "this API is closed: give api_router(scheduler, authorize=…) a dependency that returns what the caller may do, "
    "or open it to everybody with allow_anonymous='read'"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """What callers may do: what ``authorize`` grants them, and what everybody may without it.

    ``authorize``  a FastAPI dependency that answers a set of ``"read"``, ``"run"``, ``"write"`` for the request; it may
    refuse by raising HTTPException. ``anonymous``  what everybody may do.
    """

    authorize: Callable[..., Any] | None
    anonymous: frozenset[str]

    @classmethod
    def of(cls, authorize: Callable[..., Any] | None, allow_anonymous: Anonymous) -> Guard:
        """The guard of a router. Raises InvalidArguments when an option is none of the choices."""
        if authorize is not None and not callable(authorize):
            raise InvalidArguments("authorize: give a FastAPI dependency, a function that returns a set of grants")
        if allow_anonymous is True:
            return cls(authorize, _ALL)
        if allow_anonymous is False:
            return cls(authorize, frozenset())
        if allow_anonymous != "read":
            raise InvalidArguments(f"allow_anonymous={allow_anonymous!r}: choose False, 'read' or True")
        return cls(authorize, frozenset({"read"}))

    def allows_anonymous(self, grant: Grant) -> bool:
        """True when everybody may."""
        return grant in self.anonymous

    def require(self, grant: Grant) -> Any:
        """The dependency of a route that needs this grant; it answers 403 to those who lack it."""
        if self.authorize is None:

            async def closed(request: Request) -> None:
                if not self.allows_anonymous(grant):
                    raise HTTPException(403, _CLOSED)

            return Depends(closed)

        async def asked(granted: Any = Depends(self.authorize)) -> None:
            if grant not in _read(granted) | self.anonymous:
                raise HTTPException(403, f"you are not granted {grant!r} here")

        return Depends(asked)


def _read(granted: Any) -> frozenset[str]:
    """What a dependency granted. Anything but a collection of names grants nothing: neither a bare True opens it, nor
    the keys of a mapping whose values may say no."""
    if isinstance(granted, str):
        return frozenset({granted}) & _ALL
    if isinstance(granted, Collection) and not isinstance(granted, Mapping):
        return frozenset(name for name in granted if isinstance(name, str)) & _ALL
    return frozenset()

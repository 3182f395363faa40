"""Credentials taken out of text and of values before these are kept or shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_PASSWORD_OF_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,40}://[^\s/@:'\"]{0,200}):[^\s/@'\"]{1,500}@")
_NAME_OF_SECRET = re.compile(
    r"passw|passphrase|passwd|secret|token|api[_-]?key|private[_-]?key|authorization|credential", re.IGNORECASE
)
_DEEPEST = 40


def redacted(text: str) -> str:
    """The text without the passwords of the addresses in it: ``postgresql://anna:***@host/db``."""
    return _PASSWORD_OF_URL.sub(rf"\1:{HIDDEN}@", text) if "://" in text else text


def redacted_values(value: Any, depth: int = 0) -> Any:
    """A JSON value without what is called a password, token, secret, key or the like, and without passwords in
    addresses. What is nested deeper than anybody reads is left out."""
    if isinstance(value, str):
        return redacted(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if _NAME_OF_SECRET.search(str(name)) else redacted_values(one, depth + 1)
            for name, one in value.items()
        }
    return [redacted_values(one, depth + 1) for one in value]

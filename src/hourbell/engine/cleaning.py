"""Text as every database takes it: cleaned here, once, before the store sees it."""

from __future__ import annotations

import re

LONGEST_ERROR = 8_000
"""Characters of an error that are kept: its beginning and, since that is where the cause is, more of its end."""

_HEAD = 2_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str, longest: int | None = None) -> str:
    """Without NUL and lone surrogates, which databases refuse, and at most ``longest`` characters."""
    if not text.isascii() or "\x00" in text:
        text = _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    if longest is not None and len(text) > longest:
        note = f"\n… {len(text) - longest} characters left out …\n"
        head = min(_HEAD, longest // 4)
        text = text[:head] + note + text[len(text) - max(1, longest - head - len(note)) :]
    return text

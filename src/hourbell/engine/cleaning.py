"""Text as every database takes it: cleaned here, once, before the store sees it."""

from __future__ import annotations

import re

LONGEST_ERROR = 8_000
"""Characters of an error that are kept: its beginning and, since that is where the cause is, more of its end."""

_HEAD = 2_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COLOUR = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def clean(text: str, longest: int | None = None) -> str:
    """Without NUL and lone surrogates, which databases refuse, and at most ``longest`` characters."""
    if not text.isascii() or "\x00" in text:
        text = _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    if longest is not None and len(text) > longest:
        note = f"\n… {len(text) - longest} characters left out …\n"
        head = min(_HEAD, longest // 4)
        text = text[:head] + note + text[len(text) - max(1, longest - head - len(note)) :]
    return text


def clean_line(text: str, longest: int) -> str:
    """As `clean`, and without what a terminal would obey: colours are left out, other control characters replaced.

    Ends of lines stay, as plain newlines: tracebacks have them. Who prints them sees to it that no line of a message
    can be taken for a line of its own.
    """
    if not text.isprintable():
        text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _COLOUR.sub("", text.replace("\r\n", "\n")))
    return clean(text, longest)

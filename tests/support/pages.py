"""What stands in a page of the documentation: its code blocks and its links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEAD = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is where it begins in its page."""

    language: str
    text: str
    line: int

    @property
    def file_name(self) -> str | None:
        """The file that a block of Python says to be, in its first line: ``# main.py``."""
        found = re.match(r"# (\w+\.py)\n", self.text)
        return found[1] if found else None


def pages() -> list[Path]:
    """Every page that readers are sent to."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") % 2 == 0, f"{page.name}: a block is not closed"
    return [
        Block(found["language"], found["text"], text[: found.start()].count("\n") + 1)
        for found in _FENCE.finditer(text)
    ]


def anchors(page: Path) -> set[str]:
    """What a link may name in a page behind ``#``: its headings, spelled as GitHub does."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = (re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in _HEAD.findall(text))
    return set(heads)


def links(page: Path) -> list[str]:
    return [found["target"] for found in _LINK.finditer(page.read_text(encoding="utf-8"))]

"""Every code block of the documentation does what its page says: done in order, in a fresh folder, for real."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import ROOT, Block, anchors, blocks, links, pages
from support.story import Story

DOCUMENTED = [page for page in pages() if blocks(page)]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    told.close()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("page", DOCUMENTED, ids=named)
def test_what_a_page_says_can_be_done(page: Path, story: Story) -> None:
    for block in blocks(page):
        try:
            story.play(block)
        except AssertionError as error:
            raise AssertionError(f"{named(page)}, line {block.line}: {error}") from error


@pytest.mark.parametrize("page", pages(), ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if not link.startswith(("https://", "http://")):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_page_is_led_to() -> None:
    """From the README, or from a page that it leads to: what nobody links to is read by nobody."""
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        ahead += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
    decisions = ROOT / "docs" / "decisions"
    assert {page for page in pages() if page.parent != decisions} <= reached


@pytest.mark.parametrize(
    "block",
    [
        Block("python", "raise SystemExit(1)", 1),
        Block("ruby", "puts 1", 1),
        Block("console", "$ hourbell --version\nhourbell 999.0\n", 1),
        Block("sh", "hourbell no-such-command", 1),
        Block("sh", "python3 dev.py no-such-command", 1),
        Block("sh", "rm -rf nothing", 1),
    ],
    ids=lambda block: f"{block.language}: {block.text.splitlines()[0]}",
)
def test_what_is_wrong_in_a_page_is_found(block: Block, story: Story) -> None:
    with pytest.raises(AssertionError):
        story.play(block)


def test_an_answer_may_have_gaps(story: Story) -> None:
    story.play(Block("console", "$ hourbell --version\nhourbell …\n", 1))


def test_a_port_that_was_taken_meanwhile_is_no_fault_of_the_page(story: Story, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", story._port)):
        story.play(Block("python", "# plain.py\nfrom fastapi import FastAPI\n\napp = FastAPI()\n", 1))
        story.play(Block("console", "$ uvicorn plain:app\n", 1))


def test_commands_stand_in_blocks_that_are_done() -> None:
    """An indented block would be shown as code and be passed over."""
    for page in pages():
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for line in text.splitlines():
            assert not re.match(r" {4,}(\$ |python3? |pip |hourbell |uvicorn |curl )", line), f"{named(page)}: {line}"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_no_page_was_left_in_the_middle_of_a_merge(page: Path) -> None:
    assert not re.search(r"^(<{7}|>{7}) ", page.read_text(encoding="utf-8"), re.MULTILINE)

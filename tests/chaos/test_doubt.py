"""What a server says is cut into pieces as it should be, so that commits in doubt are counted right."""

from __future__ import annotations

import struct

import pytest

from chaos.doubt import Said, Sayings


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", 4 + len(body)) + body


def ready(state: bytes = b"I") -> bytes:
    return message(b"Z", state)


def done(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


@pytest.mark.parametrize(
    "said,commit",
    [
        pytest.param(done(b"COMMIT") + ready(), "transaction", id="a transaction"),
        pytest.param(done(b"UPDATE 3") + ready(), "statement", id="a statement by itself"),
        pytest.param(done(b"INSERT 0 1") + ready(), "statement", id="an insert by itself"),
        pytest.param(done(b"INSERT 0 0") + ready(), None, id="nothing inserted"),
        pytest.param(done(b"UPDATE 0") + ready(), None, id="nothing changed"),
        pytest.param(done(b"UPDATE 3") + ready(b"T"), None, id="within a transaction"),
        pytest.param(done(b"SELECT 3") + ready(), None, id="only read"),
        pytest.param(done(b"ROLLBACK") + ready(), None, id="taken back"),
        pytest.param(done(b"BEGIN") + done(b"SET") + ready(b"T"), None, id="begun"),
    ],
)
def test_commits_are_told_from_all_else(said: bytes, commit: str | None) -> None:
    assert list(Sayings().of(said)) == [Said(said, commit)]


def test_nothing_is_held_back_but_the_last_word() -> None:
    row, end = message(b"D", b"a row"), done(b"SELECT 1")
    sayings = Sayings()
    assert [one.text for one in sayings.of(row + end)] == [row]
    assert [one.text for one in sayings.of(ready())] == [end + ready()]


def test_words_may_come_in_any_pieces() -> None:
    said = (
        message(b"R", b"\0\0\0\0") + ready() + message(b"1", b"") + done(b"COMMIT") + ready() + message(b"A", b"hint")
    )
    sayings = Sayings()
    pieces = [one for byte in said for one in sayings.of(bytes([byte]))]
    assert b"".join(one.text for one in pieces) == said
    assert [one.commit for one in pieces if one.commit] == ["transaction"]

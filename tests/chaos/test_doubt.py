"""What a server says is cut into pieces as it should be, so that commits in doubt are counted right."""

from __future__ import annotations

import struct

import pytest

from chaos.doubt import Asking, Said, Sayings


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


def test_what_writes_is_known_by_its_text_whatever_the_server_calls_it() -> None:
    asking = Asking()
    sayings = Sayings(asking)
    said = done(b"SELECT 1") + ready()
    prepared = [
        (b"w", b'WITH written AS (UPDATE "hourbell".runs r SET state = 1 RETURNING id) SELECT count(*) FROM written'),
        (b"r", b'SELECT id FROM "hourbell".nodes n FOR UPDATE OF n SKIP LOCKED'),
    ]
    words = struct.pack("!ii", 8, 196608)
    for name, text in prepared:
        words += message(b"P", name + b"\0" + text + b"\0\0\0")
    commits = []
    for name in (b"r", b"w"):
        words += message(b"B", b"\0" + name + b"\0\0\0\0\0\0\0") + message(b"S", b"")
        for byte in words:
            asking.hear(bytes([byte]))
        words = b""
        commits += [one.commit for one in sayings.of(said)]
    assert commits == [None, "statement"]


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

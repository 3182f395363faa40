"""The plain table: columns under their names, and nothing that would move a terminal's cursor."""

from __future__ import annotations

from hourbell.cli.table import table


def test_columns_stand_under_their_names() -> None:
    text = table(("id", "note"), [{"id": "a", "note": None}, {"id": "long", "note": "x y"}])
    assert text.splitlines() == ["id    note", "a     -", "long  x y"]


def test_nothing_is_cut_from_a_line_but_its_length() -> None:
    assert table(("id",), [{"id": "x" * 100}]).splitlines()[1] == "x" * 59 + "…"


def test_no_control_character_reaches_the_terminal() -> None:
    assert table(("id",), [{"id": "\x1b[31mred\n\x07"}]).splitlines()[1] == "?[31mred??"

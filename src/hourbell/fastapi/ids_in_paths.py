"""Ids in paths: any text, slashes and line breaks included, so that what can be no id is refused in our own words."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _AnyText(Convertor[str]):
    """The router's own ``path`` ends at a line break: with one in it no route would be found, and with one behind it
    the id would be another."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def know_ids() -> None:
    """From now on routes may have ``{id:any_text}``."""
    register_url_convertor("any_text", _AnyText())

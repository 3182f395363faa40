"""The reference of the commands, made from the commands themselves.

``python tests/support/command_reference.py`` writes it into its page; a test compares the two.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from hourbell.cli.main import commands

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command-line.md"
BEGIN = "<!-- From here on: made by tests/support/command_reference.py from the commands. -->\n"
_EVERYWHERE = ("help", "install_completion", "show_completion")


def reference() -> str:
    """Every command with its arguments and options, in the words of its help."""
    group: Any = typer.main.get_command(commands())
    return "\n".join(line for name, command in group.commands.items() for line in _told(("hourbell", name), command))


def _told(words: tuple[str, ...], command: Any) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children or command.invoke_without_command:
        taken = [one for one in command.params if one.param_type_name == "argument"]
        yield f"\n## `{' '.join([*words, *(_shown(one) for one in taken)])}`\n"
        yield inspect.cleandoc(command.help or "")
        lines = [line for one in command.params if one.name not in _EVERYWHERE for line in _option(one)]
        if lines:
            yield "\n" + "\n".join(lines)
    for name, child in children.items():
        yield from _told((*words, name), child)


def _shown(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _option(one: Any) -> Iterator[str]:
    if one.param_type_name == "argument":
        yield f"- `{_shown(one)}`: {one.help}"
        return
    value = "" if one.is_flag else f" {one.metavar or ('N' if isinstance(one.default, int) else 'TEXT')}"
    default = one.default if one.show_default and not one.is_flag and one.default not in (None, []) else None
    said = f" Default: {default}." if default is not None and not callable(default) else ""
    needed = " Needed." if one.required else ""
    yield f"- `{one.opts[0]}{value}`: {one.help}{said}{needed}"


if __name__ == "__main__":
    kept = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{kept}{BEGIN}{reference()}\n", encoding="utf-8")

"""Cron expressions have spaces and stars in them, which a shell takes apart unless they are quoted."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from hourbell.cli.exit_codes import give_up


class Quoted(TyperCommand):
    """A command that is given an expression, and says so when it came as many words."""

    allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed; what is too much is the rest of an expression, more likely than anything else."""
        rest = super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            few = f"{' '.join(ctx.args[:3])[:60]!r}{' …' if len(ctx.args) > 3 else ''}"
            give_up(
                f"{few} is too much: the shell makes words of an expression, "
                "and names of files of each `*`, unless it is in quotes, as in '0 9 * * mon-fri'"
            )
        return rest

"""Reading a whole cron expression into its fields.

The language is crontab(5)'s: lists, ranges, steps (also on ranges and single starts), names of months and days,
0 and 7 for Sunday, and the `@daily` family; and, beyond it, a field of seconds in front, ranges that wrap, `?`, `L`,
`W` and `#` as other schedulers know them, `H` as Jenkins has it, and a `+` before the day of the week.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from hourbell.errors import TriggerError
from hourbell.triggers.cron_fields import DAY_OF_WEEK, FIVE, SIX, CronField, CronFields
from hourbell.triggers.cron_reader import FieldReader
from hourbell.triggers.cron_refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.cron_hash import HashSource

LONGEST_EXPRESSION = 256

_WORD = re.compile(r"[^ \t]+")
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)


def tidy(expr: str) -> str:
    """The expression with single spaces and none at its ends; the form in which two are compared.

    Raises:
        TriggerError: when it is no text, or longer than 256 characters.
    """
    if not isinstance(expr, str):
        raise TriggerError(f"cron expression: must be text such as '0 9 * * mon-fri', not {type(expr).__name__}")
    if len(expr) > LONGEST_EXPRESSION:
        raise TriggerError(
            f"cron expression: {len(expr)} characters are too many; an expression has at most {LONGEST_EXPRESSION}"
        )
    return " ".join(_WORD.findall(expr))


def words_of(expr: str) -> list[tuple[int, str]]:
    """The words of the expression, each with the column (from 0) where it begins."""
    return [(match.start(), match.group()) for match in _WORD.finditer(expr)]


@lru_cache(maxsize=2048)
def read_expression(expr: str, source: HashSource | None = None) -> CronFields:
    """What the expression says, of at most 256 characters; with a source, what `H` chooses too.

    Raises:
        TriggerError: pointing at the field, the piece and the column.
    """
    check_characters(expr)
    words = words_of(expr)
    if words and words[0][1].startswith("@"):
        return read_expression(_alias(expr, words), source)
    if len(words) not in (5, 6):
        raise _wrong_count(expr, words)
    kinds = SIX if len(words) == 6 else FIVE
    fields: list[CronField] = [] if len(words) == 6 else [CronField(mask=1, starred=False)]
    both_days = False
    for kind, (start, word) in zip(kinds, words, strict=True):
        if kind is DAY_OF_WEEK and word[:1] == "+" and len(word) > 1:
            both_days, start, word = True, start + 1, word[1:]
        fields.append(FieldReader(expr, kind, source).field(start, word))
    second, minute, hour, day_of_month, month, day_of_week = fields
    return CronFields(second, minute, hour, day_of_month, month, day_of_week, both_days)


def check_characters(expr: str) -> None:
    """Refuse everything but printable ASCII and tabs.

    Raises:
        TriggerError: pointing at the character.
    """
    for column, char in enumerate(expr):
        if not (" " <= char <= "~" or char == "\t"):
            raise refusal(expr, column, 1, f"cron expression: the character {char!a} cannot stand here")


def _alias(expr: str, words: list[tuple[int, str]]) -> str:
    start, word = words[0]
    meaning = _ALIASES.get(word.lower())
    if meaning is None:
        raise refusal(expr, start, len(word), f"cron expression: {word!r} is not an alias; {_nearest_alias(word)}")
    if len(words) > 1:
        start, extra = words[1]
        raise refusal(expr, start, len(extra), f"cron expression: nothing may follow {word}, found {extra!r}")
    return meaning


def _nearest_alias(word: str) -> str:
    known = (*_ALIASES, "@every")
    if word.lower() == "@reboot":
        return "what is to run once at the start belongs into the application's lifespan"
    found = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"known are {', '.join(known)}"


def _wrong_count(expr: str, words: list[tuple[int, str]]) -> TriggerError:
    wanted = "five fields (minute, hour, day of month, month, day of week), or six with the seconds first"
    if len(words) > 6:
        start, word = words[6]
        return refusal(
            expr,
            start,
            len(expr.rstrip()) - start,
            f"cron expression: {len(words)} fields, {word!r} is one too many; it has {wanted}",
        )
    missing = FIVE[len(words)].name
    what = f"cron expression: {len(words)} of the fields, the {missing} is missing; it has {wanted}"
    return refusal(expr, len(expr.rstrip()), 1, what)

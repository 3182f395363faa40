"""Small pieces of plain English that the explanations are made of."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = (
    ("week", timedelta(weeks=1)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def joined(items: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def clock(hour: int, minute: int, second: int = 0) -> str:
    """A time of day: "09:00", or "09:00:30" when there are seconds."""
    return f"{hour:02}:{minute:02}:{second:02}" if second else f"{hour:02}:{minute:02}"


def ordinal(number: int) -> str:
    """ "1st", "2nd", "3rd", "11th"."""
    ending = "th" if number // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def runs(values: Sequence[int], size: int | None = None) -> list[tuple[int, int]]:
    """Ascending values as stretches (first, last) of three or more in a row, and single ones (n, n).

    With a `size` the values go round: after `size - 1` (or `size`, where counting begins at 1) comes the least.
    """
    stretches = [[value] for value in values[:1]]
    for value in values[1:]:
        if value == stretches[-1][-1] + 1:
            stretches[-1].append(value)
        else:
            stretches.append([value])
    if size is not None and len(stretches) > 1 and stretches[0][0] + size - 1 == stretches[-1][-1]:
        stretches[-1] += stretches.pop(0)
    found: list[tuple[int, int]] = []
    for stretch in stretches:
        if len(stretch) > 2:
            found.append((stretch[0], stretch[-1]))
        else:
            found += [(value, value) for value in stretch]
    return found


def numbers(values: Sequence[int]) -> str:
    """ "0, 15 and 30 to 45"."""
    return joined([str(low) if low == high else f"{low} to {high}" for low, high in runs(values)])


def step_of(values: Sequence[int], size: int) -> int | None:
    """The step that makes these ascending values an even rhythm, also from one round of `size` to the next."""
    if len(values) < 2 or size % len(values):
        return None
    step = size // len(values)
    even = all(after - before == step for before, after in pairwise(values))
    return step if even else None


def duration(length: timedelta) -> str:
    """ "10 minutes", "hour", "1 hour and 30 minutes", "2.5 seconds": fit to stand after "every"."""
    parts: list[str] = []
    left = length
    for name, unit in _UNITS:
        # Weeks only where they come out even: "10 days" reads better than "1 week and 3 days".
        if name == "week" and left % unit:
            continue
        number, left = divmod(left, unit)
        if number:
            parts.append(_amount(str(number), name))
    if left:
        parts.append(_amount(f"{left.total_seconds():.6f}".rstrip("0").rstrip("."), "second"))
    return parts[0].removeprefix("1 ") if len(parts) == 1 else joined(parts)


def _amount(number: str, unit: str) -> str:
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"

"""A length of time in words."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (
    ("week", timedelta(weeks=1)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def describe_duration(duration: timedelta) -> str:
    """ "10 minutes", "hour", "1 hour and 30 minutes", "2.5 seconds": fit to stand after "every"."""
    parts: list[str] = []
    left = duration
    for name, unit in _UNITS:
        # Weeks only where they come out even: "10 days" reads better than "1 week and 3 days".
        if name == "week" and left % unit:
            continue
        number, left = divmod(left, unit)
        if number:
            parts.append(_amount(str(number), name))
    if left:
        parts.append(_amount(f"{left.total_seconds():.6f}".rstrip("0").rstrip("."), "second"))
    if len(parts) == 1:
        return parts[0].removeprefix("1 ")
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def _amount(number: str, unit: str) -> str:
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"

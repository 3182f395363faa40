"""What a scenario found: its figures for people, its problems for the test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Report:
    """Figures in the order in which they came, and everything that is wrong."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.figures: list[tuple[str, str]] = []
        self.problems: list[str] = []

    def figure(self, name: str, value: object) -> None:
        """Something to be told."""
        self.figures.append((name, f"{value:.3f}" if isinstance(value, float) else str(value)))

    def spread(self, name: str, values: Sequence[float]) -> None:
        """A distribution, in seconds."""
        told = " · ".join(f"{word} {at_share(values, share):.3f}" for word, share in _SHARES) if values else "none"
        self.figure(f"{name} [s], n={len(values)}", told)

    def require(self, true: bool, what: str) -> None:
        """Something that must be so; ``what`` is told when it is not."""
        if not true:
            self.problems.append(what)

    def add(self, problems: Iterable[str]) -> None:
        """What a checker found."""
        self.problems.extend(problems)

    def __str__(self) -> str:
        lines = [f"== {self.title}", *(f"   {name}: {value}" for name, value in self.figures)]
        lines += [f"   PROBLEM: {problem}" for problem in self.problems] or ["   no problem"]
        return "\n".join(lines)


_SHARES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def at_share(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]

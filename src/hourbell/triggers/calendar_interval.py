"""`CalendarEvery`: every so many years, months, weeks or days of the calendar, at one time of the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.cron_explain import explain_policy
from hourbell.triggers.date_grid import DateGrid
from hourbell.triggers.dst import DstPolicy, Fold, Gap, read_fold, read_gap
from hourbell.triggers.instants import EARLIEST
from hourbell.triggers.spec import Spec, check_fields, optional_text_field, shown
from hourbell.triggers.wall_rule import WallRule
from hourbell.triggers.wall_times import read_day, read_time, write_time
from hourbell.triggers.wall_trigger import WallTrigger
from hourbell.triggers.words import clock, joined, ordinal
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_MONTHS = 1200
_MOST_DAYS = 36_525
_DAY = timedelta(days=1)
_FIRST_DAY = date(2, 1, 1)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class CalendarEvery(WallTrigger):
    """Every so many years, months, weeks or days, at a time of the wall clock.

    Counted from `start_day`, itself a fire. A month without the day is passed over: from 31 January, every month means
    the 31st of those months that have one. Without a `start_day` the count begins with the day on which the schedule is
    first stored (a period of one day needs no start).

    A time that a change of the clock skips is not run, and one that it repeats is run the first time; `gap` and
    `fold` say otherwise. Changes of more than three hours are corrections of the clock: the wall clock is followed.

    Args:
        years, months, weeks, days: the period, their sum: months and days are counted from the start, months first.
        time: the time of day, or text such as `"09:00"`.
        start_day, end_day: dates, or text such as `"2026-01-31"`; both included.
        timezone: an IANA name. None: the scheduler's own zone once it is stored, UTC until then.
        gap: `"skip"` (the default) or `"next_valid"`: the first instant after the gap.
        fold: `"first"` (the default), `"second"` or `"both"`.

    Raises:
        TriggerError: when anything is out of bounds or not understood, or there is no fire at all.
    """

    kind: ClassVar[str] = "calendar"

    months: int
    days: int
    time: time_of_day
    start_day: date | None
    end_day: date | None
    timezone: str | None
    gap: Gap | None
    fold: Fold | None
    anchor: date | None
    """Where the count begins when there is no start; put in by the store, no part of what the user declared."""

    def __init__(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        time: time_of_day | str = "00:00",
        start_day: date | str | None = None,
        end_day: date | str | None = None,
        timezone: str | None = None,
        gap: Gap | None = None,
        fold: Fold | None = None,
    ) -> None:
        period = _period(years=years, months=months, weeks=weeks, days=days)
        begin = None if start_day is None else read_day(start_day, "start_day")
        end = None if end_day is None else read_day(end_day, "end_day")
        self._fill(period, read_time(time, "time"), begin, end, timezone, read_gap(gap), read_fold(fold), None)

    def _fill(
        self,
        period: tuple[int, int],
        moment: time_of_day,
        start_day: date | None,
        end_day: date | None,
        timezone: str | None,
        gap: Gap | None,
        fold: Fold | None,
        anchor: date | None,
    ) -> None:
        if timezone is not None:
            zone(timezone)
        filled = (*period, moment, start_day, end_day, timezone, gap, fold, anchor)
        # The class is frozen; this is its constructor.
        for name, value in zip(self.__slots__, filled, strict=True):
            object.__setattr__(self, name, value)
        self._refuse_never()

    def _refuse_never(self) -> None:
        first, last = self.start_day or self.anchor, self.end_day
        if first is not None and last is not None and last < first and self.anchor is None:
            raise TriggerError(f"CalendarEvery can never fire: its end_day {last} is before its start_day {first}")
        if self.start_day is not None and self.next_after(EARLIEST) is None:
            raise TriggerError(
                f"CalendarEvery can never fire: up to {last} there is only {write_time(self.time)} on {first}, "
                "which the change of the clock skips; give gap='next_valid'"
            )

    def __repr__(self) -> str:
        parts = [f"{name}={number}" for name, number in (("months", self.months), ("days", self.days)) if number]
        parts.append(f"time={write_time(self.time)!r}")
        for name in ("start_day", "end_day", "timezone", "gap", "fold", "anchor"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}={str(value)!r}")
        return f"CalendarEvery({', '.join(parts)})"

    def explain(self) -> str:
        """What the rule says, in plain English."""
        first = self.start_day or self.anchor
        words = f"every {_in_words(self.months, self.days)}"
        if first is not None and self.months and not self.days:
            if self.months % 12 == 0:
                words += f" on {first.day} {first.strftime('%B')}"
            else:
                words += f" on the {ordinal(first.day)}"
        words += f" at {clock(self.time.hour, self.time.minute, self.time.second)}"
        if first is not None:
            words += f", counted from {first.strftime('%A')} {first}"
        if self.end_day is not None:
            words += f", until {self.end_day}"
        if self.timezone is not None:
            words += f", {self.timezone}"
        return words + explain_policy(self.gap, self.fold)

    def declared_spec(self) -> Spec:
        """The spec without the anchor: what the user declared. Years are twelve months, weeks seven days."""
        return {
            "kind": self.kind,
            "months": self.months,
            "days": self.days,
            "time": write_time(self.time),
            "start_day": self.start_day and self.start_day.isoformat(),
            "end_day": self.end_day and self.end_day.isoformat(),
            "timezone": self.timezone,
            "gap": self.gap,
            "fold": self.fold,
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes; `years` and `weeks` are understood too.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=(), optional=_FIELDS)
        period = _period(**{name: 0 if spec.get(name) is None else spec[name] for name in _PARTS})
        texts = {name: optional_text_field(spec, name) for name in ("time", "start_day", "end_day", "anchor")}
        days = {
            name: None if (text := texts[name]) is None else read_day(text, name)
            for name in ("start_day", "end_day", "anchor")
        }
        if days["start_day"] is not None and days["anchor"] is not None:
            raise TriggerError("trigger of kind 'calendar': the field 'anchor' has no meaning beside a 'start_day'")
        trigger = cls.__new__(cls)
        trigger._fill(
            period,
            read_time(texts["time"] or "00:00", "time"),
            days["start_day"],
            days["end_day"],
            optional_text_field(spec, "timezone"),
            read_gap(spec.get("gap")),
            read_fold(spec.get("fold")),
            days["anchor"],
        )
        return trigger

    def _changed(self, *, timezone: str | None = None, anchor: date | None = None) -> Self:
        trigger = type(self).__new__(type(self))
        trigger._fill(
            (self.months, self.days),
            self.time,
            self.start_day,
            self.end_day,
            timezone or self.timezone,
            self.gap,
            self.fold,
            anchor or self.anchor,
        )
        return trigger

    def _is_daily(self) -> bool:
        return (self.months, self.days) == (0, 1)

    def _is_counted(self) -> bool:
        return self.start_day is not None or self.anchor is not None or self._is_daily()

    def _rule(self) -> WallRule:
        return WallRule(self._pattern(), self._zone(), DstPolicy(gap=self.gap or "skip", fold=self.fold or "first"))

    def _pattern(self) -> _TimesOfDates:
        first = self.start_day or self.anchor
        if first is None:
            if not self._is_daily():
                raise TriggerError(
                    "this CalendarEvery has no start yet, so it has no fires: give it a start_day, or ask "
                    ".anchored(instant)"
                )
            first = _FIRST_DAY
        return _TimesOfDates(DateGrid(first, self.months, self.days), self.time, self.end_day)


_PARTS = ("years", "months", "weeks", "days")
_FIELDS = (*_PARTS, "time", "start_day", "end_day", "timezone", "gap", "fold", "anchor")


@dataclass(frozen=True, slots=True)
class _TimesOfDates:
    """One time of day on each date of a grid, as a `WallPattern`."""

    grid: DateGrid
    time: time_of_day
    last: date | None

    def after(self, local: datetime) -> datetime | None:
        day = local.date() if local.time() < self.time else local.date() + _DAY
        step = self.grid.first_step(day)
        found = self.grid.at(step) if step is not None else None
        if found is None or (self.last is not None and found > self.last):
            return None
        return datetime.combine(found, self.time)

    def before(self, local: datetime) -> datetime | None:
        day = local.date() if local.time() > self.time else local.date() - _DAY
        step = self.grid.last_step(day if self.last is None else min(day, self.last))
        found = self.grid.at(step) if step is not None else None
        return None if found is None else datetime.combine(found, self.time)

    def count(self, start: datetime, end: datetime, cap: int) -> int:
        first = start.date() if start.time() <= self.time else start.date() + _DAY
        stop = end.date() if end.time() <= self.time else end.date() + _DAY
        if self.last is not None:
            stop = min(stop, self.last + _DAY)
        return min(cap, self.grid.count(first, stop))


def _period(**parts: int) -> tuple[int, int]:
    """Months and days of the period."""
    for name, value in parts.items():
        if type(value) is not int or value < 0:
            what = shown(value) if type(value) is not int else "less"
            raise TriggerError(f"CalendarEvery: {name} must be a whole number, 0 or more, not {what}")
    months = parts["years"] * 12 + parts["months"]
    days = parts["weeks"] * 7 + parts["days"]
    if not months and not days:
        raise TriggerError("CalendarEvery: the period must be at least a day, such as CalendarEvery(months=1)")
    if months > _MOST_MONTHS or days > _MOST_DAYS:
        raise TriggerError("CalendarEvery: the period is too long; the longest is 100 years")
    return months, days


def _in_words(months: int, days: int) -> str:
    years, rest = divmod(months, 12)
    parts = [("year", years), ("month", rest)]
    parts += [("day", days)] if days % 7 else [("week", days // 7)]
    said = [f"{number} {unit}{'s' if number > 1 else ''}" for unit, number in parts if number]
    return said[0].removeprefix("1 ") if len(said) == 1 else joined(said)

"""`RRule`: a recurrence rule of iCalendar (RFC 5545)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.cron_explain import explain_policy
from hourbell.triggers.dst import DstPolicy, Fold, Gap, dst_policy, read_fold, read_gap
from hourbell.triggers.instants import EARLIEST, as_utc
from hourbell.triggers.rrule_compile import compiled, needs_start
from hourbell.triggers.rrule_explain import explain_rule
from hourbell.triggers.rrule_parts import FREQUENCIES, RuleParts, read_rule, tidy_rule
from hourbell.triggers.spec import Spec, check_fields, optional_text_field, text_field
from hourbell.triggers.trigger import COUNT_CAP, check_cap
from hourbell.triggers.wall_rule import WallRule
from hourbell.triggers.wall_times import instant_of, read_day, read_moment, write_moment
from hourbell.triggers.wall_trigger import WallTrigger
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.wall_times import Moment

_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_BEGIN = date(2, 1, 1)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class RRule(WallTrigger):
    """The times of a recurrence rule: `RRule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9", start="2030-01-01T00:00:00")`.

    The rule works on the wall clock of its zone. What it does not say, it takes from its start, as the standard has
    it: the time of day, the weekday, the day of the month, and where intervals and COUNT are counted from. The start
    itself is a fire only when the rule matches it. Without a start, the midnight before its schedule is first stored
    stands for it, where one is needed.

    When the clock changes, a rule of FREQ=SECONDLY to HOURLY follows the wall clock. Any other runs once: a time that
    is skipped at the first instant after the gap, a repeated one the first time; `gap` and `fold` as for `Cron`.

    Args:
        rule: the text, at most 512 characters, with or without `RRULE:`. COUNT counts times of the rule. An INTERVAL
            of seconds, minutes or hours must divide the day. BYSETPOS is for FREQ=DAILY and above; BYEASTER is unknown.
        start: a date, a datetime, or text; naive ones are of the wall clock.
        timezone: an IANA name. None: the scheduler's own zone once it is stored, UTC until then.
        gap, fold: in place of the defaults.

    Raises:
        TriggerError: when the rule is not understood (the message names the part), or it never fires.
    """

    kind: ClassVar[str] = "rrule"

    rule: str
    start: Moment | None
    timezone: str | None
    gap: Gap | None
    fold: Fold | None
    anchor: date | None
    """The day on which the schedule was first stored, when there is no start; no part of what the user declared."""

    def __init__(
        self,
        rule: str,
        start: date | str | None = None,
        timezone: str | None = None,
        gap: Gap | None = None,
        fold: Fold | None = None,
    ) -> None:
        begin = None if start is None else read_moment(start, "start")
        self._fill(tidy_rule(rule), begin, timezone, read_gap(gap), read_fold(fold), None)

    def _fill(
        self,
        rule: str,
        start: Moment | None,
        timezone: str | None,
        gap: Gap | None,
        fold: Fold | None,
        anchor: date | None,
    ) -> None:
        if timezone is not None:
            zone(timezone)
        if isinstance(start, datetime):
            start = start.replace(microsecond=0)
        # The class is frozen; this is its constructor.
        for name, value in zip(self.__slots__, (rule, start, timezone, gap, fold, anchor), strict=True):
            object.__setattr__(self, name, value)
        parts = self._parts()
        if parts.count is not None and start is None:
            raise TriggerError("RRule: COUNT needs a start to count from; give start=…, or use .limit(count)")
        if self._first() is not None and self.next_after(EARLIEST) is None:
            raise TriggerError(f"RRule can never fire: no time of {rule} comes from its start to its end")

    def __repr__(self) -> str:
        said = [repr(self.rule)]
        for name in ("start", "timezone", "gap", "fold", "anchor"):
            value = getattr(self, name)
            if value is not None:
                said.append(f"{name}={(write_moment(value) if isinstance(value, date) else value)!r}")
        return f"RRule({', '.join(said)})"

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the trigger's zone; None when the end is passed.

        Raises:
            TriggerError: when `instant` is naive, or there is no start yet where one is needed.
        """
        until = self._until()
        fire = WallTrigger.next_after(self, instant)
        return None if fire is not None and until is not None and fire.astimezone(UTC) > until else fire

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the trigger's zone; None when there is none.

        Raises:
            TriggerError: when `instant` is naive, or there is no start yet where one is needed.
        """
        until = self._until()
        instant = as_utc(instant)
        return WallTrigger.prev_before(self, instant if until is None else min(instant, until + _TICK))

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        Raises:
            TriggerError: when an instant is naive, `cap` is not positive, or there is no start yet.
        """
        check_cap(cap)
        until = self._until()
        low, high = as_utc(start), as_utc(end)
        high = high if until is None else min(high, until)
        return self._rule().count_between(low, high, cap) if low < high else 0

    def explain(self) -> str:
        """What the rule says, in plain English."""
        words = explain_rule(self._parts(), self._first())
        if self.start is not None:
            words += f", from {write_moment(self.start)} on"
        if self.timezone is not None:
            words += f", {self.timezone}"
        return words + explain_policy(self.gap, self.fold)

    def declared_spec(self) -> Spec:
        """The spec without the anchor: what the user declared."""
        return {
            "kind": self.kind,
            "rule": self.rule,
            "start": None if self.start is None else write_moment(self.start),
            "timezone": self.timezone,
            "gap": self.gap,
            "fold": self.fold,
        }

    @classmethod
    def read_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The trigger that the spec writes.

        Raises:
            TriggerError: naming the field that is missing, unknown or wrong.
        """
        check_fields(spec, required=("rule",), optional=("start", "timezone", "gap", "fold", "anchor"))
        start, anchor = optional_text_field(spec, "start"), optional_text_field(spec, "anchor")
        if start is not None and anchor is not None:
            raise TriggerError("trigger of kind 'rrule': the field 'anchor' has no meaning beside a 'start'")
        trigger = cls.__new__(cls)
        trigger._fill(
            tidy_rule(text_field(spec, "rule")),
            None if start is None else read_moment(start, "start"),
            optional_text_field(spec, "timezone"),
            read_gap(spec.get("gap")),
            read_fold(spec.get("fold")),
            None if anchor is None else read_day(anchor, "anchor"),
        )
        return trigger

    def _changed(self, *, timezone: str | None = None, anchor: date | None = None) -> Self:
        trigger = type(self).__new__(type(self))
        trigger._fill(self.rule, self.start, timezone or self.timezone, self.gap, self.fold, anchor or self.anchor)
        return trigger

    def _is_counted(self) -> bool:
        return self._first() is not None

    def _parts(self) -> RuleParts:
        return read_rule(self.rule)

    def _first(self) -> datetime | None:
        """The start on the wall clock; None when one is needed and not known yet."""
        start = self.start if self.start is not None else self.anchor
        if start is None:
            return None if needs_start(self._parts()) else datetime.combine(_BEGIN, time())
        if not isinstance(start, datetime):
            return datetime.combine(start, time())
        return start if start.tzinfo is None else start.astimezone(self._zone()).replace(tzinfo=None, fold=0)

    def _until(self) -> datetime | None:
        """The last instant that the rule allows."""
        until = self._parts().until
        if until is None:
            return None
        if isinstance(until, datetime):
            return instant_of(self._zone(), until)
        return instant_of(self._zone(), until + _DAY) - _TICK

    def _rule(self) -> WallRule:
        first = self._first()
        if first is None:
            raise TriggerError(
                "this RRule has no start yet, so it has no fires: give it a start, or ask .anchored(instant)"
            )
        parts = self._parts()
        follows = parts.level < FREQUENCIES.index("DAILY")
        policy: DstPolicy = dst_policy(follows_wall_clock=follows, gap=self.gap, fold=self.fold)
        return WallRule(compiled(self.rule, first), self._zone(), policy)

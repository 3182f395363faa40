"""`Cron`: the times of the wall clock that a cron expression names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.errors import TriggerError
from hourbell.triggers.cron_days import compiled
from hourbell.triggers.cron_every import ElapsedRule, elapsed_rule, is_every
from hourbell.triggers.cron_explain import explain_fields, explain_policy
from hourbell.triggers.cron_expression import tidy
from hourbell.triggers.cron_hash import UnboundRule, checked_source_id
from hourbell.triggers.cron_keywords import expression_of
from hourbell.triggers.dst import Fold, Gap, dst_policy, read_fold, read_gap
from hourbell.triggers.instants import write_instant
from hourbell.triggers.spec import Spec, check_fields, optional_instant_field, optional_text_field, text_field
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap
from hourbell.triggers.wall_rule import WallRule
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.cron_fields import CronFields

Part = int | str | None
CronRule = WallRule | ElapsedRule | UnboundRule


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Cron(Trigger):
    """The times that a cron expression names, in a time zone. The language is crontab(5)'s, and more.

    Five fields (minute, hour, day of month, month, day of week), or six with the second first, or an alias such as
    `@daily`, or `@every 1h30m`. Day of month and day of week: either may match when both are restricted (neither
    begins with `*` or is `?`), else both must; both must also when the day of week is written with a `+`, as `+FRI`.

    When the clock changes for daylight saving, the rule is the one that Debian's cron(8) documents. An expression
    whose minute or hour begins with `*` follows the wall clock: in a repeated hour it runs in both, in a skipped
    one not at all. Any other runs once: times that are skipped run at the first instant after the gap (once,
    however many there are), repeated times run at their first occurrence. Changes of more than three hours are
    corrections of the clock and no daylight saving: there, everything follows the wall clock.

    `H` stands for a value that is hashed from the schedule's id. Until the trigger is bound to one (when it is stored,
    or by `bound`), it can be explained but has no fires.

    Args:
        expr: the expression, at most 256 characters; or, in its place, the fields by their names.
        timezone: an IANA name. None: the scheduler's own zone once it is stored, UTC until then.
        gap: `"next_valid"` or `"skip"`, in place of the default for times that are skipped.
        fold: `"first"`, `"second"` or `"both"`, in place of the default for times that are repeated.
        month, day, day_of_week, hour, minute, second: the keyword form, where the day of week counts from **Monday,
            which is 0**. Fields less than the least one given are at their minimum, greater ones `*`; both day and
            day_of_week must match. `year` and `week` are refused with advice.

    Raises:
        TriggerError: when anything is not understood (the message points at the place), or the date never comes.
    """

    kind: ClassVar[str] = "cron"

    expr: str
    timezone: str | None
    gap: Gap | None
    fold: Fold | None
    schedule_id: str | None
    """What `H` is hashed from; put in by the store, no part of what the user declared."""
    anchor: datetime | None
    """Where the grid of an `@every` begins; put in by the store, no part of what the user declared."""
    _rule: CronRule = field(compare=False)

    def __init__(
        self,
        expr: str | None = None,
        timezone: str | None = None,
        gap: Gap | None = None,
        fold: Fold | None = None,
        *,
        year: Part = None,
        month: Part = None,
        day: Part = None,
        week: Part = None,
        day_of_week: Part = None,
        hour: Part = None,
        minute: Part = None,
        second: Part = None,
    ) -> None:
        parts = {
            "year": year,
            "month": month,
            "day": day,
            "week": week,
            "day_of_week": day_of_week,
            "hour": hour,
            "minute": minute,
            "second": second,
        }
        if expr is None:
            expr = expression_of(parts)
        elif any(part is not None for part in parts.values()):
            raise TriggerError(f"Cron takes an expression or fields, not both: {expr!r:.60} came with fields")
        self._fill(expr, timezone, gap, fold)

    def _fill(
        self,
        expr: str,
        timezone: str | None,
        gap: Gap | None,
        fold: Fold | None,
        schedule_id: str | None = None,
        anchor: datetime | None = None,
    ) -> None:
        # Read as written, for the sake of the columns in messages; kept with single spaces.
        tidied = tidy(expr)
        gap, fold = read_gap(gap), read_fold(fold)
        place = UTC if timezone is None else zone(timezone)
        rule: CronRule
        if is_every(expr):
            rule = elapsed_rule(expr, place, anchor)
            if gap is not None or fold is not None:
                raise TriggerError("gap and fold are about the wall clock; @every counts elapsed time and has neither")
            schedule_id, anchor = None, rule.interval.anchor
        else:
            fields, calendar = compiled(expr, schedule_id)
            policy = dst_policy(follows_wall_clock=fields.follows_wall_clock, gap=gap, fold=fold)
            rule = UnboundRule(tidied) if fields.hashed else WallRule(calendar, place, policy)
            schedule_id, anchor = schedule_id if compiled(expr)[0].hashed else None, None
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "expr", tidied)
        object.__setattr__(self, "timezone", timezone)
        object.__setattr__(self, "gap", gap)
        object.__setattr__(self, "fold", fold)
        object.__setattr__(self, "schedule_id", schedule_id)
        object.__setattr__(self, "anchor", anchor)
        object.__setattr__(self, "_rule", rule)

    def __repr__(self) -> str:
        parts = [repr(self.expr)]
        parts += [
            f"{name}={value!r}"
            for name in ("timezone", "gap", "fold", "schedule_id")
            if (value := getattr(self, name)) is not None
        ]
        if self.anchor is not None:
            parts.append(f"anchor={write_instant(self.anchor)!r}")
        return f"Cron({', '.join(parts)})"

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the trigger's zone; None after the year 9998.

        Raises:
            TriggerError: when `instant` is naive, an `H` has no schedule yet, or an `@every` no anchor.
        """
        return self._rule.next_after(instant)

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the trigger's zone; None before the year 2.

        Raises:
            TriggerError: when `instant` is naive, an `H` has no schedule yet, or an `@every` no anchor.
        """
        return self._rule.prev_before(instant)

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        The work grows with the years between the two, not with the number of fires.

        Raises:
            TriggerError: when an instant is naive, `cap` is not positive, an `H` has no schedule yet, or an `@every`
                no anchor.
        """
        check_cap(cap)
        return self._rule.count_between(start, end, cap)

    def explain(self) -> str:
        """What the rule says, in plain English: "at 09:00 on Monday to Friday, Europe/Berlin"."""
        if isinstance(self._rule, ElapsedRule):
            words = self._rule.interval.explain()
        else:
            words = explain_fields(compiled(self.expr, self.schedule_id)[0])
        if self.timezone is not None:
            words += f", {self.timezone}"
        return words + explain_policy(self.gap, self.fold)

    def to_spec(self) -> Spec:
        """The rule as JSON values; with `schedule_id` or `anchor` only when the store has put one in."""
        spec = self.declared_spec()
        if self.schedule_id is not None:
            spec["schedule_id"] = self.schedule_id
        if self.anchor is not None:
            spec["anchor"] = write_instant(self.anchor)
        return spec

    def declared_spec(self) -> Spec:
        """The spec without the schedule's id and the anchor: what the user declared."""
        return {
            "kind": self.kind,
            "expr": self.expr,
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
        check_fields(spec, required=("expr",), optional=("timezone", "gap", "fold", "schedule_id", "anchor"))
        schedule_id = optional_text_field(spec, "schedule_id")
        anchor = optional_instant_field(spec, "anchor")
        trigger = cls.__new__(cls)
        try:
            trigger._fill(
                text_field(spec, "expr"),
                optional_text_field(spec, "timezone"),
                read_gap(spec.get("gap")),
                read_fold(spec.get("fold")),
                None if schedule_id is None else checked_source_id(schedule_id),
                anchor,
            )
        except TriggerError as error:
            raise (error if error.place else error.below("expr")) from None
        if trigger.schedule_id != schedule_id:
            raise TriggerError("trigger of kind 'cron': the field 'schedule_id' has no meaning without an H")
        if anchor is not None and trigger.anchor is None:
            raise TriggerError("trigger of kind 'cron': the field 'anchor' has no meaning without @every")
        return trigger

    def localized(self, zone_name: str) -> Cron:
        """This trigger in `zone_name` when it has no zone of its own, else itself.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self if self.timezone is not None else self._with(timezone=zone_name)

    def bound(self, schedule_id: str) -> Cron:
        """This trigger with each `H` chosen for the schedule of this id; without an `H`, itself.

        Raises:
            TriggerError: when the id is no text, or nearly nothing that `H` could choose ever comes.
        """
        if not self.is_hashed or schedule_id == self.schedule_id:
            return self
        return self._with(schedule_id=checked_source_id(schedule_id))

    def anchored(self, instant: datetime) -> Cron:
        """An `@every` counted from the whole second of `instant` unless it has an anchor; any other is itself.

        Raises:
            TriggerError: when `instant` is naive.
        """
        if not isinstance(self._rule, ElapsedRule) or self.anchor is not None:
            return self
        return self._with(anchor=self._rule.interval.anchored(instant).anchor)

    @property
    def is_hashed(self) -> bool:
        """Whether an `H` of the expression is hashed from the schedule's id."""
        return not isinstance(self._rule, ElapsedRule) and compiled(self.expr)[0].hashed

    def fields(self) -> CronFields | None:
        """What the expression's fields name; None for an `@every`, which has none."""
        return None if isinstance(self._rule, ElapsedRule) else compiled(self.expr, self.schedule_id)[0]

    def wall_rule(self) -> WallRule | None:
        """The calendar, the zone and the policy; None for an `@every`, and while an `H` has no schedule."""
        return self._rule if isinstance(self._rule, WallRule) else None

    def _with(self, **changed: Any) -> Cron:
        names = ("expr", "timezone", "gap", "fold", "schedule_id", "anchor")
        trigger = Cron.__new__(Cron)
        trigger._fill(**{name: getattr(self, name) for name in names} | changed)
        return trigger

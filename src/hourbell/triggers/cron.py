"""`Cron`: the times of the wall clock that a cron expression names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hourbell.triggers.cron_days import calendar_of
from hourbell.triggers.cron_explain import explain_fields, explain_policy
from hourbell.triggers.cron_fields import read_expression, tidy
from hourbell.triggers.dst import DstPolicy, Fold, Gap, dst_policy, read_fold, read_gap
from hourbell.triggers.instants import as_utc
from hourbell.triggers.spec import Spec, check_fields, optional_text_field, text_field
from hourbell.triggers.trigger import COUNT_CAP, Trigger, check_cap
from hourbell.triggers.wall_clock import next_fire, prev_fire
from hourbell.triggers.wall_count import count_fires
from hourbell.triggers.zones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hourbell.triggers.cron_calendar import CronCalendar


@dataclass(frozen=True, slots=True)
class Cron(Trigger):
    """The times that a cron expression names, in a time zone. The language is crontab(5)'s.

    Five fields (minute, hour, day of month, month, day of week), or six with the second first, or an alias such as
    `@daily`. Day of month and day of week: either may match when both are restricted (neither begins with `*`),
    else both must.

    When the clock changes for daylight saving, the rule is the one that Debian's cron(8) documents. An expression
    whose minute or hour begins with `*` follows the wall clock: in a repeated hour it runs in both, in a skipped
    one not at all. Any other runs once: times that are skipped run at the first instant after the gap (once,
    however many there are), repeated times run at their first occurrence. Changes of more than three hours are
    corrections of the clock and no daylight saving: there, everything follows the wall clock.

    Args:
        expr: the expression, at most 256 characters.
        timezone: an IANA name. None: the scheduler's own zone once it is stored, UTC until then.
        gap: `"next_valid"` or `"skip"`, in place of the default for times that are skipped.
        fold: `"first"`, `"second"` or `"both"`, in place of the default for times that are repeated.

    Raises:
        TriggerError: when anything is not understood (the message points at the place), or the date never comes.
    """

    kind: ClassVar[str] = "cron"

    expr: str
    timezone: str | None = None
    gap: Gap | None = None
    fold: Fold | None = None
    _calendar: CronCalendar = field(init=False, repr=False, compare=False)
    _zone: tzinfo = field(init=False, repr=False, compare=False)
    _policy: DstPolicy = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Read as written first, for the sake of the columns in messages; kept with single spaces.
        expr = tidy(self.expr)
        fields = read_expression(self.expr)
        gap, fold = read_gap(self.gap), read_fold(self.fold)
        # The class is frozen; this is the end of its constructor.
        object.__setattr__(self, "expr", expr)
        object.__setattr__(self, "_calendar", calendar_of(self.expr))
        object.__setattr__(self, "_zone", UTC if self.timezone is None else zone(self.timezone))
        policy = dst_policy(follows_wall_clock=fields.follows_wall_clock, gap=gap, fold=fold)
        object.__setattr__(self, "_policy", policy)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (in UTC), in the trigger's zone; None after the year 9998.

        Raises:
            TriggerError: when `instant` is naive.
        """
        return next_fire(self._calendar, self._zone, self._policy, as_utc(instant))

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire strictly earlier than `instant` (in UTC), in the trigger's zone; None before the year 2.

        Raises:
            TriggerError: when `instant` is naive.
        """
        return prev_fire(self._calendar, self._zone, self._policy, as_utc(instant))

    def count_between(self, start: datetime, end: datetime, cap: int = COUNT_CAP) -> int:
        """How many fires there are later than `start` and not later than `end`, at most `cap`.

        The work grows with the years between the two, not with the number of fires.

        Raises:
            TriggerError: when an instant is naive, or `cap` is not positive.
        """
        check_cap(cap)
        return count_fires(self._calendar, self._zone, self._policy, as_utc(start), as_utc(end), cap)

    def explain(self) -> str:
        """What the rule says, in plain English: "at 09:00 on Monday to Friday, Europe/Berlin"."""
        words = explain_fields(read_expression(self.expr))
        if self.timezone is not None:
            words += f", {self.timezone}"
        return words + explain_policy(self.gap, self.fold)

    def to_spec(self) -> Spec:
        """The rule as JSON values."""
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
        check_fields(spec, required=("expr",), optional=("timezone", "gap", "fold"))
        return cls(
            text_field(spec, "expr"),
            optional_text_field(spec, "timezone"),
            read_gap(spec.get("gap")),
            read_fold(spec.get("fold")),
        )

    def localized(self, zone_name: str) -> Cron:
        """This trigger in `zone_name` when it has no zone of its own, else itself.

        Raises:
            TriggerError: when there is no such zone.
        """
        return self if self.timezone is not None else Cron(self.expr, zone_name, self.gap, self.fold)

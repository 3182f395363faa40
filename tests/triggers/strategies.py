"""What the property tests draw: expressions that people might write, zones, and windows near changes of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from hourbell.errors import TriggerError
from hourbell.triggers import Cron
from hourbell.triggers.zones import zone_names
from triggers.brute_force import MONTHS, WEEKDAYS, changes_of

# Zones with something odd: half-hour and two-hour shifts, changes at midnight, skipped days, odd seconds, two changes
# within a month, an offset changed without daylight saving, a change of exactly three hours.
ODD_ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
    "America/Havana",
    "America/Asuncion",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "America/Caracas",
    "America/St_Johns",
    "Europe/Dublin",
    "Asia/Gaza",
    "UTC",
)


def fixed(examples: int) -> settings:
    """The same examples on every run and every machine."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, likely: tuple[int, ...], names: tuple[str, ...] = ()) -> str:
    pieces = draw(st.lists(pieces_of(low, high, likely, names), min_size=1, max_size=2))
    return ",".join(pieces)


def day_rules() -> st.SearchStrategy[str]:
    """What the day of the month may be beyond numbers."""
    return st.one_of(
        st.sampled_from(("L", "LW", "l", "lw", "?")),
        st.integers(0, 30).map("L-{}".format),
        st.integers(1, 31).map("{}W".format),
        st.tuples(st.integers(1, 31), st.integers(1, 31)).map("L,{0[0]}W,{0[1]}".format),
        st.tuples(st.integers(15, 31), st.integers(1, 14)).map("{0[0]}-{0[1]}".format),
    )


def weekday_rules() -> st.SearchStrategy[str]:
    """What the day of the week may be beyond numbers."""
    weekday = st.sampled_from((*WEEKDAYS, *(name.upper() for name in WEEKDAYS), *map(str, range(8))))
    rule = st.one_of(
        st.tuples(weekday, st.integers(1, 5)).map("{0[0]}#{0[1]}".format),
        weekday.map("{}L".format),
        st.tuples(weekday, weekday).map("{0[0]},{0[1]}L".format),
        st.tuples(weekday, weekday, weekday).map("{0[0]}#2,{0[1]}-{0[2]}/2".format),
        st.tuples(weekday, weekday).map("{0[0]}-{0[1]}".format),
    )
    return st.tuples(st.sampled_from(("", "+")), rule).map("".join) | st.just("?")


@st.composite
def pieces_of(draw: st.DrawFn, low: int, high: int, likely: tuple[int, ...], names: tuple[str, ...]) -> str:
    values = st.sampled_from(likely) | st.integers(low, high)
    form = draw(st.sampled_from(("*", "*/n", "a", "a", "a", "a-b", "a-b/n", "a/n", "b-a", "b-a/n")))
    first, second = sorted((draw(values), draw(values)))
    step = draw(st.integers(1, max(2, (high - low) // 2)))
    named = bool(names) and draw(st.booleans())
    text = {
        "*": "*",
        "*/n": f"*/{step}",
        "a": word(first, low, names, named=named),
        "a-b": f"{word(first, low, names, named=named)}-{word(second, low, names, named=False)}",
        "a-b/n": f"{first}-{second}/{step}",
        "a/n": f"{first}/{step}",
        "b-a": f"{second}-{first}",
        "b-a/n": f"{second}-{first}/{step}",
    }
    return text[form]


def word(value: int, low: int, names: tuple[str, ...], *, named: bool) -> str:
    return names[value - low] if named and value - low < len(names) else str(value)


@st.composite
def expressions(
    draw: st.DrawFn, *, with_seconds: bool = False, most_days: bool = False, likely_hours: tuple[int, ...] = (0, 2, 23)
) -> str:
    """A cron expression; with `most_days`, mostly one that runs on most of them."""
    seconds = [draw(fields(0, 59, (0, 30, 59)))] if with_seconds else []
    minutes = draw(fields(0, 59, (0, 1, 15, 29, 30, 31, 45, 59)))
    hours = draw(fields(0, 23, likely_hours))
    days = fields(1, 31, (1, 15, 28)) | day_rules()
    months = fields(1, 12, (3, 10), MONTHS)
    weekdays = fields(0, 6, (0, 6), WEEKDAYS) | st.sampled_from(("7", "5-7", "0-7", "1-7/2", "6-2")) | weekday_rules()
    dates = [
        draw(st.just("*") | st.just("*") | strategy if most_days else strategy) for strategy in (days, months, weekdays)
    ]
    expr = " ".join([*seconds, minutes, hours, *dates])
    assume(is_possible(expr))
    return expr


def is_possible(expr: str) -> bool:
    """Whether its dates ever come; what is refused for that is listed by a test of its own."""
    try:
        Cron(expr)
    except TriggerError as error:
        if "never comes" not in str(error):
            raise
        return False
    return True


@st.composite
def zones(draw: st.DrawFn) -> ZoneInfo:
    return ZoneInfo(draw(st.sampled_from(ODD_ZONES) | st.sampled_from(sorted(zone_names()))))


@dataclass(frozen=True)
class Case:
    """What to ask of a cron trigger."""

    expr: str
    zone: ZoneInfo
    start: datetime
    end: datetime


@st.composite
def cases(draw: st.DrawFn, length: timedelta, *, with_seconds: bool = False, zone: ZoneInfo | None = None) -> Case:
    """A stretch of this length, two of three around a change of the zone's offset, and an expression to list in it."""
    zone = zone or draw(zones())
    changes = changes_of(zone)
    back = timedelta(seconds=draw(st.integers(0, int(length.total_seconds()))))
    if changes and draw(st.sampled_from((True, True, False))):
        moment = draw(st.sampled_from(changes))
    else:
        moment = datetime(1970, 1, 2, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 24_800)))
    start = moment - back + timedelta(microseconds=draw(st.sampled_from((0, 0, 1, 999_999))))
    hour = moment.astimezone(zone).hour
    near = (hour, (hour + 1) % 24, (hour - 1) % 24)
    expr = draw(expressions(with_seconds=with_seconds, most_days=True, likely_hours=near))
    return Case(expr, zone, start, start + length)


policies = st.tuples(
    st.sampled_from((None, None, "next_valid", "skip")),
    st.sampled_from((None, None, "first", "second", "both")),
)

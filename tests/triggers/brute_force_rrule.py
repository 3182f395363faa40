"""Whether a recurrence rule names a local time: each of its parts asked on its own, as the standard words them."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = timedelta(days=1)


def named_by(rule: str, start: datetime, moment: datetime) -> bool:
    """A rule without BYSETPOS, COUNT and UNTIL."""
    parts = dict(part.split("=") for part in rule.split(";"))
    week_start = WEEKDAYS.index(parts.get("WKST", "MO"))
    frequency = parts["FREQ"]
    if distance(frequency, start, moment, week_start) % int(parts.get("INTERVAL", "1")):
        return False
    length = calendar.monthrange(moment.year, moment.month)[1]
    whole = 366 if calendar.isleap(moment.year) else 365
    yearday = moment.timetuple().tm_yday
    asked = {
        "BYMONTH": {moment.month},
        "BYMONTHDAY": {moment.day, moment.day - length - 1},
        "BYYEARDAY": {yearday, yearday - whole - 1},
        "BYWEEKNO": week_numbers(moment.date(), week_start),
        "BYHOUR": {moment.hour},
        "BYMINUTE": {moment.minute},
        "BYSECOND": {moment.second},
    }
    for name, values in asked.items():
        if name in parts and not values & {int(word) for word in parts[name].split(",")}:
            return False
    if "BYDAY" in parts:
        of_month = frequency == "MONTHLY" or "BYMONTH" in parts
        place, size = (moment.day, length) if of_month else (yearday, whole)
        day = WEEKDAYS[moment.weekday()]
        names = {day, f"{(place - 1) // 7 + 1}{day}", f"-{(size - place) // 7 + 1}{day}"}
        if not names & set(parts["BYDAY"].split(",")):
            return False
    return all(getattr(moment, name) == getattr(start, name) for name in left_to_start(parts)) and (
        frequency != "WEEKLY" or "BYDAY" in parts or moment.weekday() == start.weekday()
    )


def left_to_start(parts: dict[str, str]) -> list[str]:
    """What the rule does not say and takes from its start."""
    order = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
    level = order.index(parts["FREQ"])
    left = [
        name
        for place, name in enumerate(("second", "minute", "hour"))
        if level > place and f"BY{name.upper()}" not in parts
    ]
    if not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}:
        left += ["day"] if level >= order.index("MONTHLY") else []
        left += ["month"] if level == order.index("YEARLY") and "BYMONTH" not in parts else []
    return left


def distance(frequency: str, start: datetime, moment: datetime, week_start: int) -> int:
    """How many units of the frequency lie between the start and this time."""
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    match frequency:
        case "YEARLY":
            return moment.year - start.year
        case "MONTHLY":
            return (moment.year - start.year) * 12 + moment.month - start.month
        case "WEEKLY":
            return (first_of_week(moment.date(), week_start) - first_of_week(start.date(), week_start)).days // 7
        case "DAILY":
            return (moment.date() - start.date()).days
        case "HOURLY":
            return (moment.replace(minute=0, second=0) - start.replace(minute=0, second=0)) // hour
        case _:
            return (moment.replace(second=0) - start.replace(second=0)) // minute


def first_of_week(day: date, week_start: int) -> date:
    return day - (day.weekday() - week_start) % 7 * DAY


def week_numbers(day: date, week_start: int) -> set[int]:
    """The number of the day's week in the year that has most of it, from the front and from the back."""
    first = first_of_week(day, week_start)
    year = (first + 3 * DAY).year
    begin = first_of_week(date(year, 1, 1), week_start)
    weeks = [begin + n * 7 * DAY for n in range(55) if (begin + n * 7 * DAY + 3 * DAY).year == year]
    place = weeks.index(first)
    return {place + 1, place - len(weeks)}

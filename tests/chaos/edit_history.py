"""What clients were told about schedules that all of them edit, and whether all of that can be true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .recorded import RecordedRun

KEPT = ("args", "policies", "state", "note")
CHANGES: Mapping[str, frozenset[str]] = {
    "create": frozenset(KEPT),
    "patch": frozenset({"args", "policies"}),
    "pause": frozenset({"state", "note"}),
    "resume": frozenset({"state", "note"}),
}
# A request whose connection broke may still be carried out for a moment.
AFTERMATH = timedelta(seconds=2)
_NO_REVISION = (0, "")


@dataclass(frozen=True)
class Told:
    """An acknowledged edit: what the schedule was said to be then. ``base`` is the revision that it named."""

    action: str
    sent: datetime
    heard: datetime
    schedule: Mapping[str, Any]
    base: str | None = None

    @property
    def version(self) -> int:
        return int(self.schedule["revision"].partition("-")[0])

    @property
    def life(self) -> str:
        """Which schedule of this id it is: one that was removed and made again is another."""
        return str(self.schedule["revision"].partition("-")[2])


@dataclass(frozen=True)
class Lost:
    """An edit whose answer never came: it was carried out, or not."""

    action: str
    sent: datetime
    given_up: datetime


@dataclass
class History:
    """All that clients know of one schedule id."""

    told: list[Told] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def lives(self) -> dict[str, dict[int, Told]]:
        """Per life, one answer for each version: that of the edit which made it, as far as that can be told.

        A resume of what is not paused makes none, and only tells what there is.
        """
        found: dict[str, dict[int, Told]] = defaultdict(dict)
        for one in sorted(self.told, key=lambda told: (told.action == "resume", told.sent)):
            if one.action != "delete":
                found[one.life].setdefault(one.version, one)
        return found

    def newest(self) -> tuple[int, str]:
        """The last life, by when it was made, with the last version of it that anybody was told of."""
        places = [(int(one.life, 16), one.version, one.life) for one in self.told]
        return max(places)[1:] if places else _NO_REVISION

    def unsure(self, start: datetime, end: datetime) -> bool:
        """Something may have happened then that nobody was told of."""
        return any(one.sent < end and one.given_up + AFTERMATH > start for one in self.lost)


def check_edits(name: str, history: History) -> Iterable[str]:
    """Each version was made by one edit, on the version before it, and changed nothing but what it is about."""
    for versions in history.lives().values():
        for version, now in versions.items():
            before = versions.get(version - 1)
            if now.base is not None and now.base != f"{version - 1}-{now.life}":
                yield f"{name}: an edit of revision {now.base} was accepted as {now.schedule['revision']}"
            if before is None or (now.action == "resume" and before.schedule["state"] != "paused"):
                continue
            touched = CHANGES[now.action]
            for part in KEPT:
                if part not in touched and now.schedule[part] != before.schedule[part]:
                    yield f"{name}: {now.action} of {now.schedule['revision']} lost {part} {before.schedule[part]!r}"
    made = defaultdict(list)
    for one in history.told:
        if one.action in ("pause", "patch"):  # these always make a version
            made[one.life, one.version].append(one.action)
    yield from (f"{name}: version {place} was made by {actions}" for place, actions in made.items() if len(actions) > 1)


def check_end(name: str, history: History, stored: Mapping[str, Any] | None) -> Iterable[str]:
    """The last acknowledged edit is what is stored, unless one without an answer came after it."""
    version, life = history.newest()
    if stored is None:
        removed = any(one.action == "delete" and one.life == life for one in history.told)
        if version and not removed and not any(one.action == "delete" for one in history.lost):
            yield f"{name}: it is gone, and nobody removed it"
        return
    now = datetime.now(UTC)
    final = Told("read", now, now, stored)
    if final.life != life:
        if int(final.life, 16) < int(life or "0", 16):
            yield f"{name}: an older one than {version}-{life} is stored: {stored['revision']}"
        elif not any(one.action == "create" for one in history.lost):
            yield f"{name}: {stored['revision']} is stored, and nobody made it"
        return
    if any(one.action == "delete" and one.life == life for one in history.told):
        yield f"{name}: it was removed as {life}, and is still there"
    ahead = final.version - version
    if ahead < 0 or ahead > len(history.lost):
        yield f"{name}: {stored['revision']} is stored; {version}-{life} was acknowledged, {len(history.lost)} unsure"
    known = history.lives()[life].get(final.version)
    if known is not None and any(known.schedule[part] != stored[part] for part in KEPT):
        yield f"{name}: what is stored as {stored['revision']} is not what was acknowledged"


@dataclass(frozen=True)
class Quiet:
    """From the acknowledgement of a pause or removal to the moment at which somebody asked for something else."""

    name: str
    start: datetime
    end: datetime


def quiet_times(name: str, history: History, until: datetime) -> Iterable[Quiet]:
    """The stretches in which the schedule surely did not fire, as its clients know."""
    lives = history.lives()
    born = sorted((int(life, 16), min(one.sent for one in versions.values())) for life, versions in lives.items())
    for life, versions in lives.items():
        for version, one in versions.items():
            if one.schedule["state"] != "paused":
                continue
            after = versions.get(version + 1)
            ends = [after.sent] if after is not None else []
            ends += [gone.sent for gone in history.told if gone.action == "delete" and gone.life == life]
            if ends and one.heard < min(ends) and not history.unsure(one.heard, min(ends)):
                yield Quiet(name, one.heard, min(ends))
    for gone in history.told:
        if gone.action == "delete":
            end = min((sent for life, sent in born if life > int(gone.life, 16)), default=until)
            if gone.heard < end and not history.unsure(gone.heard, end):
                yield Quiet(name, gone.heard, end)


def check_quiet(quiet: Sequence[Quiet], runs: Sequence[RecordedRun]) -> Iterable[str]:
    """No fire was recorded to run while all was to be quiet."""
    fires = defaultdict(list)
    for run in runs:
        if run.origin == "fire" and run.reason not in ("paused", "removed", "missed", "coalesced"):
            fires[run.schedule_id].append(run.created_at)
    for one in quiet:
        for moment in fires[one.name]:
            if one.start < moment < one.end:
                yield f"{one.name}: fired at {moment}, quiet from {one.start} to {one.end}"

"""Many clients edit the same schedules over REST while nodes are killed: what is acknowledged is so, and stays so."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from .edit_history import History, Lost, Told, check_edits, check_end, check_quiet, quiet_times
from .fleet import Fleet, Group
from .kill_storm import killing
from .report import Report
from .site import Site, run_script
from .storm import complaints

LEASE = 3.0
PERIOD = 0.25
WEIGHTS = {"create": 3, "patch": 4, "pause": 3, "resume": 3, "trigger": 3, "delete": 1}
REFUSALS = frozenset({404, 409, 412})


@dataclass
class Clients:
    """What all of them have seen, by schedule and by key."""

    site: Site
    names: list[str]
    histories: defaultdict[str, History] = field(default_factory=lambda: defaultdict(History))
    runs_of_key: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    number: int = 0

    async def act(self, client: httpx.AsyncClient, until: datetime, pause: float) -> None:
        """One client: one request after the other, each on a connection that may break."""
        chance = self.site.random
        while datetime.now(UTC) < until:
            (action,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            name = chance.choice(self.names)
            if action == "trigger":
                await self.trigger(client, name)
            else:
                await self.edit(client, action, name)
            await asyncio.sleep(chance.uniform(0, 2 * pause))

    async def edit(self, client: httpx.AsyncClient, action: str, name: str) -> None:
        """Ask for an edit and note what was answered, or that nothing was."""
        method, path, body = self.request(action, name)
        told = self.histories[name].told
        base = told[-1].schedule["revision"] if told and action == "patch" and self.number % 2 else None
        headers = {"If-Match": f'"{base}"'} if base is not None else {}
        sent = datetime.now(UTC)
        try:
            options: dict[str, Any] = {} if body is None else {"json": body}
            answer = await client.request(method, path, headers=headers, **options)
        except httpx.HTTPError:
            self.lose(name, action, sent)
            return
        self.answers[f"{action} {answer.status_code}"] += 1
        if answer.is_success:
            self.histories[name].told.append(Told(action, sent, datetime.now(UTC), answer.json(), base))
        elif answer.status_code == 503:  # a commit whose answer was lost is told as this too
            self.lose(name, action, sent)
        elif answer.status_code not in REFUSALS:
            self.problems.append(f"{action} of {name} was answered {answer.status_code}: {answer.text[:200]}")

    def lose(self, name: str, action: str, sent: datetime) -> None:
        """Nobody knows whether this was done."""
        self.answers["no answer"] += 1
        self.histories[name].lost.append(Lost(action, sent, datetime.now(UTC)))

    def request(self, action: str, name: str) -> tuple[str, str, Any]:
        """Method, path and body. What is written is never written twice."""
        self.number += 1
        path = f"/schedules/{name}"
        if action == "create":
            trigger = {"kind": "every", "seconds": PERIOD}
            policies = {"overlap": "allow", "catch_up": "skip", "priority": self.number % 100}
            return "POST", "/schedules", {"task": "quick", "id": name, "trigger": trigger, "policies": policies}
        if action == "patch":
            return "PATCH", path, {"policies": {"timeout": float(self.number)}}
        if action == "pause":
            return "POST", f"{path}/pause", {"note": f"pause {self.number}"}
        return ("DELETE", path, None) if action == "delete" else ("POST", f"{path}/resume", None)

    async def trigger(self, client: httpx.AsyncClient, name: str) -> None:
        """Ask for a run, again and again under one key until there is an answer; others ask under it too."""
        key = f"{name}-{self.number // 7}"
        for _ in range(5):
            try:
                answer = await client.post(f"/schedules/{name}/trigger", json={"key": key})
            except httpx.HTTPError:
                continue
            self.answers[f"trigger {answer.status_code}"] += 1
            if answer.status_code == 201:
                self.runs_of_key[key].add(answer.json()["id"])
            if answer.status_code != 503:
                return


async def scenario(
    site: Site, *, seconds: float = 120, clients: int = 50, schedules: int = 20, workers: int = 4, every: float = 3.0
) -> Report:
    """Half of what is left at the end is paused, half removed: nothing fires after that."""
    report = site.report(f"edits, {clients} clients on {schedules} schedules, {workers} nodes")
    with Fleet(site.folder) as fleet:
        group = fleet.start(site.blueprint(settings={"lease": LEASE}, is_open=True), workers=workers)
        await site.until_live(workers)
        crowd = Clients(site, [f"shared-{number:02}" for number in range(schedules)])
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        killer = asyncio.create_task(killing(site, fleet, until, every))
        async with connected(group) as client:
            await asyncio.gather(*(crowd.act(client, until, clients / 100) for _ in range(clients)))
        kills = await killer
        await site.until_live(workers)
        await finale(crowd, group)
        await fleet.stop()
    recorded = await site.tables.all()
    for name, history in crowd.histories.items():
        report.add(check_edits(name, history))
    report.add(crowd.problems)
    quiet = [one for name, history in crowd.histories.items() for one in quiet_times(name, history, datetime.now(UTC))]
    report.add(check_quiet(quiet, recorded.runs))
    doubled = {key: runs for key, runs in crowd.runs_of_key.items() if len(runs) > 1}
    report.require(not doubled, f"keys with several runs: {doubled}")
    keys = Counter(run.key for run in recorded.runs if run.key is not None)
    report.require(max(keys.values(), default=0) <= 1, f"keys with several rows: {keys.most_common(3)}")
    tell(report, crowd, sum((one.end - one.start).total_seconds() for one in quiet))
    report.figure("kills", len(kills))
    report.figure("stretches that had to be quiet", len(quiet))
    report.figure("fires that ran", sum(run.origin == "fire" and run.state != "skipped" for run in recorded.runs))
    complaints(report, site, fleet)
    return report


def connected(group: Group) -> httpx.AsyncClient:
    """What all clients share: each request takes a connection for itself."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    return httpx.AsyncClient(base_url=f"{group.url}/hourbell", timeout=10, limits=limits)


async def finale(crowd: Clients, group: Group) -> None:
    """Compare what is stored with what was acknowledged; then silence everything and listen."""
    async with connected(group) as client:
        await asyncio.sleep(LEASE)  # what was asked for when its node was killed has been done by now, or never will be
        for name in crowd.names:
            answer = await client.get(f"/schedules/{name}")
            stored = answer.json() if answer.status_code == 200 else None
            crowd.problems += check_end(name, crowd.histories[name], stored)
        for place, name in enumerate(crowd.names):
            await crowd.edit(client, "pause" if place % 2 else "delete", name)
        silent_from = datetime.now(UTC)
        await asyncio.sleep(6 * PERIOD)
        found = await crowd.site.tables.all()
        late = [run.schedule_id for run in found.runs if run.origin == "fire" and run.created_at > silent_from]
        crowd.problems += [f"{name} fired after everything was silenced" for name in sorted(set(map(str, late)))]


def tell(report: Report, crowd: Clients, quiet: float) -> None:
    """What was asked for, and what came of it. A storm in which nothing happened proves nothing."""
    report.figure("answers", ", ".join(f"{what}: {count}" for what, count in sorted(crowd.answers.items())))
    report.figure("seconds of quiet judged", quiet)
    report.figure("keys", len(crowd.runs_of_key))
    for needed in ("create 201", "patch 200", "patch 412", "pause 200", "resume 200", "delete 200", "trigger 201"):
        report.require(crowd.answers[needed] > 0, f"nobody was ever answered {needed}")
    report.require(quiet > 0, "there was no quiet to be judged")


if __name__ == "__main__":
    run_script([scenario])

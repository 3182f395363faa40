"""One run of the suite: what was asked for on the command line, and who can be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console

from benchmarks.frame.contenders import HOURBELL, Contender
from benchmarks.frame.databases import Databases
from benchmarks.frame.environments import NodeHome, NotInstalled
from benchmarks.frame.figures import Goal
from benchmarks.frame.interpreters import version_of
from benchmarks.frame.machine import facts, load
from benchmarks.frame.program import ProgramFailed
from benchmarks.frame.report import Report

Size = Literal["small", "full"]


@dataclass(slots=True)
class Wanted:
    """What the command line says."""

    size: Size = "full"
    runs: int = 5
    peers: bool = False
    only: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    minutes: float = 15.0
    goals: bool = False

    def sized(self, small: int, full: int) -> int:
        return full if self.size == "full" else small

    def chosen(self, variants: Sequence[str], goals: Sequence[Goal] = ()) -> list[str]:
        """Those of the variants that are asked for: all, unless some are named, by their name or a part of it, or only
        those that a goal is about."""
        named = {goal.variant for goal in goals} | {goal.per for goal in goals}
        # A whole name is not meant as a part of others.
        parts = [one for one in self.variants if one not in variants]
        found = [one for one in variants if one in self.variants or any(part in one for part in parts)]
        found = found if self.variants else list(variants)
        return [one for one in found if one in named] if self.goals else found


@dataclass(slots=True)
class Run:
    """What a workload is given: the wishes, a server, a place for what it finds, and somebody to tell."""

    wanted: Wanted
    databases: Databases
    console: Console
    report: Report
    present: list[Contender] = field(default_factory=list)

    def gather(self, peers: Sequence[Contender]) -> None:
        """Find out who can be measured, Hourbell first. Who cannot is reported as not run, with the reason."""
        self.report.facts |= facts()
        for contender in (HOURBELL, *(peers if self.wanted.peers else ())):
            if self.wanted.only and contender.key not in self.wanted.only:
                continue
            self.report.contenders[contender.key] = contender.title
            try:
                version = contender.version()
            except NotInstalled as problem:
                self.not_run(contender, str(problem))
                continue
            remark = f" ({contender.remark})" if contender.remark else ""
            self.report.contenders[contender.key] = f"{contender.title} {version}{remark}"
            self.present.append(contender)

    def chosen(self, variants: Sequence[str]) -> list[str]:
        """Those of the variants that are asked for."""
        return self.wanted.chosen(variants, self.report.goals)

    def not_run(self, contender: Contender, reason: str, variant: str = "") -> None:
        """Say that there are no figures, and why."""
        key = f"{contender.key}: {variant}" if variant else contender.key
        self.report.contenders.setdefault(key, f"{contender.title}, {variant}" if variant else contender.title)
        self.report.not_run[key] = reason
        self.say(f"not run: {contender.title} {variant}: {reason}")

    def fails(self, contender: Contender, variant: str, problem: ProgramFailed | AssertionError) -> None:
        """A contender that could not do its work gets no figure; when it is Hourbell, that is an error of ours."""
        if contender is HOURBELL:
            raise problem
        lines = str(problem).splitlines()
        self.not_run(contender, " … ".join(dict.fromkeys((lines[0], lines[-1]))), variant)

    def say(self, text: str) -> None:
        self.console.print(f"  · {text}", markup=False, highlight=False)

    def finish(self) -> Report:
        wanted = self.wanted
        for home in (one.home for one in self.present):
            if isinstance(home, NodeHome):
                self.report.facts["Node"] = version_of(str(home.node()))
        self.report.facts |= load("after") | {
            "PostgreSQL": f"{self.databases.version}, fsync and synchronous_commit on",
            "size": wanted.size,
            "runs": f"{wanted.runs}, interleaved",
        }
        return self.report

"""The page of results: made from the record of the last long run, never by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .entry import Entry, Group
from .peers import PEERS, Said
from .registry import all_entries
from .results import NOT_RUN, PASSED, Result, read_results

_REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = _REFERENCE / "results.md"
RECORD = _REFERENCE / "results.json"

_NAMES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}

_HEAD = """# What was broken, and what came of it

<!-- Made by `python -m tests.chaos --page` from results.json. Do not edit: a test compares the two. -->

Each scenario breaks something while real processes work, and compares three things afterwards: the fires that there had
to be, what is recorded, and what the bodies themselves wrote into files that a `kill -9` leaves alone. In each of them
**no fire may be lost or recorded twice, no run may succeed twice, nothing may be left undone, and no process may say
anything in its log that it should not have to say**; the tables name the limits beyond that. What a machine lacks is
told as not run, never as passed. The seed repeats what was left to chance, not the timing of the machine. Beside our
own results stands what others document for the same kind of fault; where nothing stands, we have not found anything.

```text
python -m tests.chaos --list                     what there is
python -m tests.chaos --long                     all of it, into results.json
python -m tests.chaos --only kill_storm --on postgres --seed 7
```

"""

_PEERS = """
### What others document

From their own documentation, in our words; none of it was measured here.

"""


def write_page(record: Path = RECORD) -> int:
    """Make the page and answer how many results it tells."""
    results = read_results(record)
    PAGE.write_text(page_of(results), encoding="utf-8")
    return len(results)


def page_of(results: Sequence[Result]) -> str:
    """The whole page."""
    found = {(one.name, one.on): one for one in results}
    entries = all_entries()
    lines = [_HEAD + "\n".join(_summary(entries, found))]
    for group in Group:
        own = [entry for entry in entries if entry.group == group]
        said = [one for one in PEERS if one.group == group]
        if own:
            lines.append(f"\n## {group[0].upper()}{group[1:]}\n")
            lines += [
                "| scenario | what was done, and its limits | figures | verdict | with |",
                "|---|---|---|---|---|",
            ]
            lines += [_row(entry, kind, found.get((entry.name, kind))) for entry in own for kind in entry.databases]
        if own and said:
            lines.append(_PEERS + "\n".join(_peers(said)))
    return "\n".join(lines) + "\n"


def _summary(entries: Sequence[Entry], found: dict[tuple[str, str], Result]) -> Iterator[str]:
    wanted = [(entry.name, kind) for entry in entries for kind in entry.databases]
    told = [found[one] for one in wanted if one in found]
    ran = [one for one in told if one.verdict != NOT_RUN]
    passed = sum(one.verdict == PASSED for one in ran)
    yield (
        f"Of {len(wanted)} scenarios (each database counts), {len(ran)} were run: {passed} passed, "
        f"{len(ran) - passed} failed. {len(wanted) - len(ran)} were not run."
    )
    if ran:
        days, cores = sorted(one.date.split()[0] for one in ran), sorted({one.cores or 0 for one in ran})
        when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        yield f"Date: {when}; cores: {', '.join(map(str, cores))}; {sum(one.seconds for one in ran) / 60:.0f} minutes."


def _row(entry: Entry, kind: str, result: Result | None) -> str:
    name = f"`{entry.name}` {_NAMES[kind]}"
    done = f"{entry.done}<br>*{entry.judged}*"
    if result is None or result.verdict == NOT_RUN:
        why = result.why if result is not None and result.why else "not yet"
        return f"| {name} | {_cell(done)} | | not run: {_cell(why)} | |"
    figures = "<br>".join(f"{what}: {value}" for what, value in result.figures if what != "seed")
    problems = "".join(f"<br>{problem}" for problem in result.problems)
    versions = ", ".join(f"{what} {value}" for what, value in result.versions.items())
    given = ", ".join(f"{what} {value}" for what, value in result.arguments.items()) or "as it is"
    about = f"seed {result.seed}<br>{result.date}<br>{result.form} form: {given}<br>"
    about += f"{result.seconds:.0f} s, {result.cores} cores, load {result.load} at its begin<br>{versions}"
    return f"| {name} | {_cell(done)} | {_cell(figures)} | **{result.verdict}**{_cell(problems)} | {_cell(about)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _peers(said: Sequence[Said]) -> Iterator[str]:
    yield "| who | what they say | where |"
    yield "|---|---|---|"
    for one in said:
        yield f"| {one.who} | {_cell(one.what)} | [{one.where.split('/')[2]}]({one.where}) |"

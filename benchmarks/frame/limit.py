"""The limit: our own statements by pgbench, with nothing around them. One client claims 500 runs and settles them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.frame.program import ProgramFailed
from hourbell.store import statements
from hourbell.testing.postgres_binaries import find_binaries

BATCH = 500
SETTINGS = ("jit=off", "enable_seqscan=off", "plan_cache_mode=force_generic_plan")
"""What a node's sessions tell the planner, so that it plans for pgbench as it does for them."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_NODE = "'pgbench'"


def drained(url: str, runs: int) -> dict[str, float]:
    """Drain a filled database of Hourbell's, whose node ``pgbench`` is live, and answer rows a second."""
    assert runs % BATCH == 0, f"{runs} runs do not make whole batches of {BATCH}"
    program = find_binaries().program("pgbench")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claim_and_settle.sql"
        file.write_text(script(), encoding="utf-8")
        given = [word for name, value in variables().items() for word in ("-D", f"{name}={value}")]
        how = ["-n", "-c", "1", "-M", "prepared", *given, "-t", str(runs // BATCH)]
        command = [str(program), *how, "-f", str(file), url]
        told = {"PGOPTIONS": " ".join(f"-c {setting}" for setting in SETTINGS)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **told})
    found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or found is None:
        raise ProgramFailed(f"pgbench failed; it said: {(done.stderr or done.stdout)[-1500:]}")
    return {"rate": float(found[1]) * BATCH}


def variables() -> dict[str, str]:
    """What the script begins with. The columns of a settlement are parameters, as a node's are: of a constant the
    planner would count the elements, and read the whole table to meet them."""
    return {
        "since": "-infinity",
        "attempts": _many("1"),
        "begun": _many("1767225600.0"),
        "ended": _many("1767225601.0"),
    }


def script() -> str:
    """Our claim, and our settlement of what it took, as pgbench reads them."""
    known = statements.load("postgres", "hourbell", numbered=False)
    claim = written(known["claiming.claim"].text, _claiming())
    settle = written(known["settling.succeed"].text, _settling())
    return f"{answering_ids(claim)} \\gset\n{settle};\n"


def answering_ids(claim: str) -> str:
    """The claim with one row for an answer, the ids and where the next one begins: pgbench keeps no rows for its next
    statement. What it answers stands in its last SELECT; the statement itself may not stand in another, since it
    writes."""
    before, _, last = claim.rpartition("\nSELECT ")
    _, _, source = last.partition("\nFROM ")
    if not before or "written w" not in source:
        raise ProgramFailed(
            "the claim no longer ends with SELECT …, w.* FROM … written w: see benchmarks/frame/limit.py"
        )
    ids = "array_agg(w.id) FILTER (WHERE w.id IS NOT NULL)::text"
    return f"{before}\nSELECT {ids} AS ids, max(w.run_at)::text AS since\nFROM {source}"


def written(text: str, values: dict[str, str]) -> str:
    """The statement with SQL in place of its parameters. Raises ProgramFailed when it has one that is not known."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ProgramFailed(f"parameter {match[1]!r} is not known: see benchmarks/frame/limit.py")
        return values[match[1]]

    return _PARAMETER.sub(value, text)


def _claiming() -> dict[str, str]:
    """As a node asks that has a backlog before it: each claim begins where the one before it ended (``since``)."""
    return {
        "node": _NODE,
        "claim_id": "'pgbench'",
        "now": "NULL::timestamptz",
        "since": ":since",
        "until": "NULL",
        "limit": str(BATCH),
        "slots": str(BATCH),
        "tasks": "'{body}'",
        "rooms": f"'{{{BATCH}}}'",
        "queues": "NULL",
        "suspects": "0",
        "all_suspects": "0",
        "limited": "'{}'",
        "names": "'{}'",
        "mosts": "'{}'",
    }


def _settling() -> dict[str, str]:
    """As a node would say it of bodies that succeeded. ``ids`` is the variable that the claim has left."""
    return {
        "ids": ":ids",
        "node": _NODE,
        "now": "NULL::timestamptz",
        "attempts": ":attempts",
        "result": "NULL",
        "started": ":begun",
        "finished": ":ended",
    }


def _many(value: str) -> str:
    return f"{{{','.join([value] * BATCH)}}}"

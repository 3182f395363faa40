"""Histories at length: ``python -m tests.statemachine --on postgres --examples 2000``; the seed is printed first.

The same again: ``--seed`` with that number. What is found is shown as the shortest history that shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hourbell.testing.postgres_server import PostgresServer
from statemachine.trial import memory, postgres, sqlite, try_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=("memory", "sqlite", "postgres"), default="memory")
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--as-found", action="store_true", help="do not make what is found shorter")
    wanted = parser.parse_args()
    chosen = secrets.randbelow(1_000_000) if wanted.seed is None else wanted.seed
    print(f"seed {chosen}", flush=True)
    began = time.monotonic()
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        if wanted.on == "postgres":
            server = stack.enter_context(PostgresServer(durable=False))
            emptied = stack.enter_context(postgres(runner, server.create_database("statemachine")))
        else:
            emptied = stack.enter_context((memory if wanted.on == "memory" else sqlite)(runner))
        try_out(
            runner, emptied, examples=wanted.examples, steps=wanted.steps, chosen=chosen, shrink=not wanted.as_found
        )
    seconds = time.monotonic() - began
    print(f"{wanted.examples} histories of {wanted.steps} steps on {wanted.on} in {seconds:.0f} s, none wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What pgbench is given are our statements as they stand, whole."""

from __future__ import annotations

import re

import pytest

from benchmarks.frame import limit
from benchmarks.frame.program import ProgramFailed
from hourbell.store import statements


def test_every_parameter_has_a_value() -> None:
    script = limit.script()
    assert set(re.findall(r"(?<![:\w]):([a-z_]+)", script)) == {"ids", *limit.variables()}
    assert script.count("\\gset") == 1
    assert "UPDATE" in script.partition("\\gset")[0]
    assert "UPDATE" in script.partition("\\gset")[2]


def test_only_the_answer_of_the_claim_is_another() -> None:
    claim = statements.load("postgres", "hourbell", numbered=False)["claiming.claim"].text
    told = limit.answering_ids(claim)
    assert told.startswith(claim.rpartition("\nSELECT ")[0])
    assert told.endswith(claim.rpartition("\nFROM ")[2])


def test_a_new_parameter_is_not_passed_over() -> None:
    with pytest.raises(ProgramFailed, match="novelty"):
        limit.written("SELECT :limit::integer, :novelty::text", {"limit": "1"})


def test_another_claim_is_not_taken_for_ours() -> None:
    with pytest.raises(ProgramFailed, match="no longer ends"):
        limit.answering_ids("SELECT 1")


def test_pgbench_plans_as_a_node_does() -> None:
    known = statements.load("postgres", "hourbell", numbered=False)
    said = "".join(known[f"transaction.{name}"].text for name in ("session", "plan_once")).replace(" = ", "=")
    for setting in limit.SETTINGS:
        assert f"SET {setting}" in said

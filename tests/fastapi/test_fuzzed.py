"""The whole document, fuzzed: no server error, no answer that breaks its schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fastapi.fuzzing import fuzz

SEED = "20300101"


@pytest.mark.slow
def test_no_request_breaks_the_document(postgres_url: str, tmp_path: Path) -> None:
    options = ("--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--seed", SEED)
    fuzzed = fuzz(postgres_url, tmp_path, options)
    assert fuzzed.code == 0, fuzzed.said[-8_000:]
    assert fuzzed.tested >= 24
    assert fuzzed.cases > 500
    # Bodies that raise are told; nothing else may.
    assert "Exception in ASGI application" not in fuzzed.log, fuzzed.log

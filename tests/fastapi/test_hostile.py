"""A hostile client is refused in every way, imports nothing, and holds up no schedule."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.fastapi.fuzzing import served
from tests.fastapi.hostility import CANARY, attacks, send

SCHEDULES = 20


@pytest.mark.slow
def test_a_hostile_client_gets_nothing_and_stops_nothing(postgres_url: str, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    (tmp_path / f"{CANARY}.py").write_text(f"open({str(touched)!r}, 'w').close()\ndef f(): ...\n", encoding="utf-8")
    with served("hostile_app:app", postgres_url, tmp_path) as (address, log):
        answers = send(address, attacks())
        let_in = [(one.attack.name, one.status) for one in answers if not 400 <= one.status < 500]
        assert not let_in
        assert len(answers) > 150
        # Its words are in no list, and what was there is as it was.
        schedules = httpx.get(f"{address}/hourbell/schedules?limit=500").json()["items"]
        assert [one["revision"].partition("-")[0] for one in schedules] == ["1"] * SCHEDULES
        fired(address)
        assert "Traceback" not in log.read_text(encoding="utf-8")
        assert "\x1b" not in log.read_text(encoding="utf-8")
    assert not touched.exists()


def fired(address: str) -> None:
    """Each second of each schedule has a run of its own, and none was missed."""
    patience = time.monotonic() + 60
    while True:
        fires = recorded_fires(address)
        if len(fires) == SCHEDULES and all(len(moments) > 1 for moments in fires.values()):
            break
        assert time.monotonic() < patience, f"after a minute two fires are not recorded of each schedule: {fires}"
        time.sleep(0.5)
    for moments in fires.values():
        assert {later - earlier for earlier, later in pairwise(sorted(moments))} == {timedelta(seconds=1)}


def recorded_fires(address: str) -> dict[str, set[datetime]]:
    """When each schedule has fired, from the runs that are listed: all of them by fires, none skipped."""
    fires = defaultdict(set)
    cursor = ""
    while True:
        page = httpx.get(f"{address}/hourbell/runs?limit=500{cursor}", timeout=60).json()
        for run in page["items"]:
            assert (run["origin"], run["reason"]) == ("fire", None), run
            fires[run["schedule_id"]].add(datetime.fromisoformat(run["fire_at"]))
        if page["next_cursor"] is None:
            return fires
        cursor = f"&cursor={page['next_cursor']}"

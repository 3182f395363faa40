"""The short form of every scenario. The long forms are run by hand: ``python -m tests.chaos.kill_storm --help``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos import (
    bad_bodies,
    beside,
    clutches,
    deploy,
    doubt,
    edits,
    effects,
    fire_storm,
    freeze,
    guards,
    havoc,
    idle,
    kill_storm,
    limits,
    long_bodies,
    nearby,
    outage,
    overlaps,
    partition,
    pooled,
    restart,
)
from chaos.report import Report
from chaos.site import KINDS, NotRun, Scenario, Site
from hourbell.testing.postgres_server import PostgresServer

pytestmark = [pytest.mark.bare, pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(180)]

on_both = pytest.mark.parametrize("kind", KINDS)
# These say how soon something happens, or what it costs. The others count only: beside each other they are as true.
alone = pytest.mark.alone
# A shared machine may stand still for a moment; the exact figures are those of the long form.
SLACK = 5.0


@pytest.fixture
def site(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    if kind == "sqlite":
        return Site(f"sqlite:///{request.getfixturevalue('sqlite_path')}", tmp_path)
    return Site(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
def own_site(own_postgres_server: PostgresServer, tmp_path: Path) -> Site:
    return Site(own_postgres_server.create_database("chaos"), tmp_path, server=own_postgres_server)


async def without_problem(scenario: Scenario, site: Site, **given: Any) -> Report:
    try:
        report = await scenario(site, **given)
    except NotRun as reason:
        pytest.skip(f"not run: {reason}")
    print(report)
    assert not report.problems, str(report)
    return report


@on_both
async def test_each_fire_is_recorded_and_run_once(site: Site) -> None:
    await without_problem(fire_storm.scenario, site, seconds=3, workers=2)


@on_both
async def test_each_fire_is_a_run_or_covered_by_a_skip(site: Site) -> None:
    await without_problem(fire_storm.scenario, site, seconds=3, workers=2, counting=False)


@alone
@on_both
async def test_nothing_is_lost_or_doubled_while_processes_are_killed(site: Site) -> None:
    workers = 3 if site.kind == "SQLite" else 2  # of each of the two command lines that there are on PostgreSQL
    await without_problem(kill_storm.scenario, site, seconds=7, schedules=60, workers=workers, slack=SLACK)


@on_both
async def test_neighbours_of_the_killed_do_not_wait_for_their_lease(site: Site) -> None:
    await without_problem(nearby.scenario, site, seconds=7, schedules=60, workers=4, slack=SLACK)


@pytest.mark.parametrize("kind", ["postgres"])
async def test_an_effect_happens_once_while_processes_are_killed(site: Site) -> None:
    await without_problem(effects.scenario, site, seconds=9, schedules=20, workers=3, pause=0.5)


@on_both
async def test_what_is_acknowledged_to_many_editors_is_so(site: Site) -> None:
    await without_problem(edits.scenario, site, seconds=5, clients=20, schedules=5, workers=2, every=2)


@alone
@on_both
async def test_bad_bodies_hurt_no_good_ones(site: Site) -> None:
    await without_problem(bad_bodies.scenario, site, seconds=9, good=10, slack=SLACK)


@on_both
async def test_chance_finds_no_way_to_lose_or_double(site: Site) -> None:
    await without_problem(havoc.scenario, site, seconds=8, schedules=40)


@on_both
async def test_limits_are_kept_while_processes_are_killed(site: Site) -> None:
    await without_problem(limits.under_kills, site, runs=400, every=1.5)


@on_both
async def test_work_that_two_nodes_are_woken_for_is_done_once(site: Site) -> None:
    await without_problem(guards.once, site, seconds=1, tries=100)


@on_both
async def test_a_lock_has_one_holder_while_holders_are_killed_and_stopped(site: Site) -> None:
    await without_problem(guards.lock, site, seconds=1, processes=4)


@on_both
async def test_runs_take_turns_while_processes_are_killed(site: Site) -> None:
    await without_problem(overlaps.scenario, site, seconds=6)


@alone
@on_both
async def test_a_node_frozen_in_a_body_is_replaced(site: Site) -> None:
    await without_problem(freeze.in_body, site)


@alone
@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_node_frozen_in_a_fire_holds_nobody_up(site: Site) -> None:
    await without_problem(freeze.in_fire, site)


@alone
@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_body_of_many_leases_starts_once(site: Site) -> None:
    await without_problem(long_bodies.patient, site, seconds=7)


@alone
@on_both
async def test_a_blocked_event_loop_delays_no_fire(site: Site) -> None:
    await without_problem(long_bodies.blocked, site)


@alone
async def test_everybody_outlives_an_outage_of_the_database(own_site: Site) -> None:
    await without_problem(outage.scenario, own_site, seconds=8)


@alone
@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_locked_table_holds_nobody_up_for_longer_than_it_is_locked(site: Site) -> None:
    await without_problem(clutches.locked, site, tables="nodes")


@alone
async def test_a_node_that_is_cut_off_is_replaced_and_comes_back(own_site: Site) -> None:
    await without_problem(partition.cut_off, own_site)


async def test_behind_a_real_pooler_nothing_is_lost_while_processes_are_killed(own_site: Site) -> None:
    await without_problem(pooled.kills, own_site, seconds=7, every=2)


@alone
@pytest.mark.parametrize("kind", ["postgres"])
async def test_commits_whose_answers_are_lost_are_done_once(site: Site) -> None:
    await without_problem(doubt.scenario, site, commits=40, seconds=6, schedules=20, slack=0.5)


@pytest.mark.parametrize("kind", ["postgres"])
async def test_first_starts_at_once_make_one_of_everything(site: Site) -> None:
    await without_problem(beside.first_starts, site)


@alone
@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_deploy_hands_bodies_on(site: Site) -> None:
    await without_problem(deploy.scenario, site, seconds=4, drain=1)


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_second_signal_ends_at_once(site: Site) -> None:
    await without_problem(deploy.again_without_request, site)


@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_restart_keeps_everything(site: Site) -> None:
    await without_problem(restart.scenario, site, seconds=2)


@alone
@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_reload_doubles_nothing(site: Site) -> None:
    await without_problem(restart.reload, site, seconds=6, touches=3)


@pytest.mark.parametrize("kind", ["postgres"])
async def test_a_schedule_taken_out_of_the_code_stops_and_says_so(site: Site) -> None:
    await without_problem(restart.undeclared, site, seconds=2)


@alone
@on_both
async def test_an_idle_application_costs_next_to_nothing(kind: str, tmp_path: Path, request: Any) -> None:
    # A statement more or less weighs much in so short a time; the long form has the limit itself.
    given = {"seconds": 8, "most_cpu": 0.1, "most_statements": 1.5}
    if kind == "postgres":
        # Its statistics are of the whole server.
        await without_problem(idle.scenario, request.getfixturevalue("own_site"), **given)
    else:
        await without_problem(idle.scenario, Site(f"sqlite:///{tmp_path / 'hourbell.db'}", tmp_path), **given)

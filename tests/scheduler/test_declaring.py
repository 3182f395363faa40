"""Decorators: what they register, what they declare, what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourbell import At, Cron, Every, InvalidArguments, Retry, Scheduler, Task, TriggerError
from hourbell.model.schedule import Declaration


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler("memory://", timezone="Europe/Berlin", grace=60)


def declared(scheduler: Scheduler) -> dict[str, Declaration]:
    """What a node would declare, by id."""
    core = scheduler._core
    return {said.id: core.declaration_of(said) for said in core.declared.values()}


def nothing() -> None: ...


async def asynchronous(a: int = 1) -> int:
    return a


def test_a_task_with_and_without_brackets(scheduler: Scheduler) -> None:
    bare = scheduler.task(nothing)
    named = scheduler.task(name="n", aliases=["old"], retry=2)(asynchronous)
    assert isinstance(bare, Task)
    assert bare() is None
    assert (named.name, named.aliases, named.policies["retry"]["attempts"]) == ("n", ("old",), 2)
    assert declared(scheduler) == {}


def test_each_decorator_declares_its_trigger(scheduler: Scheduler) -> None:
    scheduler.cron("0 9 * * *", id="c")(nothing)
    scheduler.every(minutes=10, id="e")(asynchronous)
    named = scheduler.at(datetime(2030, 1, 1, tzinfo=UTC), id="a")(lambda_named(scheduler))
    scheduler.cron(hour=9, minute=0, day_of_week="0-4", gap="skip", id="k")(named)
    said = declared(scheduler)
    assert said["c"].trigger == Cron("0 9 * * *", timezone="Europe/Berlin")
    assert said["k"].trigger == Cron("0 9 * * mon-fri", timezone="Europe/Berlin", gap="skip")
    assert said["e"].trigger == Every(minutes=10)
    assert isinstance(said["a"].trigger, At)
    assert said["c"].task.endswith(":nothing")


def lambda_named(scheduler: Scheduler) -> Any:
    return scheduler.task(name="l")(lambda: None)


def test_decorators_stack(scheduler: Scheduler) -> None:
    @scheduler.cron("0 9 * * *", id="morning", args={"a": 1}, overlap="allow")
    @scheduler.every(hours=1)
    @scheduler.task(name="report", timeout=5)
    def report(a: int = 0) -> int:
        return a

    said = declared(scheduler)
    assert set(said) == {"morning", "report"}
    assert {one.task for one in said.values()} == {"report"}
    assert (said["morning"].args, said["morning"].policies) == ({"a": 1}, {"overlap": "allow"})
    assert said["report"].policies == {}
    assert said["report"].inherited == {"grace": 60.0, "timeout": 5.0}
    assert report(3) == 3


def test_what_concerns_the_body_counts_for_runs_by_hand_too(scheduler: Scheduler) -> None:
    task = scheduler.every(hours=1, retry=Retry(attempts=2), overlap="allow", timeout=5)(nothing)
    assert set(task.policies) == {"retry", "timeout"}
    (said,) = declared(scheduler).values()
    assert set(said.policies) == {"retry", "overlap", "timeout"}


def test_the_second_without_an_id_is_refused(scheduler: Scheduler) -> None:
    once = scheduler.every(hours=1)(nothing)
    with pytest.raises(InvalidArguments, match="give each its own"):
        scheduler.every(hours=2)(once)
    with pytest.raises(InvalidArguments, match="two schedules"):
        scheduler.every(hours=2, id=once.name)(asynchronous)


def test_two_functions_cannot_claim_one_name(scheduler: Scheduler) -> None:
    scheduler.task(name="n")(nothing)
    with pytest.raises(InvalidArguments, match="two tasks claim"):
        scheduler.task(name="n")(asynchronous)

    def factory() -> Task[[], None]:
        def inner() -> None: ...

        return scheduler.task(inner)

    factory()
    with pytest.raises(InvalidArguments, match="two tasks claim"):
        factory()


def test_a_task_decorated_as_a_task_again_is_refused(scheduler: Scheduler) -> None:
    task = scheduler.every(hours=1)(nothing)
    with pytest.raises(InvalidArguments, match="nearest to the function"):
        scheduler.task(retry=3)(task)


def test_a_task_of_another_scheduler_is_refused(scheduler: Scheduler) -> None:
    other = Scheduler("memory://").task(nothing)
    with pytest.raises(InvalidArguments, match="another scheduler"):
        scheduler.every(hours=1)(other)


def test_wrong_triggers_and_policies_are_refused_where_they_stand(scheduler: Scheduler) -> None:
    with pytest.raises(TriggerError):
        scheduler.cron("61 * * * *")
    with pytest.raises(TriggerError):
        scheduler.every(seconds=-1)
    with pytest.raises(TriggerError):
        scheduler.cron("* * * * *", timezone="Europe/Nowhere")
    with pytest.raises(InvalidArguments, match="overlap"):
        scheduler.every(hours=1, overlap="never")  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="no policy 'retries'"):
        scheduler.cron("* * * * *", retries=1)  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match=r"no policy 'time_out'; did you mean 'timeout'\? \(the policies are"):
        scheduler.cron("* * * * *", time_out=1)  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match="no policy 'misfire_grace_time'; here it is called 'grace'"):
        scheduler.cron("* * * * *", misfire_grace_time=1)  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match=r"timeout=0: .* from 0\.001 seconds to a year"):
        scheduler.cron("* * * * *", timeout=0)
    with pytest.raises(InvalidArguments, match="no policy 'second'; a period is given as seconds="):
        scheduler.every(second=5)  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments, match="lambda"):
        scheduler.every(hours=1)(lambda: None)
    with pytest.raises(InvalidArguments, match="schedule id"):
        scheduler.every(hours=1, id="")(nothing)


def test_arguments_are_checked_before_anything_starts(scheduler: Scheduler) -> None:
    @scheduler.every(hours=1, args={"a": "x"})
    def wants_a_number(a: int) -> None: ...

    with pytest.raises(InvalidArguments, match="'a' does not fit"):
        declared(scheduler)


def test_the_digest_tells_declarations_apart() -> None:
    def digest(args: dict[str, Any] | None = None, every: float = 1, **options: Any) -> str:
        scheduler = Scheduler("memory://", **options)
        scheduler.every(hours=every, id="s", args=args)(asynchronous)
        return declared(scheduler)["s"].digest

    same = digest()
    assert digest() == same
    assert len({same, digest(args={"a": 2}), digest(every=2), digest(grace=5), digest(timeout=9)}) == 5
    assert digest(lease=5, poll=2) == same


async def test_a_declaration_after_the_start_is_refused(scheduler: Scheduler) -> None:
    async with scheduler.lifespan():
        with pytest.raises(Exception, match="add_schedule"):
            scheduler.every(hours=1)(nothing)


@pytest.mark.parametrize(
    "given, told",
    [
        (5, r"every\(minutes=5\)"),
        (0.5, r"every\(seconds=0\.5\)"),
        (timedelta(minutes=2), r"every\(seconds=120\)"),
        ("5m", r"every\(minutes=10\)"),
        (len, r"every\(minutes=10\)"),
    ],
    ids=str,
)
def test_a_period_without_a_unit_is_told_to_name_it(scheduler: Scheduler, given: Any, told: str) -> None:
    for take in (scheduler.every, Every):
        with pytest.raises(TriggerError, match=told):
            take(given)


async def test_wrong_arguments_name_their_schedule(scheduler: Scheduler) -> None:
    @scheduler.every(hours=1, id="hourly-purge", args={"days": "many"})
    async def purge(days: int) -> None: ...

    with pytest.raises(InvalidArguments, match=r"schedule 'hourly-purge': task .*purge: 'days' does not fit"):
        await scheduler.start()
    async with scheduler:
        with pytest.raises(InvalidArguments, match="schedule 'nightly': "):
            await scheduler.add_schedule(purge, Every(hours=1), id="nightly", args={"dais": 1})
        await scheduler.add_schedule(purge, Every(hours=1), id="nightly", args={"days": 1})
        with pytest.raises(InvalidArguments, match="schedule 'nightly': "):
            await scheduler.update_schedule("nightly", args={})


def test_concurrency_belongs_to_the_task(scheduler: Scheduler) -> None:
    limited = scheduler.cron("0 9 * * *", id="c", concurrency=2, overlap="allow")(nothing)
    assert limited.policies["concurrency"] == 2
    assert limited.limit is not None
    assert limited.limit.most == 2
    said = declared(scheduler)["c"]
    assert dict(said.policies) == {"overlap": "allow"}
    assert "concurrency" not in said.inherited
    with pytest.raises(InvalidArguments, match="belongs to the task"):
        scheduler.every(hours=1, id="e", concurrency=3)(limited)


def test_concurrency_of_the_scheduler_is_each_task_s_own() -> None:
    scheduler = Scheduler("memory://", concurrency=4)
    assert scheduler.task(nothing).policies["concurrency"] == 4
    free = scheduler.task(name="free", aliases=["gone"], concurrency=None)(asynchronous)
    assert free.limit is None


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "2"])
def test_a_limit_that_means_nothing_is_refused(scheduler: Scheduler, most: Any) -> None:
    with pytest.raises(InvalidArguments, match="concurrency"):
        scheduler.task(concurrency=most)(nothing)

"""Log records know their request and run, from children and through queues, and make one line each."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hourbell.context import Context
from hourbell.observability import JsonFormatter, PlainFormatter, TrackingFilter
from hourbell.tracking import current_tracking_id, known_id, new_tracking_id, trace_id, tracked

CONTEXT = Context(
    run_id="r1",
    task="app:send",
    schedule_id=None,
    fire_at=datetime(2030, 1, 1, tzinfo=UTC),
    attempt=2,
    tracking_id="order-42",
)
log = logging.getLogger("shop.mail")


@pytest.fixture
def handler() -> Iterator[logging.StreamHandler[io.StringIO]]:
    """On a parent logger, as applications have it."""
    made = logging.StreamHandler(io.StringIO())
    made.addFilter(TrackingFilter())
    parent = logging.getLogger("shop")
    parent.addHandler(made)
    parent.setLevel(logging.INFO)
    yield made
    parent.removeHandler(made)
    parent.setLevel(logging.NOTSET)


def said(handler: logging.StreamHandler[io.StringIO]) -> list[str]:
    return handler.stream.getvalue().splitlines()


def test_json_says_where_it_belongs(handler: logging.StreamHandler[io.StringIO]) -> None:
    handler.setFormatter(JsonFormatter())
    log.info("outside")
    with tracked("order-41"):
        log.info("in a request\nfor %s", "ada")
    with CONTEXT.entered():
        log.warning("in a run")
    outside, request, run = map(json.loads, said(handler))
    assert (outside["message"], outside.get("tracking_id")) == ("outside", None)
    assert (request["tracking_id"], request["message"]) == ("order-41", "in a request\nfor ada")
    assert (run["tracking_id"], run["run_id"], run["task"], run["attempt"]) == ("order-42", "r1", "app:send", 2)
    assert (run["level"], run["logger"]) == ("WARNING", "shop.mail")
    assert datetime.fromisoformat(run["time"]).tzinfo is not None


def test_plain_is_one_line_whatever_is_in_it(handler: logging.StreamHandler[io.StringIO]) -> None:
    handler.setFormatter(PlainFormatter())
    log.info("outside\n2030-01-01T00:00:00Z INFO forged \x1b[2J €")
    with CONTEXT.entered():
        log.info("inside")
        try:
            int("x")
        except ValueError:
            log.exception("failed")
    outside, inside, failed, *trace = said(handler)
    assert outside.endswith(r"INFO shop.mail [-] outside\n2030-01-01T00:00:00Z INFO forged \x1b[2J €")
    assert inside.endswith("INFO shop.mail [order-42 r1 app:send] inside")
    assert failed.endswith("failed")
    assert all(line.startswith("    ") for line in trace)
    assert "ValueError" in trace[-1]


def test_arguments_that_do_not_fit_make_a_line_too(handler: logging.StreamHandler[io.StringIO]) -> None:
    record = logging.LogRecord("shop", logging.INFO, "", 0, "%s %s", ("one",), None)
    assert json.loads(JsonFormatter().format(record))["message"].startswith("%s %s")
    assert "%s %s" in PlainFormatter().format(record)


def test_through_a_queue_it_is_known_where_it_was_said() -> None:
    """The listener's thread has none of the context variables: the record must bring them along."""
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    sender = logging.handlers.QueueHandler(lines)
    sender.addFilter(TrackingFilter())
    log.addHandler(sender)
    log.setLevel(logging.INFO)
    try:
        with CONTEXT.entered():
            log.info("hello")
    finally:
        log.removeHandler(sender)
        log.setLevel(logging.NOTSET)
    assert json.loads(JsonFormatter().format(lines.get()))["run_id"] == "r1"


def test_what_a_record_has_already_stays(handler: logging.StreamHandler[io.StringIO]) -> None:
    handler.setFormatter(JsonFormatter())
    with tracked("order-41"):
        log.info("as given", extra={"tracking_id": "mine"})
    assert json.loads(said(handler)[0])["tracking_id"] == "mine"


def test_the_runs_own_id_counts() -> None:
    assert current_tracking_id() is None
    with tracked("outer") as given:
        assert current_tracking_id() == given == "outer"
        with tracked("inner"):
            assert current_tracking_id() == "inner"
        with CONTEXT.entered():
            assert current_tracking_id() == "order-42"
        assert current_tracking_id() == "outer"
    assert current_tracking_id() is None


@pytest.mark.parametrize("wrong", ["", " ", "a b", "a\nb", "\x1b[2J", "é", "x" * 129, '"', "<script>"])
def test_what_is_no_id_is_not_repeated(wrong: str) -> None:
    assert known_id(wrong) is None
    with pytest.raises(ValueError, match="tracking id"), tracked(wrong):
        pass


def test_trace_ids() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert trace_id(f"00-{trace}-b7ad6b7169203331-01") == trace
    assert trace_id(f"cc-{trace}-b7ad6b7169203331-01-more") == trace
    for wrong in (
        None,
        "",
        trace,
        f"ff-{trace}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        "00-x-y-01",
    ):
        assert trace_id(wrong) is None
    assert known_id(new_tracking_id()) is not None
    assert new_tracking_id() != new_tracking_id()

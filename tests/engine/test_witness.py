"""Two witnesses: the lease by the database's clock, the number that stands still by one's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hourbell.engine.witness import Witness
from hourbell.model.node import Sibling

T0 = datetime(2030, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sibling(renewals: int, expires: float, name: str = "b") -> Sibling:
    return Sibling(name, renewals, at(expires))


def test_expired_and_seen_still_for_half_a_lease_is_suspect() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10)], elapsed=100)
    assert witness.suspects(at(10), elapsed=110) == {"b": 3}


def test_expired_by_the_databases_clock_alone_is_not_enough() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10)], elapsed=100)
    # The database's clock jumped an hour ahead a second later.
    assert witness.suspects(at(3_600), elapsed=101) == {}
    assert witness.suspects(at(3_600), elapsed=105) == {"b": 3}


def test_standing_still_alone_is_not_enough() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10)], elapsed=100)
    assert witness.suspects(at(9.9), elapsed=1_000) == {}


def test_a_renewal_starts_the_wait_again() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10)], elapsed=100)
    witness.saw([sibling(4, 13)], elapsed=103)
    assert witness.suspects(at(13), elapsed=107.9) == {}
    assert witness.suspects(at(13), elapsed=108) == {"b": 4}


def test_the_same_number_seen_again_counts_from_its_first_sight() -> None:
    witness = Witness(lease=10)
    for moment in (100, 103, 106):
        witness.saw([sibling(3, 10)], elapsed=moment)
    assert witness.suspects(at(10), elapsed=106) == {"b": 3}


def test_who_could_not_renew_itself_suspects_nobody_for_half_a_lease() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10)], elapsed=100)
    witness.forget()
    assert witness.suspects(at(60), elapsed=160) == {}
    witness.saw([sibling(3, 10)], elapsed=160)
    assert witness.suspects(at(60), elapsed=164.9) == {}
    assert witness.suspects(at(65), elapsed=165) == {"b": 3}


def test_who_is_gone_from_the_list_is_forgotten() -> None:
    witness = Witness(lease=10)
    witness.saw([sibling(3, 10), sibling(7, 10, "c")], elapsed=100)
    witness.saw([sibling(3, 10)], elapsed=103)
    assert witness.suspects(at(20), elapsed=120) == {"b": 3}


def test_it_says_when_the_next_one_could_be_suspect() -> None:
    witness = Witness(lease=10)
    assert witness.wait(at(0), 100) is None
    witness.saw([sibling(3, 4)], elapsed=100)
    assert witness.wait(at(0), 100) == 5  # the number is watched longer than the lease lasts
    witness.saw([sibling(3, 4), sibling(1, 2, "c")], elapsed=101)
    assert witness.wait(at(1), 101) == 4
    assert witness.wait(at(6), 106) is None
    assert set(witness.suspects(at(6), 106)) == {"b", "c"}

"""Zones: exactly the IANA names."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hourbell.errors import TriggerError
from hourbell.triggers import zones
from hourbell.triggers.zones import zone, zone_names


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+5"]
)
def test_names_of_the_list(name: str) -> None:
    assert zone(name).key == name


def test_every_name_of_the_list_can_be_used() -> None:
    assert len(zone_names()) > 400
    for name in zone_names():
        assert zone(name).key == name


@pytest.mark.parametrize(
    "name,advice",
    [
        ("Europe/Berln", "'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("EUROPE/BERLIN", "'Europe/Berlin'"),
        ("Berlin", "'Europe/Berlin'"),
        ("New York", "'America/New_York'"),
        (" Europe/Berlin", "'Europe/Berlin'"),
        ("Amerika/New_Yrk", "'America/New_York'"),
        ("utc", "'UTC'"),
        ("UTC+2", "is an offset"),
        ("+02:00", "is an offset"),
        ("", "a name of the IANA list"),
        ("Mars/Olympus", "a name of the IANA list"),
    ],
)
def test_the_nearest_name_is_proposed(name: str, advice: str) -> None:
    with pytest.raises(TriggerError) as caught:
        zone(name)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "localtime",
        "Factory",
        "posixrules",
        "posix/Europe/Berlin",
        "right/Europe/Berlin",
        "/etc/passwd",
        "/usr/share/zoneinfo/Europe/Berlin",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "Europe",
        "Europe/Berlin/",
        "Europe/Berlin\0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "UTC+1",
        "+01:00",
        "x" * 1_000_000,
        "\N{FULLWIDTH LATIN CAPITAL LETTER U}TC",
        "\ud800",
        None,
        5,
        b"UTC",
        ZoneInfo("UTC"),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "backslashreplace").decode(),
)
def test_nothing_else_reaches_zoneinfo(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(key: str) -> ZoneInfo:
        raise AssertionError(key)

    monkeypatch.setattr(zones, "ZoneInfo", never)
    with pytest.raises(TriggerError, match=r"^timezone") as caught:
        zone(name)
    assert len(str(caught.value)) < 300


def test_a_system_without_zone_data_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "zone_names", frozenset)
    with pytest.raises(TriggerError, match="pip install tzdata"):
        zone("Nowhere/At_all")

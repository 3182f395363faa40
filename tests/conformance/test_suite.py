"""The suite as a thing to be used: one class holds all of it, and no part hides another's tests."""

from __future__ import annotations

from collections import Counter

from hourbell.testing.conformance import Conformance, StoreConformance


def test_no_two_parts_share_a_name():
    parts = [part for part in StoreConformance.__bases__ if part is not Conformance]
    names = Counter(name for part in parts for name in vars(part) if not name.startswith("__"))
    assert [name for name, times in names.items() if times > 1] == []


def test_the_whole_suite_holds_every_part():
    import hourbell.testing.conformance as package

    parts = {
        value
        for value in vars(package).values()
        if isinstance(value, type) and issubclass(value, Conformance) and value not in (Conformance, StoreConformance)
    }
    assert set(StoreConformance.__bases__) == parts

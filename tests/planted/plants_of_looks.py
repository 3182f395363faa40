"""Faults in what is looked at seldom, because with an old snapshot about it is slow."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_CLAIMS = ("tests/engine/test_queue_head.py", "tests/engine/test_claiming.py")
_PRUNING = ("tests/engine/test_pruning.py",)

OF_LOOKS = (
    Plant(
        "claims never look at the whole queue again while there is more",
        "engine/queue_head.py",
        "if self._look.is_due(elapsed) and (self._more_until is None or elapsed >= self._more_until):",
        "if self._since is None:",
        _CLAIMS,
    ),
    Plant(
        "a claim that brought less is not followed by a look at the front",
        "engine/queue_head.py",
        "            return since is not None and self._look.is_due(answered)\n",
        "            return False\n",
        _CLAIMS,
    ),
    Plant(
        "a claim that brought less is followed by a look at the front, however slow that is",
        "engine/queue_head.py",
        "            return since is not None and self._look.is_due(answered)\n",
        "            return since is not None\n",
        _CLAIMS,
    ),
    Plant(
        "claims go on from where one ended that left older runs behind",
        "engine/claiming.py",
        "        if not is_even:\n            head.forget()\n        elif",
        "        if",
        (*_CLAIMS, "tests/engine/test_limiting.py"),
    ),
    Plant(
        "what may not wait is passed over by claims without slots",
        "engine/queue_head.py",
        "return self._since_with_slots if slots else self._since",
        "return self._since",
        _CLAIMS,
    ),
    Plant(
        "what may not wait is passed over when it is more than there are slots",
        "engine/queue_head.py",
        "if slots and (self._look.is_due(answered) or not left_urgent):",
        "if slots:",
        _CLAIMS,
    ),
    Plant(
        "what a question found at the front is not looked for there",
        "engine/claiming.py",
        "            for head in self._heads.values() if whole else ():\n                head.doubted()\n",
        "",
        _CLAIMS,
    ),
    Plant(
        "questions never ask about the whole queue again",
        "engine/watching.py",
        "since = None if self._whole.is_due(asked) else self._seen",
        "since = self._seen",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "what is committed late is behind what the next question asks about",
        "engine/watching.py",
        "self._seen = work.now - LATE",
        "self._seen = work.now",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "pruning never begins with the first run again",
        "engine/pruning.py",
        "if whole := self._whole.is_due(began):",
        "if whole := not self._reached:",
        _PRUNING,
    ),
    Plant(
        "pruning goes on behind what it could not delete",
        "store/scripts/runs.py",
        'reached[state] = str(max(row["id"] for row in rows))',
        'reached[state] = within["boundary"]',
        (STORES, "-k", "reached"),
    ),
)

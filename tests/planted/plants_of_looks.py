"""Faults in what is looked at seldom, because with an old snapshot about it is slow."""

from __future__ import annotations

from tests.planted.plant import STORES, Plant

_CLAIMS = ("tests/engine/test_queue_head.py", "tests/engine/test_claiming.py")
_PRUNING = ("tests/engine/test_pruning.py",)

OF_LOOKS = (
    Plant(
        "claims never look at the whole queue again while there is more",
        "engine/queue_head.py",
        "is_due = self._look.is_due(elapsed) and (self._more_until is None or elapsed >= self._more_until)",
        "is_due = since is None",
        _CLAIMS,
    ),
    Plant(
        "a claim that brought less is not followed by a look at the front",
        "engine/queue_head.py",
        "            return stretch.since is not None and not self._is_long and self._look.is_due(answered)\n",
        "            return False\n",
        _CLAIMS,
    ),
    Plant(
        "a claim that brought less is followed by a look at the front, however slow that is",
        "engine/queue_head.py",
        "            return stretch.since is not None and not self._is_long and self._look.is_due(answered)\n",
        "            return stretch.since is not None and not self._is_long\n",
        _CLAIMS,
    ),
    Plant(
        "claims go on from where one ended that left older runs behind",
        "engine/queue_head.py",
        "        if not even:\n            self._claimed_unevenly(claim, answered - asked)\n            return False\n",
        "",
        (*_CLAIMS, "tests/engine/test_limiting.py"),
    ),
    Plant(
        "what may not wait is passed over by claims without slots",
        "engine/queue_head.py",
        "since = self._since_with_slots if slots else self._since",
        "since = self._since",
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
        "a look at everything that has no answer is tried again as such",
        "engine/queue_head.py",
        "            self._is_long = True\n",
        "            self._is_long = False\n",
        _CLAIMS,
    ),
    Plant(
        "a look at everything that takes too long is made again as such",
        "engine/queue_head.py",
        "self._is_long = self._in_parts and answered - asked > LONG",
        "self._is_long = False",
        _CLAIMS,
    ),
    Plant(
        "between two parts of the past there is a gap",
        "engine/past.py",
        "self._until = since or self._until",
        "self._until = (since or self._until) - self._span",
        _CLAIMS,
    ),
    Plant(
        "of a part of the past that holds more than was taken the rest is left behind",
        "engine/past.py",
        "        if left:\n            self._due_at = answered\n            return\n",
        "",
        _CLAIMS,
    ),
    Plant(
        "a past that is slow to read never comes to an end",
        "engine/past.py",
        "        self._span = max(self._span, (self._begin - self._until) / PACE)\n",
        "",
        _CLAIMS,
    ),
    Plant(
        "what is due now waits until the past has been looked through",
        "engine/past.py",
        "self._due_at = answered + max(QUICK, rest_after(took))",
        "self._due_at = answered",
        _CLAIMS,
    ),
    Plant(
        "nobody looks at the past unless he is woken",
        "engine/claiming.py",
        "        self._pending.update(kind for kind, rest in rests.items() if not rest)\n",
        "",
        _CLAIMS,
    ),
    Plant(
        "a look at the past that brings nothing stands for one at what is due now",
        "engine/claiming.py",
        "        elif stretch.until is None:\n            self._hungry.discard(kind)\n",
        "        else:\n            self._hungry.discard(kind)\n",
        _CLAIMS,
    ),
    Plant(
        "a look at the past that brings nothing stands for one at what may not wait",
        "engine/claiming.py",
        "        elif stretch.until is None:\n            self._withheld.discard(kind)\n",
        "        else:\n            self._withheld.discard(kind)\n",
        _CLAIMS,
    ),
    Plant(
        "after an outage the whole queue is not asked about for ten minutes",
        "engine/watching.py",
        "                self._whole.wanted()\n                self._ask_soon(DEBOUNCE)\n",
        "                pass\n",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "a question about everything that has no answer is asked again and again",
        "engine/watching.py",
        "            if question.since is None:\n                self._missed_all(asked)\n            raise",
        "            raise",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "what a question cannot look at is looked for by nobody",
        "engine/watching.py",
        "        if is_long:\n            # It holds",
        "        if False:\n            # It holds",
        ("tests/engine/test_watching.py",),
    ),
    Plant(
        "pruning that begins with the first run and has no answer begins there again",
        "engine/pruning.py",
        "            if whole:\n                self._whole.done(began, began + took)\n        if whole:\n",
        "        if whole:\n            self._whole.done(began, began + took)\n",
        _PRUNING,
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
        "whole = self._whole.is_due(began)",
        "whole = not self._reached",
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

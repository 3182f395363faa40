"""Identifiers made by the client, so that a write whose answer was lost can be found again."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOISE = 0x3FFF_FFFF_FFFF_FFFF
_TOP: Mapping[str, str] = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that the variant shares with two of the random bits, by a digit of four."""


GREATEST_RUN_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Above all others."""


def new_run_id(now: datetime) -> str:
    """A UUID version 7 (RFC 9562, 5.7 and 6.2 method 3): Unix milliseconds, their fraction, 62 random bits.

    It sorts by time, to the microsecond.
    """
    return _spelled(_beginning(now) | int.from_bytes(os.urandom(8)) & _NOISE)


def new_run_ids(now: datetime, count: int) -> list[str]:
    """So many ids in their order: runs that are made together start in the order in which they are named."""
    beginning, noise = _spelled(_beginning(now))[:19], os.urandom(8 * count).hex()
    drawn = (_TOP[noise[place]] + noise[place + 1 : place + 16] for place in range(0, 16 * count, 16))
    # Spelled bit by bit, each takes three times as long; hundreds are made in one firing.
    return sorted(f"{beginning}{one[:4]}-{one[4:]}" for one in drawn)


def _beginning(now: datetime) -> int:
    """Everything of an id but its noise."""
    milliseconds, rest = divmod((now - _EPOCH) // _MICROSECOND, 1000)
    fraction = rest * 4096 // 1000
    return (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62


def _spelled(value: int) -> str:
    # As str(UUID) does, which takes three times as long.
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_node_id() -> str:
    """A random id for a node, made when it starts and never at import: forked processes must differ."""
    return os.urandom(8).hex()


def new_claim_id() -> str:
    """A name for one batch of claims, by which the node reads back what it holds when the answer is lost."""
    return os.urandom(8).hex()


def least_run_id(instant: datetime) -> str:
    """The least id that a run made at this instant could have: everything before it is older."""
    return str(uuid.UUID(int=(int(instant.timestamp() * 1000) & 0xFFFF_FFFF_FFFF) << 80))


def is_run_id(text: str) -> bool:
    """True when a run could have this id. Others are refused before a database is asked that would not take them."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except (ValueError, AttributeError, TypeError):
        return False

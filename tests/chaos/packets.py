"""A line whose packets pass through our hands: late, lost by chance, or not at all, in one direction or in both.

The systems at both ends speak their own TCP; what is done to its packets is what a bad network does.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import random
import selectors
import struct
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

DEVICE = Path("/dev/net/tun")
TO_NODE, FROM_NODE = "to the node", "from the node"
_SET_INTERFACE, _TUN, _PLAIN = 0x400454CA, 0x0001, 0x1000
_LONGEST_PACKET = 65_536


def open_interface(name: str) -> int:
    """A network interface of this namespace whose packets are read from and written to a file descriptor."""
    descriptor = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _TUN | _PLAIN))
    return descriptor


@dataclass
class Line:
    """Between two interfaces, by a thread of its own.

    ``delay``  seconds that each packet takes in each direction; ``loss``  the share that is lost; ``closed``  the
    directions in which nothing passes: silently, so that neither end is told.
    """

    server_end: int
    node_end: int
    chance: random.Random
    delay: float = 0.0
    loss: float = 0.0
    closed: frozenset[str] = frozenset()
    passed: int = 0
    dropped: int = 0
    _waiting: list[tuple[float, int, int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ending = False
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join()
        for end in (self.server_end, self.node_end):
            os.close(end)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.server_end, selectors.EVENT_READ, (self.node_end, TO_NODE))
            selector.register(self.node_end, selectors.EVENT_READ, (self.server_end, FROM_NODE))
            while not self._ending:
                wait = min(0.1, self._waiting[0][0] - time.monotonic()) if self._waiting else 0.1
                for key, _ in selector.select(max(0.0, wait)):
                    self._take(key.fd, *key.data)
                while self._waiting and self._waiting[0][0] <= time.monotonic():
                    _, _, end, packet = heapq.heappop(self._waiting)
                    self._put(end, packet)

    def _take(self, end: int, other: int, direction: str) -> None:
        """Read what has come in at one end."""
        while True:
            try:
                packet = os.read(end, _LONGEST_PACKET)
            except OSError:  # nothing more, or an interface that is not up yet, or no more
                return
            if direction in self.closed or self.chance.random() < self.loss:
                self.dropped += 1
            elif self.delay:
                heapq.heappush(self._waiting, (time.monotonic() + self.delay, next(self._numbers), other, packet))
            else:
                self._put(other, packet)

    def _put(self, end: int, packet: bytes) -> None:
        try:
            os.write(end, packet)
            self.passed += 1
        except OSError:  # an interface whose queue is full, or that is gone with its namespace
            self.dropped += 1

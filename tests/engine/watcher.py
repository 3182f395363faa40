"""A process of its own that tells what it is, and what it sees of another: ``python -m engine.watcher ACT [MARK]``."""

from __future__ import annotations

import os
import sys
import time

from hourbell.engine.process_table import ProcessTable
from hourbell.model.process_mark import ProcessMark


def main(act: str, told: str = "") -> None:
    """``stay``: say the own mark and go on. ``look``: say it, and what has become of the other. ``as_nobody`` and the
    same: as a user who may see nothing of others."""
    if act.startswith("as_nobody"):
        os.setgid(65534)
        os.setuid(65534)
    table = ProcessTable()
    own = table.own()
    print(own, flush=True)
    if act == "stay":
        time.sleep(600)
    mark = ProcessMark.parse(told)
    if mark is not None and own is not None:
        print("near" if own.is_near(mark) else "far", table.fate(mark, own), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs uvicorn's own command line, and ends it when the process that started it is gone, however it went.

``python -m hourbell.demo.serving hourbell.demo.app:app --workers 4 …``. Standard input is a pipe that nobody writes
to: when it ends, uvicorn is told to stop as by Ctrl-C, and its processes with it.
"""

from __future__ import annotations

import os
import signal
import threading

import uvicorn


def stop_when_input_ends() -> None:
    """Wait for the end of the pipe, in a thread of its own."""
    while os.read(0, 1):
        pass
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=stop_when_input_ends, name="hourbell-demo-parent", daemon=True).start()
    uvicorn.main()

"""What the demo says before it begins, in 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hourbell.demo.server import HOST

if TYPE_CHECKING:
    from hourbell.demo.database import DemoDatabase


def greeting(database: DemoDatabase, processes: int) -> list[str]:
    """What is being started."""
    count = "one uvicorn process" if processes == 1 else f"{processes} uvicorn processes"
    return [
        f"Hourbell demo: FastAPI, {count}, {database.name}",
        f"  database   {database.place}",
    ]


def invitation(port: int, processes: int, *, endless: bool) -> list[str]:
    """What can be looked at and tried while it runs."""
    place = f"{HOST}:{port}"
    return [
        f"  read       http://{place}/docs",
        "Try in another terminal:",
        f"  curl -X PUT '{place}/send_email_notification?user_id=42&message=Hi'",
        f"  curl -X POST {place}/reports/nightly",
        f"  curl {place}/hourbell/schedules",
        f"  curl {place}/hourbell/health",
        *(["  kill -9 PID    of a node below: uvicorn starts another process for it"] if processes > 1 else []),
        *(["Ctrl-C ends it."] if endless else []),
        "",
    ]

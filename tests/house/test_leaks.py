"""The watch on what tests leave behind: it is shown tests that do, and must fail each."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

LEAKY = """
import asyncio, logging, sqlite3, threading
import asyncpg, pytest

held = []

async def test_task():
    held.append(asyncio.create_task(asyncio.sleep(60)))

def test_thread():
    thread = threading.Thread(target=threading.Event().wait, name="hourbell-forgotten", daemon=True)
    thread.start()

async def test_connection(postgres_url):
    held.append(await asyncpg.connect(postgres_url))

def test_file(sqlite_path):
    held.append(sqlite3.connect(sqlite_path))
    held[-1].execute("CREATE TABLE t (a)")

def test_logging():
    logging.setLogRecordFactory(lambda *args, **kwargs: logging.LogRecord(*args, **kwargs))

def test_silence():
    logging.disable()

async def test_tidy(postgres_url, sqlite_path):
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    thread = threading.Thread(target=asyncio.run, args=(asyncio.sleep(0.05),), name="hourbell-tidy")
    thread.start()
    await (await asyncpg.connect(postgres_url)).close()
    sqlite3.connect(sqlite_path).close()
"""


@pytest.mark.slow
def test_each_leak_fails_its_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nasyncio_mode = 'auto'")
    pytester.makepyfile(LEAKY)
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parent))
    # What is held open when the interpreter ends is told once more then; here only the watch is asked.
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:unraisableexception")
    result.assert_outcomes(passed=7, errors=6)
    result.stdout.fnmatch_lines_random(
        [
            *("*asyncio tasks were left*", "*hourbell-forgotten*", "*connections were left*", "*files were left*"),
            *("*factory of log records was left*", "*logging was left switched off*"),
        ]
    )

"""Every way of being mistaken about a neighbour's death, with real processes where the machine allows it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hourbell.engine.process_table import ProcessTable
from hourbell.model.process_mark import Fate, ProcessMark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which process is gone for certain")

TESTS = Path(__file__).parents[1]
WATCHER = [sys.executable, "-m", "engine.watcher"]


@contextmanager
def started(*command: str) -> Iterator[tuple[subprocess.Popen[str], ProcessMark]]:
    """A process that stays, and what it says of itself. It is not waited for before the end."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    process = subprocess.Popen([*command, *WATCHER, "stay"], stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        mark = ProcessMark.parse(process.stdout.readline().strip())
        assert mark is not None
        yield process, mark
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def looked(*words: str, before: tuple[str, ...] = ()) -> list[str]:
    """What another process says: its mark, and what has become of the one that it was told of."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run([*before, *WATCHER, *words], capture_output=True, text=True, timeout=60, env=env, check=True)
    return done.stdout.splitlines()


def fate(mark: ProcessMark) -> Fate:
    table = ProcessTable()
    own = table.own()
    assert own is not None
    return table.fate(mark, own)


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_process_sees_itself() -> None:
    own = ProcessTable().own()
    assert own is not None
    assert own.pid == os.getpid()
    assert own.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert fate(own) is Fate.ALIVE


def test_a_killed_process_is_gone_also_while_nobody_has_taken_note_of_it() -> None:
    with started() as (process, mark):
        assert fate(mark) is Fate.ALIVE
        process.kill()
        eventually(lambda: fate(mark) is Fate.GONE)
        assert Path(f"/proc/{process.pid}/stat").exists(), "nobody has waited for it: it is a zombie"
        process.wait()
        assert fate(mark) is Fate.GONE


def test_a_stopped_process_is_alive() -> None:
    with started() as (process, mark):
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: " T " in Path(f"/proc/{process.pid}/stat").read_text())
        assert fate(mark) is Fate.ALIVE


def test_a_process_whose_first_thread_has_ended_is_alive() -> None:
    code = (
        "import ctypes, threading, time\n"
        "from hourbell.engine.process_table import ProcessTable\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "print(ProcessTable().own(), flush=True)\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.pthread_exit(None)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        mark = ProcessMark.parse(process.stdout.readline().strip())
        assert mark is not None
        eventually(lambda: " Z " in Path(f"/proc/{process.pid}/stat").read_text())
        assert fate(mark) is Fate.ALIVE
        process.kill()
        eventually(lambda: fate(mark) is Fate.GONE)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_number_that_was_given_to_another_process_is_no_sign_of_life() -> None:
    with started() as (_, mark):
        assert fate(replace(mark, began=mark.began - 1)) is Fate.GONE


def namespaces() -> str | None:
    """Why no namespace can be made here; None when one can."""
    tool = shutil.which("unshare")
    if tool is None:
        return "there is no unshare here"
    tried = subprocess.run(
        [tool, "--pid", "--mount", "--fork", "--mount-proc", "true"], capture_output=True, check=False
    )
    return None if tried.returncode == 0 else "this user may make no namespaces"


@pytest.fixture
def unshare() -> str:
    reason = namespaces()
    if reason is not None:
        pytest.skip(reason)
    return shutil.which("unshare") or ""


def test_two_containers_on_one_host_know_nothing_of_each_other(unshare: str) -> None:
    """The same kernel, the same host name, and perhaps the same numbers: they are not near."""
    with started(unshare, "--pid", "--mount", "--fork", "--kill-child", "--mount-proc") as (_, inside):
        own = ProcessTable().own()
        assert own is not None
        assert inside.boot == own.boot
        assert not inside.is_near(own)
        told, _ = looked("look", str(own), before=(unshare, "--pid", "--mount", "--fork", "--mount-proc"))
        assert ProcessMark.parse(told) is not None
        assert told.split()[1] not in (str(own.pids), str(inside.pids))


def test_a_proc_that_counts_otherwise_than_the_process_does_is_no_evidence(unshare: str) -> None:
    """A container that was given the host's /proc: under its neighbours' numbers stand others."""
    assert looked("look", before=(unshare, "--pid", "--fork")) == ["None"]


def test_another_time_counts_other_ticks(unshare: str) -> None:
    if not Path("/proc/self/ns/time").exists():
        pytest.skip("this kernel has one time for all")
    with started() as (_, mark):
        told = looked("look", str(mark), before=(unshare, "--time", "--boottime", "1000000", "--fork"))
        own = ProcessMark.parse(told[0])
        assert own is not None
        assert own.pids == mark.pids
        assert told[1].split()[0] == "far", "its ticks would say that the number was given to another"


def test_another_users_process_that_is_hidden_is_not_gone(unshare: str) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can hide processes")
    hidden = ("-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh")
    before = (unshare, "--mount", shutil.which("sh") or "sh", *hidden)
    with started() as (process, mark):
        told = looked("as_nobody", str(mark), before=before)
        if told[0] == "None":
            pytest.skip("nobody may not read what it needs here")
        assert told[1] == "near unknown"
        process.kill()
        process.wait()
        assert looked("as_nobody", str(mark), before=before)[1] == "near gone", "nobody may ask that much"


# What cannot be made to happen on every machine, on a /proc of our own.


class Machine:
    """A folder that looks like ``/proc`` does to this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("sys/kernel/random/boot_id", "boot\n")
        self.write("self/status", f"Name:\tx\nNSpid:\t{os.getpid()}\nThreads:\t1\n")
        self.process("self", began=10)
        (folder / "self/ns").mkdir()
        (folder / "self/ns/pid").symlink_to("pid:[1]")
        (folder / "self/ns/time").symlink_to("time:[2]")
        self.answers: dict[int, BaseException] = {}

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def process(self, pid: str, *, began: int, state: str = "S") -> None:
        self.write(f"{pid}/stat", f"{pid} (x) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 {began} 0 0\n")

    def signal(self, pid: int, number: int) -> None:
        assert number == 0, "it only asks"
        raise self.answers.get(pid, ProcessLookupError())

    @property
    def table(self) -> ProcessTable:
        return ProcessTable(self.folder, self.signal)

    def fate(self, pid: int, began: int = 5) -> Fate:
        own = ProcessMark("boot", 1, 2, os.getpid(), 10)
        return self.table.fate(ProcessMark("boot", 1, 2, pid, began), own)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_stands_in_proc_is_read(machine: Machine) -> None:
    assert machine.table.own() == ProcessMark("boot", 1, 2, os.getpid(), 10)
    machine.process("77", began=5)
    assert machine.fate(77) is Fate.ALIVE
    assert machine.fate(77, began=6) is Fate.GONE
    assert machine.fate(78) is Fate.GONE


@pytest.mark.parametrize(
    "answer",
    [PermissionError(), OSError(errno.EINVAL, "?"), OSError(errno.ENOSYS, "?")],
    ids=["EPERM", "EINVAL", "ENOSYS"],
)
def test_absence_from_proc_is_no_death_until_the_kernel_says_so_too(machine: Machine, answer: OSError) -> None:
    machine.answers[78] = answer
    assert machine.fate(78) is Fate.UNKNOWN


@pytest.mark.parametrize("missing", ["sys/kernel/random/boot_id", "self/status", "self/stat", "self/ns/pid"])
def test_without_what_it_needs_a_process_says_nothing_of_itself(machine: Machine, missing: str) -> None:
    (machine.folder / missing).unlink()
    assert machine.table.own() is None
    assert machine.fate(78) is Fate.UNKNOWN, "and believes nothing"


def test_without_proc_there_is_no_evidence(tmp_path: Path) -> None:
    assert ProcessTable(tmp_path / "proc").own() is None


def test_a_kernel_with_one_time_for_all_has_it_by_the_number_0(machine: Machine) -> None:
    (machine.folder / "self/ns/time").unlink()
    own = machine.table.own()
    assert own is not None
    assert own.times == 0


@pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14", "cygwin"])
def test_on_other_systems_there_is_no_evidence(
    machine: Machine, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert machine.table.own() is None


@pytest.mark.parametrize("ids", ["", "4000 {pid}", "{pid} 1", "1"])
def test_ids_that_another_namespace_counts_are_not_compared(machine: Machine, ids: str) -> None:
    machine.write("self/status", f"NSpid:\t{ids.format(pid=os.getpid())}\n")
    assert machine.table.own() is None


def test_a_proc_that_was_exchanged_since_the_node_began_is_not_believed(machine: Machine) -> None:
    machine.write("sys/kernel/random/boot_id", "another\n")
    assert machine.fate(78) is Fate.UNKNOWN

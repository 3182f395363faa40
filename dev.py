#!/usr/bin/env python3
"""One command for all that a contributor does: set up, run the demo, test, check.

It needs Python 3.11 or newer and nothing else. It makes its own environment in `.venv` and installs the pinned
versions there, with uv when that is on the PATH, else with venv and pip.
"""

import sys

# The file must parse on every Python 3 a machine may have, so that this message is seen and not a SyntaxError.
if sys.version_info < (3, 11):  # noqa: UP036 - it is run by whatever `python3` is
    sys.exit(
        "Hourbell needs Python 3.11 or newer; this is Python %d.%d (%s).\n"  # noqa: UP031 - must work on any Python
        "Install a newer one, then run it by its name, for example: python3.12 dev.py %s"
        % (sys.version_info[0], sys.version_info[1], sys.executable, " ".join(sys.argv[1:]))
    )

import argparse
import hashlib
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
BIN = "Scripts" if WINDOWS else "bin"


class SetupError(Exception):
    """The environment could not be made; the message says what to do."""


class Environment:
    """A virtual environment of this repository, made and renewed only when what it depends on has changed."""

    def __init__(self, folder: str, constraints: str) -> None:
        self.folder = ROOT / folder
        self.constraints = ROOT / constraints
        self.python = self.program("python")

    def program(self, name: str) -> pathlib.Path:
        return self.folder / BIN / (name + ".exe" if WINDOWS else name)

    @property
    def stamp_file(self) -> pathlib.Path:
        return self.folder / "dev-stamp"

    def stamp(self) -> str:
        """What the environment was made from. Tool settings are left out: changing them installs nothing."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        sources = [
            json.dumps([project["build-system"], project["project"]], sort_keys=True),
            self.constraints.read_text(encoding="utf-8"),
            sys.version,
            str(self.folder),
        ]
        return hashlib.sha256("\0".join(sources).encode()).hexdigest()

    def ready(self) -> bool:
        return self.python.exists() and self.stamp_file.exists() and self.stamp_file.read_text() == self.stamp()

    def ensure(self) -> None:
        """Make the environment, or bring it up to date; a second call costs a few milliseconds."""
        if self.ready():
            return
        started = time.monotonic()
        uv = shutil.which("uv")
        version = ".".join(str(part) for part in sys.version_info[:3])
        say(f"Setting up {self.folder.name} with Python {version} and {'uv' if uv else 'pip'} (only when needed)")
        self.stamp_file.unlink(missing_ok=True)
        if not self.same_python():
            self.create(uv)
        # The build tool goes in first and is then used from there, so that its version is pinned as well.
        self.install(uv, "the build tool", ["hatchling", "editables"])
        self.install(uv, "Hourbell and its tools", ["--no-build-isolation", "-e", f"{ROOT}[dev]"])
        self.stamp_file.write_text(self.stamp())
        say(f"  ready in {time.monotonic() - started:.0f} s")

    def same_python(self) -> bool:
        """Whether the environment there is can be kept: it starts, at this place, with this Python."""
        if not self.python.exists() or not self.program("python").parent.is_dir():
            return False
        question = [str(self.python), "-c", "import sys; print(sys.version); print(sys.prefix)"]
        try:
            answer = subprocess.run(question, capture_output=True, text=True, check=False)
        except OSError:
            return False
        return answer.stdout.split("\n")[:2] == [line.strip() for line in (sys.version, str(self.folder))]

    def create(self, uv: "str | None") -> None:
        say("  making the environment")
        if uv:
            run_quietly([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.folder)])
            return
        if importlib.util.find_spec("ensurepip") is None:
            raise SetupError(
                "This Python cannot make virtual environments: its `ensurepip` module is missing.\n"
                "On Debian and Ubuntu: apt install python3-venv. Or install uv, which needs neither."
            )
        run_quietly([sys.executable, "-m", "venv", "--clear", str(self.folder)])

    def install(self, uv: "str | None", what: str, arguments: "list[str]") -> None:
        say(f"  installing {what}")
        if uv:
            command = [uv, "pip", "install", "--python", str(self.python)]
        else:
            command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        run_quietly([*command, "-c", str(self.constraints), *arguments])


def say(text: str) -> None:
    print(text, flush=True)


def run_quietly(command: "list[str]") -> None:
    """Run a command, showing what it is at on one line of a terminal, and all that it said only if it fails."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = []
    terminal = sys.stdout.isatty()
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if terminal and not line.startswith("WARNING"):
            width = shutil.get_terminal_size().columns - 1
            print("\r\033[K" + ("    " + line.strip())[:width], end="", flush=True)
    if terminal:
        print("\r\033[K", end="", flush=True)
    if process.wait() != 0:
        raise SetupError(f"{''.join(said)}\nThis command failed ({process.returncode}): {' '.join(command)}")


def hand_over(command: "list[str]") -> int:
    """Become the command, so that Ctrl-C and the exit code are its own; where that cannot be, run it and wait."""
    sys.stdout.flush()
    os.chdir(ROOT)
    if not WINDOWS:
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the command got it too, and ends in its own time


MAIN = Environment(".venv", "constraints.txt")
LOWEST = Environment(".venv-lowest", "constraints-lowest.txt")


def demo(arguments: "list[str]") -> int:
    """Run the demo: an application under 4 uvicorn workers, its fires shown live. Ctrl-C ends it.

    Options (given to `hourbell demo` as they are): --postgres, --seconds N, --port P, --workers N.
    """
    MAIN.ensure()
    return hand_over([str(MAIN.program("hourbell")), "demo", *arguments])


def prove(arguments: "list[str]") -> int:
    """Put the promises to the proof for two minutes on SQLite, then for two on a throw-away PostgreSQL.

    Options (given to `hourbell prove` as they are): --minutes N, --nodes N, --seed S.
    """
    MAIN.ensure()
    command = [str(MAIN.program("hourbell")), "prove", *arguments]
    return 0 if all([passes(command), passes([*command, "--postgres"])]) else 1


def test(arguments: "list[str]") -> int:
    """Run the whole test suite, PostgreSQL included.

    --fast leaves out the tests marked slow, those on PostgreSQL among them. Anything else goes to pytest, for example:
    test -x -k cron
    """
    fast = "--fast" in arguments
    chosen = [argument for argument in arguments if argument != "--fast"]
    MAIN.ensure()
    # Test modules are costly to compile, and ours are compiled for each of hundreds of processes that tests start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    pytest = [str(MAIN.python), "-m", "pytest", *(["-m", "not slow"] if fast else [])]
    if chosen:
        return hand_over([*pytest, *chosen])
    # Most tests wait for a database, so they share the cores well. Scenarios have many processes each: those that only
    # count share them too, those that say how soon something happens get them to themselves.
    scenarios = "tests/chaos/test_scenarios.py"
    cores = os.cpu_count() or 1
    spread = ["-n", str(min(6, 2 * cores)), "--dist", "worksteal"]
    others = ["--ignore", scenarios]
    # What failed is told by the cache: without what failed another day, and where nothing ran, nothing is run again.
    good = passes([*pytest, *spread, *others, "--cache-clear"])
    if not good:
        say("Those that failed are run again, alone: only what fails then is a failure.")
        good = passes([*pytest, *others, "--last-failed", "--last-failed-no-failures", "none"])
    if not fast:  # all of them are slow
        good = (
            passes([*pytest, scenarios, "-m", "not alone", "-n", str(min(4, cores + 1)), "--dist", "worksteal"])
            and good
        )
        good = passes([*pytest, scenarios, "-m", "alone"]) and good
    return 0 if good else 1


def passes(command: "list[str]") -> bool:
    """Run one command of several, and say which. Ctrl-C ends this one and those that were to follow."""
    say(f"== {' '.join([pathlib.Path(command[0]).name, *command[1:]])}")
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        return process.wait() == 0
    except KeyboardInterrupt:
        process.wait()  # it was told as well, and ends in its own time
        sys.exit(130)


MEASURING = ("benchmarks/frame", "benchmarks/workloads", "benchmarks/__main__.py")


def check(arguments: "list[str]") -> int:
    """Run every check: ruff, formatting, mypy, the layers, and the bans of the house."""
    no_arguments("check", arguments)
    MAIN.ensure()
    steps = [
        ("ruff", [str(MAIN.program("ruff")), "check"]),
        ("format", [str(MAIN.program("ruff")), "format", "--check"]),
        ("mypy", [str(MAIN.program("mypy")), "--strict", "src", *MEASURING]),
        ("layers", [str(MAIN.program("lint-imports"))]),
        ("bans", [str(MAIN.python), "-m", "pytest", "-q", "tests/house"]),
    ]
    failed = []
    for name, command in steps:
        say(f"== {name}: {' '.join([pathlib.Path(command[0]).name, *command[1:]])}")
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
    say(f"FAILED: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def format_code(arguments: "list[str]") -> int:
    """Put the code into shape: ruff's safe fixes, then its formatter."""
    no_arguments("format", arguments)
    MAIN.ensure()
    ruff = str(MAIN.program("ruff"))
    fixed = subprocess.run([ruff, "check", "--fix"], cwd=ROOT, check=False).returncode
    return subprocess.run([ruff, "format"], cwd=ROOT, check=False).returncode or fixed


def lowest(arguments: "list[str]") -> int:
    """Run the README's example and the smoke tests against the lowest versions that pyproject.toml allows."""
    LOWEST.ensure()
    return hand_over([str(LOWEST.python), "-m", "pytest", "-m", "frontdoor", *arguments])


def bench(arguments: "list[str]") -> int:
    """Measure Hourbell, and its peers with --peers, on a throw-away PostgreSQL; figures, ratios, a JSON file.

    bench [NAME ...] [--peers] [--goals] [--runs N] [--size small|full] [--variant TEXT] [--only KEY,...] [--minutes M]
          [--json FILE]

    Without a NAME every workload but the soak is measured. `--size small` tries one in a minute. Peers are installed in
    environments of their own, in the user's cache (BENCH_CACHE names another folder).
    """
    MAIN.ensure()
    return hand_over([str(MAIN.python), "-m", "benchmarks", *arguments])


def clean(arguments: "list[str]") -> int:
    """Remove the environments and everything else that tools left here."""
    no_arguments("clean", arguments)
    left = [MAIN.folder, LOWEST.folder, ROOT / "build", ROOT / "dist"]
    left += [ROOT / f".{tool}_cache" for tool in ("pytest", "mypy", "ruff", "import_linter")]
    left.append(ROOT / ".hypothesis")
    for top in (ROOT / "src", ROOT / "tests", ROOT / "benchmarks", ROOT / "examples"):
        left += top.rglob("__pycache__")
    for folder in left:
        if folder.is_dir():
            say(f"removing {folder.relative_to(ROOT)}")
            shutil.rmtree(folder)
    return 0


def no_arguments(command: str, arguments: "list[str]") -> None:
    if arguments:
        sys.exit(f"dev.py {command} takes no arguments, but was given: {' '.join(arguments)}")


COMMANDS = {
    "demo": demo,
    "prove": prove,
    "test": test,
    "check": check,
    "format": format_code,
    "lowest": lowest,
    "bench": bench,
    "clean": clean,
}


def summary() -> str:
    lines = [f"  {name:8}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "commands:\n" + "\n".join(lines) + "\n\n`dev.py COMMAND --help` says more."


def main(arguments: "list[str]") -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py",
        usage="python3 dev.py COMMAND ...",
        description=__doc__,
        epilog=summary(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    if not arguments:
        parser.print_help()
        return 2
    name, rest = parser.parse_args(arguments[:1]).command, arguments[1:]
    if "--help" in rest or "-h" in rest:
        say(f"usage: python3 dev.py {name} ...\n\n{COMMANDS[name].__doc__}")
        return 0
    try:
        return COMMANDS[name](rest)
    except SetupError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

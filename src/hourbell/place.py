"""Where another process finds the function of a task again: by the module that defines it, and its name there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourbell.errors import InvalidArguments
from hourbell.model.module_name import MAIN, is_script

if TYPE_CHECKING:
    from collections.abc import Callable

_CHILD = "hourbell.executors.process.child"
"""The main program of processes that run bodies; no other process imports it."""


def runs_bodies_only() -> bool:
    """True in a process that a node has started for its bodies."""
    return _CHILD in sys.modules


@dataclass(frozen=True, slots=True)
class Place:
    """``module`` is imported, or the script ``file`` where the module has no name; ``qualname`` is looked up there."""

    module: str
    qualname: str
    file: str | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], label: str) -> Place:
        """The place of a function. Raises InvalidArguments when no other process could find it there."""
        module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        if not module or not qualname or "<" in qualname:
            raise InvalidArguments(
                f"task {label}: executor='process' imports the function again in another process, and {qualname!r} "
                "cannot be found there: define it with `def` at the top level of a module"
            )
        if not is_script(module):
            return cls(module, qualname)
        main = sys.modules.get(module)
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        if spec is not None:  # python -m package.module
            return cls(spec.name, qualname)
        if file is None:
            raise InvalidArguments(
                f"task {label}: executor='process' imports the function again in another process, and there is no "
                "file to import it from: define it in a module"
            )
        return cls(MAIN, qualname, str(Path(file).resolve()))

    def load(self) -> Any:
        """The module, imported here. Raises whatever its code raises."""
        if self.file is None:
            return importlib.import_module(self.module)
        if self.module in sys.modules:
            return sys.modules[self.module]
        spec = importlib.util.spec_from_file_location(self.module, self.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.file} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self.module]
            raise
        return module

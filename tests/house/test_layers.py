"""Every room of the house has its place in the layers; import-linter then watches the walls."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "hourbell"


def placed() -> set[str]:
    """The modules that the first contract names."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return set(re.findall(r"hourbell\.[\w.]+", " ".join(layers)))


def rooms(folder: Path, prefix: str) -> set[str]:
    """Modules and packages of a folder. A package is what has Python files in it, not only SQL."""
    modules = {f"{prefix}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}
    packages = {f"{prefix}.{path.name}" for path in folder.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    return modules | packages


def test_every_room_has_its_layer() -> None:
    outside = rooms(PACKAGE, "hourbell") - {"hourbell.store"}
    inside = rooms(PACKAGE / "store", "hourbell.store")
    assert outside | inside <= placed()


def test_the_store_package_itself_imports_nothing() -> None:
    """Else whoever asks for the port would load the drivers."""
    assert "import" not in (PACKAGE / "store" / "__init__.py").read_text(encoding="utf-8")

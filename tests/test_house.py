"""The plan of the house: imports run one way, and `import plica` stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import plica
import plica.errors

HOME = Path(plica.__file__).parent
FOUNDATION = {"chain", "domains", "errors", "stage", "units"}

#: Which rooms each room may use. Of the foundation's own files only `chain` uses the others.
MAY_USE: dict[str, set[str]] = {
    "errors": set(),
    "units": {"errors"},
    "domains": {"errors"},
    "stage": {"errors", "units"},
    "chain": {"errors", "stage", "units"},
    "storage": {"chain", "errors", "stage", "units"},
    "exact": FOUNDATION,
    "nn": FOUNDATION,
    "init": FOUNDATION | {"nn"},
    "loaders": FOUNDATION | {"exact", "nn"},
    "engines": FOUNDATION | {"_core", "exact"},
    "regions": FOUNDATION | {"_core", "exact", "engines"},
    "facts": FOUNDATION | {"_core", "exact", "engines"},
    "bounds": FOUNDATION | {"_core", "exact", "facts"},
    "constructions": FOUNDATION | {"bounds"},
    "folding": FOUNDATION | {"exact", "engines", "regions"},
    "unit_maps": FOUNDATION | {"exact", "regions"},
    "shallow": FOUNDATION | {"exact", "engines", "regions", "storage"},
    "draw": FOUNDATION | {"folding", "regions"},
    "gradients": FOUNDATION | {"nn", "regions"},
    "cli": FOUNDATION
    | {"bounds", "exact", "gradients", "loaders", "regions", "draw", "shallow", ""},
}
#: What reaches up: results plot themselves, a network saves and simplifies itself, a ready model
#: initialises itself.
UPWARDS = {
    ("regions/atlas.py", "draw"),
    ("bounds/growth.py", "draw"),
    ("facts/stability.py", "draw"),
    ("unit_maps/maps.py", "draw"),
    ("chain.py", "storage"),
    ("chain.py", "facts"),
    ("nn/models.py", "init"),
}

HEAVY = {"torch", "onnx", "onnxruntime", "matplotlib", "sklearn", "rich", "flint", "pandas"}


def used_rooms(path: Path) -> Iterator[str]:
    """Rooms of plica that a file imports from, whatever for; "" is the public face."""
    package = path.relative_to(HOME).parent.parts
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        targets: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            targets = [tuple(name.name.split(".")) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                module = ("plica", *package[: len(package) - node.level + 1], *module)
            targets = [(*module, name.name) for name in node.names]
        for target in targets:
            if target[0] == "plica":
                room = target[1] if len(target) > 1 else ""
                is_room = (HOME / room).is_dir() or (HOME / f"{room}.py").is_file()
                yield room if is_room or room == "_core" else ""


@pytest.mark.parametrize("path", sorted(HOME.rglob("*.py")), ids=lambda p: str(p.relative_to(HOME)))
def test_imports_run_one_way(path: Path) -> None:
    name = path.relative_to(HOME)
    room = name.parts[0].removesuffix(".py")
    if room == "__init__":
        return
    wrong = {
        other
        for other in used_rooms(path)
        if other != room and other not in MAY_USE[room] and (name.as_posix(), other) not in UPWARDS
    }
    assert not wrong, f"{name} may not import from {sorted(wrong)}"


def loaded_by(code: str) -> tuple[set[str], float]:
    """Modules that the code loads in a fresh interpreter, and the seconds that it takes."""
    program = (
        "import json, sys, time\nbefore = set(sys.modules)\nstart = time.perf_counter()\n"
        f"{code}\n"
        "seconds = time.perf_counter() - start\n"
        "print(json.dumps([sorted(set(sys.modules) - before), seconds]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules, seconds = json.loads(done.stdout)
    return set(modules), seconds


def test_import_is_light() -> None:
    modules, seconds = loaded_by("import plica")
    assert {name for name in modules if name.startswith("plica")} == {"plica"}
    assert "numpy" not in modules
    assert len(modules) < 40
    assert seconds < 0.3


@pytest.mark.parametrize(
    "code",
    [
        "import plica; plica.Network, plica.Box, plica.Slice",
        "import plica; plica.load, plica.count_regions, plica.map_regions",
        "import plica.draw",
        "import plica; plica.gradients.law, plica.gradients.effective_rank",
        "import plica.cli",
    ],
)
def test_names_load_nothing_heavy(code: str) -> None:
    modules, _ = loaded_by(code)
    assert not {name.split(".")[0] for name in modules} & HEAVY
    assert "scipy.optimize" not in modules


def test_public_names_exist() -> None:
    for name in plica.__all__:
        if name != "nn":  # needs torch
            assert getattr(plica, name) is not None


def test_public_names_are_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text("utf-8")
    errors = set(plica.errors.__all__)  # one directive for the whole module
    missing = {name for name in plica.__all__ if f":: plica.{name}\n" not in page} - errors
    assert not missing

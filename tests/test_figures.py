"""The scripts behind the documentation's pictures run as they are, and write a picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(script: str, out: Path, folder: Path) -> str:
    """What a script says that runs in a folder and writes to ``out``."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, "--out", out],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("figure1.py", "2-10-10-1: "),
        ("regions_by_layer.py", "maxout of rank 3, 3 layers: "),
        ("stability.py", "regions survive any change"),
        ("unit_maps_digits.py", "layer 3: "),
    ],
)
def test_examples_run(script: str, said: str, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "picture.png"
    assert said in run(script, picture, tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_folding_runs(tmp_path: Path) -> None:
    said = run("folding.py", tmp_path / "new", tmp_path)
    pictures = sorted((tmp_path / "new").iterdir())
    names = ["kaleidoscope.png", "paper.png", "preimages.png", "sheet.png", "zigzag.png"]
    assert [path.name for path in pictures] == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert said.count("wrote ") == len(names)


@pytest.mark.slow
def test_deep_to_shallow_runs(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    said = run("deep_to_shallow.py", folder, tmp_path)
    assert "the same function: True" in said
    assert said.count("equal at 100 rational points") == 2
    for name in ("residual.npz", "minimal.npz", "patterns.onnx", "complexity.png"):
        assert (folder / name).stat().st_size

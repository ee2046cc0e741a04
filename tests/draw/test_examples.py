"""The examples that draw pictures run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_folding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["folding.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "folding.py"), run_name="__main__")
    pictures = sorted(path.name for path in tmp_path.iterdir())
    assert pictures == ["kaleidoscope.png", "paper.png", "preimages.png", "sheet.png", "zigzag.png"]
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")

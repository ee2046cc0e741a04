"""The tables of the documentation are those that the package makes today."""

import importlib.util
from pathlib import Path

from plica import bounds

ROOT = Path(__file__).parents[2]


def tool():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "bounds_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_current():
    made = tool()
    page = made.PAGE.read_text("utf-8")
    assert len(made.ARCHITECTURES) >= 12
    assert made.renewed(page) == page, "run python tools/bounds_tables.py"


def test_the_page_names_all_bounds():
    page = (ROOT / "docs" / "bounds.md").read_text("utf-8")
    functions = [n for n in bounds.__all__ if n[0].islower() and n != "exact_rank"]
    missing = [n for n in functions if f"`{n}`" not in page and f"bounds.{n}" not in page]
    assert not missing

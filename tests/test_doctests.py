"""The examples in docstrings and on the pages of the documentation say what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import plica

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MODULES = ["plica", *(m.name for m in pkgutil.walk_packages(plica.__path__, "plica."))]
NEEDS_TORCH = ("plica.nn", "plica.loaders.torch", "plica.shallow._torch")


def run(test: doctest.DocTest) -> None:
    complaints: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=complaints.append)
    assert not complaints, "".join(complaints)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    if name.startswith(NEEDS_TORCH):
        pytest.importorskip("torch")
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        run(test)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages(page: Path) -> None:
    blocks = re.findall(
        r"^```(?:pycon|python)\n(>>> .*?)^```", page.read_text("utf-8"), re.M | re.S
    )
    text = "\n".join(blocks)
    run(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))


def test_pages_have_examples() -> None:
    assert any(">>> " in page.read_text("utf-8") for page in PAGES)

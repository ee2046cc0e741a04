import doctest
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_examples_of_the_readme(monkeypatch, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert found.attempted > 3
    assert found.failed == 0

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_examples_of_the_readme(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", text, flags=re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, {}, "README.md", "README.md", 0)
    assert len(test.examples) > 3
    failed, _ = doctest.DocTestRunner().run(test)
    assert failed == 0

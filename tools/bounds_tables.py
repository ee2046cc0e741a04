"""Write the tables of docs/bounds.md anew: python tools/bounds_tables.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plica

PAGE = Path(__file__).parents[1] / "docs" / "bounds.md"
START = "<!-- tables: written by tools/bounds_tables.py -->\n"
END = "<!-- end of the tables -->\n"

#: Architectures, options of plica.bounds.table, and what they stand for.
ARCHITECTURES: list[tuple[tuple[int, ...], dict[str, Any], str]] = [
    ((3, 20), {}, "One layer"),
    ((1, 5, 5, 5), {}, "One input"),
    ((2, 4, 4, 4, 4), {}, "Two inputs, narrow"),
    ((2, 16, 16, 16), {}, "Two inputs, wide"),
    ((2, 10, 1), {}, "A single unit in the last layer"),
    ((8, 10, 10, 10), {}, "About as wide as its input"),
    ((4, 2, 8), {}, "A bottleneck"),
    ((5, *[50] * 6), {}, "The size of the ACAS Xu networks"),
    ((784, 11, 11), {}, "22 units on MNIST, as in Serra et al. 2018"),
    ((784, 256, 256), {}, "Two layers of 256 units on MNIST"),
    ((2, 8, 8), {"activation": "leaky_relu"}, "Leaky ReLU"),
    ((3, 9, 9), {"activation": "hardtanh"}, "Hard tanh"),
    ((2, 6, 6, 6), {"p": 3}, "Three breakpoints"),
    ((2, 6, 6, 6), {"rank": 3}, "Maxout of rank 3"),
]


def tables() -> str:
    """The tables, as Markdown."""
    parts = []
    for widths, options, title in ARCHITECTURES:
        made = plica.bounds.table(widths, **options)
        parts.append(f"### {title}\n\n{made.subject[0].upper()}{made.subject[1:]}.\n")
        parts.append(made.markdown())
        if made.excluded:
            reasons = [f"- `{e.name}` ({e.counts} regions): {e.reason}." for e in made.excluded]
            parts.append("Not applicable:\n\n" + "\n".join(reasons) + "\n")
    return "\n".join(parts)


def renewed(page: str) -> str:
    """The page with its tables written anew."""
    before, rest = page.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
    print(f"wrote the tables of {PAGE}")

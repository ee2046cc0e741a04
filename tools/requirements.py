"""Print the requirements that pyproject.toml lists under the names given, one a line.

A name is a dependency group, or ``project`` for what plica itself needs.
"""

import sys
import tomllib
from pathlib import Path


def main(names: list[str]) -> None:
    table = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
    groups = {"project": table["project"]["dependencies"], **table["dependency-groups"]}
    print("\n".join(line for name in names for line in groups[name]))


if __name__ == "__main__":
    main(sys.argv[1:])

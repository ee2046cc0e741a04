"""Regions of the ACAS Xu networks over the boxes of their safety properties.

    python benchmarks/acas.py FOLDER [--seconds SECONDS] [--jobs N]

FOLDER holds the networks as ONNX files and `property_boxes.json`, an object from names to objects
with `lower` and `upper`, in the networks' own (normalised) inputs. Counts that are not complete
within the seconds are certified lower bounds.

K. Julian, M. Kochenderfer, M. Owen, Deep Neural Network Compression for Aircraft Collision
Avoidance Systems (2016); the properties are those of G. Katz et al., Reluplex (2017).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import suite  # noqa: F401  one thread for NumPy, before it is loaded

import plica


def main() -> None:
    """Count every network over every box and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each network and box")
    parser.add_argument("--jobs", type=int, default=1, help="threads")
    arguments = parser.parse_args()
    boxes = json.loads((arguments.folder / "property_boxes.json").read_text("utf-8"))
    print("| network | box | dimension | regions | arbitrated | CPU, s | regions/s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for path in sorted(arguments.folder.glob("ACASXU*.onnx")):
        net = plica.load(path)
        for name, bounds in boxes.items():
            box = plica.Box(bounds["lower"], bounds["upper"])
            start = time.process_time()
            count = plica.count_regions(
                net, box, engine="cells", budget=arguments.seconds, n_jobs=arguments.jobs
            )
            seconds = time.process_time() - start
            least = "" if count.complete else "at least "
            print(
                f"| {path.stem} | {name} | {count.dim} | {least}{int(count):,} | "
                f"{count.arbitrated:,} | {seconds:.2f} | {int(count) / seconds:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

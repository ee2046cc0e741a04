"""What a unit of the third layer responds to: its linear maps on scikit-learn's digits.

A ReLU network of three hidden layers learns the 8 x 8 digits. On every image a unit of its third
layer is a linear function of the pixels; over the data it computes many different ones. The picture
shows the most frequent of them as images, with how many digits they act on and which, and the
cosines between all::

    python examples/unit_maps_digits.py [--layer 3] [--unit N] [--out unit_maps_digits.png]

It needs ``scikit-learn`` and takes a few seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import plica


def train(x: np.ndarray, y: np.ndarray) -> plica.Network:
    """A network of widths 64-24-12-10-10; the penalty on its weights makes the maps smooth."""
    model = MLPClassifier(
        (24, 12, 10), alpha=1.0, max_iter=200, learning_rate_init=3e-3, random_state=3
    )
    model.fit(x, y)
    print(f"right on {model.score(x, y):.1%} of the digits it learnt from")
    return plica.load(model)


def most_varied(net: plica.Network, layer: int, x: np.ndarray) -> int:
    """The unit whose linear maps point most apart, on average over the images."""
    spread = []
    for unit in range(net.widths[layer]):
        found = plica.unit_maps.linear_maps(net, layer, unit, x, of="value")
        weights = found.counts / max(1, found.counts.sum())
        spread.append(weights @ np.nan_to_num(found.cosines()) @ weights if len(found) else 1.0)
    return int(np.argmin(spread))


def captions(found: plica.unit_maps.UnitMaps, y: np.ndarray) -> list[str]:
    """For each map how many images it acts on, and of which digits most of them are."""
    texts = []
    for k in range(len(found)):
        digits = np.bincount(y[found.members(k)], minlength=10)
        often = np.argsort(-digits, kind="stable")[: 1 + int((digits > digits.max() / 2).sum() > 1)]
        texts.append(f"{found.counts[k]}: {', '.join(map(str, often))}")
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--unit", type=int)
    parser.add_argument("--out", type=Path, default=Path("unit_maps_digits.png"))
    options = parser.parse_args()

    x, y = load_digits(return_X_y=True)
    x = x / 16
    net = train(x, y)
    layer = options.layer
    unit = most_varied(net, layer, x) if options.unit is None else options.unit

    for deep in range(1, net.depth + 1):
        counts = [
            len(plica.unit_maps.linear_maps(net, deep, u, x)) for u in range(net.widths[deep])
        ]
        print(f"layer {deep}: {min(counts)} to {max(counts)} linear maps a unit on {len(x)} images")

    found = plica.unit_maps.linear_maps(net, layer, unit, x, of="value")
    print(found)
    cosines = found.cosines()[np.triu_indices(len(found), 1)]
    low, high = found.norms.min(), found.norms.max()
    print(f"norms {low:.2f} to {high:.2f}, mean cosine {cosines.mean():.2f}")
    digits = np.bincount(y[found.labels >= 0], minlength=10)
    print("digits that the unit is on for:", {d: int(n) for d, n in enumerate(digits) if n})

    figure = found.plot(
        shape=(8, 8),
        captions=captions(found, y),
        title=f"Unit {unit} of layer {layer}: how many digits each map acts on, and which",
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=120, facecolor=figure.get_facecolor())
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()

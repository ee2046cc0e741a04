"""What one unit of the third layer responds to: its linear maps on scikit-learn's digits.

A ReLU network of three hidden layers learns the 8 x 8 digits. On every image a unit of its third
layer is a linear function of the pixels; over the data it computes many different ones. The picture
shows the most frequent of them as images, and the cosines between them::

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
    """A network of widths 64-32-16-12-10."""
    model = MLPClassifier((32, 16, 12), alpha=1e-2, max_iter=120, tol=1e-3, random_state=3)
    model.fit(x, y)
    print(f"right on {model.score(x, y):.1%} of the digits it learnt from")
    return plica.load(model)


def most_varied(net: plica.Network, layer: int, x: np.ndarray) -> int:
    """The unit that is on for about a fifth of the images: it responds to something."""
    h = net.until(layer)(x) > 0
    return int(np.abs(h.mean(axis=0) - 0.2).argmin())


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
        shape=(8, 8), title=f"What unit {unit} of layer {layer} sees in the digits it responds to"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=150, facecolor=figure.get_facecolor())
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()

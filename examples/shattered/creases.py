"""Agreement of the gradients of two inputs against the number of creases between them.

    python examples/shattered/creases.py

Random networks with 16 inputs and layers of 64 units; pairs of inputs at all distances. Writes
``creases.png`` into ``--out`` and prints the numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import plica
from plica.gradients import pairs_by_creases


def network(depth: int, norm: bool, rng: np.random.Generator, n: int = 16, N: int = 64):
    """A random network, with the statistics of 256 normal inputs folded in."""
    h = rng.normal(size=(256, n))
    layers = []
    for k in range(depth):
        W = rng.normal(0, np.sqrt((2 if k else 1) / h.shape[1]), (N, h.shape[1]))
        z = h @ W.T
        b = np.zeros(N)
        if norm:
            W, b = W / z.std(axis=0)[:, None], -z.mean(axis=0) / z.std(axis=0)
            z = h @ W.T + b
        layers.append((W, b))
        h = np.maximum(z, 0)
    return plica.Network.mlp([*layers, (rng.normal(0, np.sqrt(2 / N), (1, N)), np.zeros(1))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--networks", type=int, default=12)
    options = parser.parse_args()
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    for ax, norm in zip(figure.subplots(1, 2, sharey=True), (False, True), strict=True):
        for depth, colour in zip((1, 3, 6), ("#9ab8e8", "#2f62b0", "#12305f"), strict=True):
            creases, product = [], []
            for seed in range(options.networks):
                rng = np.random.default_rng(seed)
                net = network(depth, norm, rng)
                start = rng.normal(size=(60, 16))
                step = rng.normal(size=(60, 16))
                angle = rng.uniform(0, np.pi / 2, (60, 1))
                ends = np.cos(angle) * start + np.sin(angle) * step
                pairs = np.stack((np.arange(60), np.arange(60, 120)), axis=1)
                found = pairs_by_creases(net, np.vstack((start, ends)), pairs=pairs)
                creases.append(found.creases)
                product.append(found.product)
            x, y = np.concatenate(creases), np.concatenate(product)
            order = np.argsort(x, kind="stable")
            bins = np.array_split(order, 9)
            at = np.array([x[p].mean() for p in bins])
            mean = np.array([y[p].mean() for p in bins])
            error = np.array([y[p].std() / np.sqrt(p.size) for p in bins])
            name = "batch norm" if norm else "plain"
            shown = "  ".join(f"{a:.0f}: {m:.2f}" for a, m in zip(at, mean, strict=True))
            print(f"{name:10s} depth {depth}: {shown}", flush=True)
            ax.errorbar(at, mean, error, fmt="o-", color=colour, markersize=4, capsize=2,
                        label=f"depth {depth}")  # fmt: skip
        far = np.linspace(0, ax.get_xlim()[1], 200)
        ax.plot(far, np.exp(-far / 64), color="0.55", linestyle=(0, (3, 2)), linewidth=1.2,
                label="exp(-creases / width)")  # fmt: skip
        ax.axhline(0, color="0.85", linewidth=1, zorder=0)
        ax.set_xlabel("creases between the two inputs")
        ax.set_title("batch normalisation" if norm else "no normalisation", fontsize=10, loc="left")
        ax.legend(frameon=False, fontsize=8)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    figure.axes[0].set_ylabel("correlation of their gradients")
    figure.savefig(options.out / "creases.png", dpi=130)


if __name__ == "__main__":
    main()

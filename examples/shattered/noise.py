"""Gradients of networks with one input beside brown and white noise, and their exact statistics.

    python examples/shattered/noise.py

Width 200, inputs in [-2, 2], hinges of the first layer uniform. Writes ``noise.png`` (gradients
and covariance matrices on 256 points, the first figure of Balduzzi et al., 2017),
``autocorrelation.png`` (autocorrelation functions on these points, by depth) and ``along.png`` (the
same without a grid) into ``--out``, and prints what the pictures show.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import plica
from plica.gradients import autocorrelation, gradient_along, gradient_covariance

X = np.linspace(-2, 2, 256)
BLUE = "#1f4e9c"
SHADES = ("#9ab8e8", "#5f8fd3", "#2f62b0", "#12305f")


def network(
    kind: str, depth: int, seed: int, N: int = 200, beta: float = 1.0
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Layers (W, b), batch statistics of the 256 points folded in, and the gradient at them.

    Of a residual network there are no layers, only the gradient.
    """
    rng = np.random.default_rng(seed)
    norm = kind != "plain"
    h = X[:, None] * rng.choice([-1.0, 1.0], N) + rng.uniform(-2, 2, N)
    first = (h[-1] - h[0]) / 4
    layers = [(first[:, None], h[0] + 2 * first)]
    d = np.tile(first, (256, 1))  # derivative of every unit
    for k in range(depth):
        z, dz = h, d
        if norm and k:  # a normalisation in front would move all hinges to 0
            s = z.std(axis=0)
            m = z.mean(axis=0)
            z, dz = (z - m) / s, dz / s
            W, b = layers[-1]
            layers[-1] = (W / s[:, None], (b - m) / s)
        W = rng.normal(0, np.sqrt(2 / N), (1 if k == depth - 1 and kind != "residual" else N, N))
        branch, dbranch = np.maximum(z, 0) @ W.T, (dz * (z > 0)) @ W.T
        layers.append((W, np.zeros(len(W))))
        h, d = (h + beta * branch, d + beta * dbranch) if kind == "residual" else (branch, dbranch)
    if kind == "residual":
        return [], d @ rng.normal(0, np.sqrt(1 / N), N)
    return layers, d[:, 0]


def standard(g: np.ndarray) -> np.ndarray:
    return (g - g.mean()) / g.std()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    rng = np.random.default_rng(0)

    columns = {
        "1 layer": [network("plain", 1, s)[1] for s in range(options.runs)],
        "24 layers,\nno batch norm": [network("plain", 24, s)[1] for s in range(options.runs)],
        "24 layers,\nbatch norm": [network("batchnorm", 24, s)[1] for s in range(options.runs)],
        "50 residual blocks,\nbatch norm": [
            network("residual", 50, s)[1] for s in range(options.runs)
        ],
        "brown noise": list(np.cumsum(rng.normal(size=(options.runs, 256)), axis=1)),
        "white noise": list(rng.normal(size=(options.runs, 256))),
    }
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    axes = figure.subplots(2, len(columns), height_ratios=[1, 1.35])
    for (name, runs), (top, bottom) in zip(columns.items(), axes.T, strict=True):
        r = autocorrelation(np.array(runs), 20)
        print(f"{name.replace(chr(10), ' '):34s} autocorrelation at lags 1, 5, 20:"
              f" {r[1]:6.2f} {r[5]:6.2f} {r[20]:6.2f}")  # fmt: skip
        top.plot(X, standard(runs[0]), color=BLUE, linewidth=0.8)
        top.set_title(name, fontsize=9)
        top.set_ylim(-3.6, 3.6)
        centred = np.array([standard(g) for g in runs])
        bottom.imshow(gradient_covariance(centred), cmap="RdBu_r", vmin=-1, vmax=1)
        for ax in (top, bottom):
            ax.set_xticks([])
            ax.set_yticks([])
    figure.savefig(options.out / "noise.png", dpi=80)

    print("on the grid, by depth:")
    figure = Figure(figsize=(11, 3), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    kinds = {
        "no normalisation": ("plain", 1.0),
        "batch normalisation": ("batchnorm", 1.0),
        "residual + batch norm, beta 1": ("residual", 1.0),
        "residual + batch norm, beta 0.1": ("residual", 0.1),
    }
    for ax, (name, (kind, beta)) in zip(panels, kinds.items(), strict=True):
        for depth, colour in zip((4, 10, 24, 50), SHADES, strict=True):
            runs = [network(kind, depth, s, beta=beta)[1] for s in range(8)]
            r = autocorrelation(np.array(runs), 20)
            print(f"{name:32s} depth {depth:3d}: {r[1]:6.2f} {r[5]:6.2f} {r[20]:6.2f}", flush=True)
            ax.plot(r, color=colour, label=f"depth {depth}", linewidth=1.4)
        for noise, dashes in (("brown noise", (0, (4, 2))), ("white noise", (0, (1, 1.5)))):
            ax.plot(autocorrelation(np.array(columns[noise]), 20), color="0.5", linewidth=1,
                    linestyle=dashes, label=noise)  # fmt: skip
        ax.set_title(name, fontsize=9, loc="left")
        ax.set_xlabel("lag, points of the grid")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    panels[0].set_ylabel("autocorrelation of the gradient")
    panels[3].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(0.1, 0.42))
    figure.savefig(options.out / "autocorrelation.png", dpi=110)

    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    lags = np.geomspace(1e-7, 0.5, 101)
    for ax, kind, depths in (
        (left, "plain", (1, 8, 14, 24)),
        (right, "batchnorm", (1, 4, 12, 24)),
    ):
        for depth, colour in zip(depths, SHADES, strict=True):
            found = []
            for seed in range(4):
                layers, _ = network(kind, depth, seed, N=60)
                found.append(
                    gradient_along(plica.Network.mlp(layers), plica.Segment([-2.0], [2.0]))
                )
            covariance = sum(f.autocovariance(lags) / f.variance for f in found) / len(found)
            jumps = np.mean([f.n_jumps for f in found])
            half = np.mean([f.half_lag() for f in found])
            rough = np.mean([f.roughness for f in found])
            white = np.mean([f.whiteness for f in found])
            print(f"{kind:10s} depth {depth:3d}: {jumps:8.0f} jumps, roughness {rough:7.1f}, "
                  f"whiteness {white:5.2f}, half lag {half:.2g}", flush=True)  # fmt: skip
            ax.plot(lags, covariance, color=colour, label=f"depth {depth}, {jumps:,.0f} jumps")
        ax.axvline(1 / 256, color="0.7", linewidth=1, linestyle=":")
        ax.text(1 / 256, -0.32, " a grid of 256", fontsize=7, color="0.5")
        ax.axhline(0, color="0.85", linewidth=1, zorder=0)
        ax.set_xscale("log")
        ax.set_ylim(-0.35, 1.03)
        ax.set_xlabel("lag, share of the segment")
        ax.set_title({"plain": "no normalisation", "batchnorm": "batch normalisation"}[kind],
                     fontsize=10, loc="left")  # fmt: skip
        ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.08))
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    left.set_ylabel("autocorrelation of the gradient, exact")
    figure.savefig(options.out / "along.png", dpi=130)

    for kind, norm in (("plain", "no normalisation"), ("batchnorm", "batch normalisation")):
        layers, _ = network(kind, 24, 0)
        start = time.process_time()
        exact = gradient_along(plica.Network.mlp(layers), plica.Segment([-2.0], [2.0]))
        seconds = time.process_time() - start
        print(f"24 layers of width 200, {norm}: {exact.n_jumps:,} jumps in {seconds:.0f} s, "
              f"half lag {exact.half_lag():.5f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

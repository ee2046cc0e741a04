"""Correlation between gradients, their autocorrelation and their rank, against depth.

    python examples/shattered/depth.py

Random fully connected networks of width 200, 32 Gaussian inputs, several networks a point. Writes
``depth.png`` (correlation with the laws drawn in) and ``rank.png`` (relative effective rank) into
``--out``, and prints the numbers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

import plica
from plica.gradients import (
    diagnose,
    effective_rank,
    gradient_correlation,
    law,
    sample_gradients,
)

KINDS = {
    "plain": ("plain", 1.0, "#b03a2e", ("plain", "paper"), ("plain", "wide")),
    "batchnorm": ("plain + batch norm", 1.0, "#d1901f", ("plain", "paper"), ("plain", "batchnorm")),
    "residual": ("residual", 1.0, "#7a7a7a", ("residual", "paper"), ("residual", "wide")),
    "residual_batchnorm": (
        "residual + batch norm",
        1.0,
        "#3a8f4d",
        ("residual", "paper_batchnorm"),
        ("residual", "batchnorm"),
    ),
    "residual_batchnorm 0.1": (
        "the same, beta = 0.1",
        0.1,
        "#1f4e9c",
        ("residual", "paper_batchnorm"),
        ("residual", "batchnorm"),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 3, 5, 10, 20, 50])
    options = parser.parse_args()
    torch.set_num_threads(1)
    M, N = 32, 200
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    axes = figure.subplots(1, 2)
    ranks: dict[str, list[float]] = {}
    fine = range(1, max(options.depths) + 1)
    for name, (label, beta, colour, paper, wide) in KINDS.items():
        start = time.process_time()
        points, errors = [], []
        ranks[label] = []
        for depth in options.depths:
            rows = []
            for seed in range(options.networks):
                random = torch.Generator().manual_seed(seed)
                module = plica.nn.mlp(
                    N, 1, N, depth, kind=name.split()[0], beta=beta, generator=random
                ).double()
                x = torch.randn(M, N, generator=random, dtype=torch.float64)
                rows.append(sample_gradients(module, x))
            value, stderr = gradient_correlation(np.array(rows))
            points.append(value)
            errors.append(stderr)
            raw = float(np.mean([effective_rank(g) for g in rows]))
            even = [effective_rank(g, normalise_rows=True) for g in rows]
            ranks[label].append(float(np.mean(even)))
            by_paper = law(paper[0], depth, paper[1], beta=beta).correlation
            by_width = law(wide[0], depth, wide[1], beta=beta, batch=M).correlation
            print(
                f"{label:24s} depth {depth:3d}: measured {value:8.4f} +- {stderr:.4f}, "
                f"paper {by_paper:9.2g}, wide {by_width:9.2g}, rank {raw:.3f}, "
                f"of even rows {ranks[label][-1]:.3f}",
                flush=True,
            )
        ax = axes[int(name.startswith("residual"))]
        shown = np.array(points) > 0
        ax.errorbar(np.array(options.depths)[shown], np.array(points)[shown],
                    np.array(errors)[shown], fmt="o", markersize=4, color=colour, label=label,
                    capsize=2)  # fmt: skip
        ax.plot(fine, [law(wide[0], d, wide[1], beta=beta, batch=M).correlation for d in fine],
                color=colour, linewidth=1.4)  # fmt: skip
        ax.plot(fine, [law(paper[0], d, paper[1], beta=beta).correlation for d in fine],
                color=colour, linewidth=1, linestyle=(0, (2, 2)))  # fmt: skip
        print(f"  {time.process_time() - start:.0f} s of CPU")
    for ax, low in zip(axes, (1e-4, 1e-2), strict=True):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(low, 1.3)
        ax.set_xlabel("rectifier layers, or blocks")
        ax.set_xticks(options.depths, [str(d) for d in options.depths])
        ax.minorticks_off()
        ax.legend(frameon=False, fontsize=8, loc="lower left")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    axes[0].set_ylabel("correlation between gradients of samples")
    axes[0].set_title("dots: measured; line: law of wide networks; dashes: the paper's law",
                      fontsize=9, loc="left")  # fmt: skip
    figure.savefig(options.out / "depth.png", dpi=130)

    figure = Figure(figsize=(6.2, 3.8), layout="constrained")
    ax = figure.subplots()
    for (label, values), kind in zip(ranks.items(), KINDS.values(), strict=True):
        ax.plot(options.depths, values, "o-", markersize=4, color=kind[2], label=label)
    linear = plica.nn.looks_linear_mlp(N, 1, N, 50).double()
    flat = effective_rank(sample_gradients(linear, torch.randn(M, N, dtype=torch.float64)))
    ax.axhline(flat, color="0.2", linewidth=1, linestyle=":", label="looks-linear, any depth")
    print(f"looks-linear, depth 50: rank {flat:.3f}")
    torch.manual_seed(0)
    batch = torch.randn(64, 100, dtype=torch.float64)
    layers = [layer for _ in range(20) for layer in (nn.Linear(100, 100), nn.ReLU())]
    first = diagnose(nn.Sequential(*layers, nn.Linear(100, 1)).double(), batch).layers[0]
    print(f"torch's own initialisation, 20 layers of width 100: {first.correlation:.2f}, by "
          f"co-activation {first.from_coactivation:.2f}, by law {first.from_law:.2f}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(options.depths, [str(d) for d in options.depths])
    ax.minorticks_off()
    ax.set_ylim(0, 1)
    ax.set_xlabel("rectifier layers, or blocks")
    ax.set_ylabel("effective rank / Gaussian, rows of length 1")
    ax.legend(frameon=False, fontsize=8)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    figure.savefig(options.out / "rank.png", dpi=130)


if __name__ == "__main__":
    main()

"""Trainability against depth on scikit-learn's digits: fully connected or convolutional networks.

    python examples/shattered/digits.py            # fully connected, depth 2 to 200, minutes
    python examples/shattered/digits.py --conv     # convolutional, depth 3 to 60, minutes

Every network is trained by Adam with two learning rates; the better final training loss counts.
Writes a table to the screen, and a picture and the numbers as JSON next to ``--out``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import nn

import plica

KINDS = {
    "plain": "ReLU, He",
    "batchnorm": "ReLU + batch norm",
    "crelu": "CReLU, He",
    "looks-linear": "CReLU, looks-linear",
    "residual_batchnorm": "residual + batch norm",
}
COLOURS = ["#b03a2e", "#d1901f", "#7a7a7a", "#1f4e9c", "#3a8f4d"]


def data(conv: bool) -> tuple[torch.Tensor, ...]:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32)[order]
    y = torch.tensor(y)[order]
    if conv:
        x = x.reshape(-1, 1, 8, 8)
    return x[:1437], y[:1437], x[1437:], y[1437:]


def build(kind: str, depth: int, conv: bool, seed: int) -> nn.Module:
    random = torch.Generator().manual_seed(seed)
    sizes = (1, 10, 16, depth) if conv else (64, 10, 64, depth)
    if kind == "looks-linear":
        make = plica.nn.looks_linear_convnet if conv else plica.nn.looks_linear_mlp
        return make(*sizes, generator=random)
    make = plica.nn.convnet if conv else plica.nn.mlp
    return make(*sizes, kind=kind, generator=random)


def train(
    module: nn.Module, rate: float, epochs: int, seed: int, parts: tuple[torch.Tensor, ...]
) -> tuple[float, float]:
    """Mean training loss of the last epoch, and test accuracy."""
    x, y, x_test, y_test = parts
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(module.parameters(), rate)
    last = float("inf")
    for _ in range(epochs):
        losses = []
        for batch in torch.randperm(len(x), generator=random).split(128):
            if len(batch) < 32:
                continue
            loss = nn.functional.cross_entropy(module(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        last = float(np.mean(losses))
    module.eval()
    with torch.no_grad():
        accuracy = float((module(x_test).argmax(1) == y_test).float().mean())
    return (last if np.isfinite(last) else float("inf")), accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conv", action="store_true")
    parser.add_argument("--depths", type=int, nargs="+")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-4])
    parser.add_argument("--out", type=Path, default=Path("digits"))
    options = parser.parse_args()
    depths = options.depths or ([3, 10, 30, 60] if options.conv else [2, 10, 30, 100, 200])
    epochs = options.epochs or (6 if options.conv else 15)

    torch.set_num_threads(1)
    parts = data(options.conv)
    found: dict[str, list[list[float]]] = {}
    for kind, label in KINDS.items():
        found[kind] = []
        for depth in depths:
            start = time.process_time()
            scores = []
            for seed in range(options.seeds):
                runs = [
                    train(build(kind, depth, options.conv, seed), rate, epochs, seed, parts)
                    for rate in options.rates
                ]
                scores.append(min(runs)[1])
            found[kind].append(scores)
            shown = " ".join(f"{score:.3f}" for score in scores)
            print(f"{label:24s} depth {depth:4d}  {shown}  {time.process_time() - start:.0f} s",
                  flush=True)  # fmt: skip

    options.out.with_suffix(".json").write_text(json.dumps({"depths": depths, "accuracy": found}))
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    ax = figure.subplots()
    for colour, (kind, label) in zip(COLOURS, KINDS.items(), strict=True):
        scores = np.array(found[kind])
        ax.plot(depths, scores.mean(axis=1), "o-", color=colour, label=label, markersize=4)
        ax.fill_between(depths, scores.min(axis=1), scores.max(axis=1), color=colour, alpha=0.15)
    ax.set_xscale("log")
    ax.set_xticks(depths, [str(d) for d in depths])
    ax.minorticks_off()
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("rectifier layers")
    ax.set_ylabel("test accuracy, digits")
    ax.legend(frameon=False, fontsize=8, loc="lower left")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    figure.savefig(options.out.with_suffix(".png"), dpi=140)


if __name__ == "__main__":
    main()

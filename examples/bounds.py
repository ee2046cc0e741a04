"""Bounds against depth, and the regions that random and trained networks have.

Networks with two inputs and the same number of units, in one layer or in several, are counted
exactly on the whole plane: random ones, and ones trained on a checkerboard. Run it from anywhere::

    python examples/bounds.py

It needs ``torch``, takes under a minute on one core, and writes ``bounds.png`` next to itself, or
where ``--out`` says.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

import plica

UNITS = 24
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8)
HERE = Path(__file__).parent


def random_network(widths: tuple[int, ...], seed: int) -> plica.Network:
    """Weights N(0, 2 / fan_in), biases N(0, 0.3^2)."""
    rng = np.random.default_rng([seed, *widths])
    return plica.Network.mlp(
        [
            (rng.normal(0, np.sqrt(2 / a), (b, a)), rng.normal(0, 0.3, b))
            for a, b in pairwise((*widths, 1))
        ]
    )


def trained_network(widths: tuple[int, ...], seed: int, steps: int) -> plica.Network:
    """The same, trained to tell the colours of a checkerboard of 3 x 3 fields on [-1, 1]^2."""
    start = random_network(widths, seed)
    layers = []
    for stage in start.stages:
        linear = torch.nn.Linear(stage.n_state, stage.n_pre)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(stage.dense()))
            linear.bias.copy_(torch.tensor(stage.a))
        layers += [linear, torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1])
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(steps):
        x = 2 * torch.rand(256, 2, generator=generator) - 1
        y = torch.floor((x + 1) * 1.5).sum(dim=1) % 2
        loss = torch.nn.functional.binary_cross_entropy_with_logits(module(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pairs = [
        (m.weight.detach().double().numpy(), m.bias.detach().double().numpy())
        for m in module
        if isinstance(m, torch.nn.Linear)
    ]
    return plica.Network.mlp(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "bounds.png")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()

    torch.set_num_threads(1)
    bounds = plica.bounds.against_depth(2, DEPTHS, units=UNITS)
    plane = plica.Space(2)
    counts: dict[str, list[tuple[int, int]]] = {"random": [], "trained": []}
    for depth, widths in zip(bounds.depths, bounds.widths, strict=True):
        for seed in range(options.seeds):
            networks = {
                "random": random_network(widths, seed),
                "trained": trained_network(widths, seed, options.steps),
            }
            for name, net in networks.items():
                counts[name].append((depth, int(plica.count_regions(net, plane))))
    print("layers  lower bound  random         trained        upper bound")
    for i, depth in enumerate(bounds.depths):
        found = {k: [n for d, n in pairs if d == depth] for k, pairs in counts.items()}
        spans = [f"{min(v)} to {max(v)}" for v in found.values()]
        print(
            f"{depth:6}  {bounds.lower[i]:11,}  {spans[0]:13}  {spans[1]:13}  {bounds.upper[i]:,}"
        )
    ax = bounds.plot(counts)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    ax.figure.savefig(options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()

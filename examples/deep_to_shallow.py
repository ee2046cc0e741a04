"""From deep to shallow: train a residual network, and write it as a maximum of shallow ones.

The network has two inputs, three residual blocks of eight ReLU units each, and one output that
tells the arms of a spiral apart. It is turned into a maximum of functions with one hidden layer,
which is then checked against it: in exact arithmetic at random rational points, in float64 on many
points, and by counting linear regions. Plain and residual networks of several depths are compared
after it.
Run it from anywhere::

    python examples/deep_to_shallow.py [--out FOLDER]

It needs ``torch`` and takes about a minute on one core. With ``--out`` it writes there the network
(``residual.npz``), the shallow forms (``.npz``, ``.onnx``) and the picture (``complexity.png``).
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

import plica
from plica import shallow
from plica.exact.rational import RationalChain

BOX = plica.Box([-1, -1], [1, 1])


class Block(torch.nn.Module):
    """``x -> x + V relu(W x + b) + c``."""

    def __init__(self, n: int, width: int) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(n, width)
        self.outer = torch.nn.Linear(width, n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.outer(torch.relu(self.inner(x)))


def spiral(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of two arms, shape (n, 2), and their labels -1 and 1."""
    t = rng.uniform(0.25, 1.0, n)
    arm = rng.integers(0, 2, n)
    angle = 1.5 * np.pi * t + np.pi * arm
    points = 0.9 * t[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return points + rng.normal(0, 0.03, (n, 2)), 2.0 * arm - 1


def train(steps: int = 1500) -> torch.nn.Module:
    """A residual network that tells the arms apart."""
    torch.manual_seed(0)
    x, label = spiral(np.random.default_rng(0), 1000)
    points, target = torch.tensor(x).float(), torch.tensor(label).float()
    model = torch.nn.Sequential(*(Block(2, 8) for _ in range(3)), torch.nn.Linear(2, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.soft_margin_loss(model(points)[:, 0], target)
        loss.backward()
        optimiser.step()
    right = ((model(points)[:, 0] > 0) == (target > 0)).float().mean()
    print(f"trained: {100 * float(right):.1f} % of the points on the right side")
    return model


def check(form: shallow.MaxOfShallow, net: plica.Network) -> None:
    """Compare a form with its network."""
    rng = np.random.default_rng(1)
    chain = RationalChain(net)
    for _ in range(100):
        point = [Fraction(int(v), 9973) for v in rng.integers(-9973, 9974, 2)]
        assert form.value(point) == chain.value(point)
    x = rng.uniform(-1, 1, (20_000, 2))
    start = time.process_time()
    values = form(x)
    seconds = time.process_time() - start
    error = np.abs(values - net(x)).max() / np.abs(net(x)).max()
    products = len(x) * (form.total_units * form.n_outputs + form.affine.ints.size)
    products += len(x) * form.hidden.ints.size
    print(
        f"  equal at 100 rational points; relative error {error:.1e} at 20,000 points, "
        f"{seconds / len(x) * 1e6:.1f} us a point, {products / seconds / 1e9:.2f} G products/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder to write to")
    out = parser.parse_args().out
    model = train()
    net = plica.load(model, example=torch.zeros(1, 2))
    linear = plica.count_regions(net, BOX, kind="linear")
    print(f"{net}: {int(plica.count_regions(net, BOX)):,} activation and {int(linear):,} linear")
    forms = {}
    for method in ("patterns", "minimal"):
        print(shallow.plan(net, BOX, method=method))
        start = time.process_time()
        form = forms[method] = shallow.max_of_shallow(net, BOX, method=method)
        print(f"  {form}, {form.total_units:,} in all, {time.process_time() - start:.1f} s")
        check(form, net)
    corner = plica.Box([-0.25, -0.25], [0.25, 0.25])
    small = shallow.max_of_shallow(net, corner)
    again = small.to_network()
    print(f"on {corner}: {small}")
    print(f"  as a chain: {again}; the same function: {bool(plica.equal_on(net, again, corner))}")
    counts = [int(plica.count_regions(n, corner, kind="linear")) for n in (net, again)]
    print(f"  linear regions, deep and shallow: {counts[0]} and {counts[1]}")

    print("12 units, means over 10 random networks, on [-1, 1]^2 and everywhere:")
    for domain in (BOX, None):
        rows = shallow.sweep(12, (1, 2, 3, 4, 6), domain, seeds=10)
        for residual in (False, True):
            for depth in (1, 2, 3, 4, 6):
                some = [r for r in rows if (r.residual, r.depth) == (residual, depth)]
                names = ("all_terms", "regions", "terms", "units_per_term", "total_units")
                means = [np.mean([getattr(r, name) for r in some]) for name in names]
                penalty = np.mean([r.mean_penalty for r in some])
                kind = "residual" if residual else "plain"
                cells = " ".join(f"{v:8.1f}" for v in means)
                print(f"  {kind:8} depth {depth}: {cells} {penalty:7.2f}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        net.save(out / "residual.npz")
        for method, form in forms.items():
            form.save(out / f"{method}.npz")
            form.to_onnx(out / f"{method}.onnx")
        shallow.plot_complexity(rows, out / "complexity.png")


if __name__ == "__main__":
    main()

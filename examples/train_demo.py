"""Train the network of the demo: the signed distance to a folded paper crane.

The network has two inputs, three hidden layers of ReLU units and one output, which is positive on
the paper and negative beside it. Run it from anywhere::

    python examples/train_demo.py

It needs ``torch`` and ``onnx``, takes under a minute on one core, and writes
``models/demo.onnx`` (the network) and ``models/demo_points.npy`` (a few of the points it learnt
from, one row ``x, y, label`` each, label 1 on the paper) next to itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

WIDTHS = (32, 64, 64)
HERE = Path(__file__).parent / "models"

#: The crane's facets, convex polygons that overlap where the paper does.
FACETS = {
    "tail": [(-0.93, 0.36), (-0.32, -0.10), (-0.06, -0.20), (0.0, -0.64)],
    "neck": [(0.69, 0.55), (0.24, -0.16), (0.0, -0.64), (0.665, 0.37)],
    "head": [(0.69, 0.55), (0.60, 0.355), (0.95, 0.22)],
    "wing": [(-0.30, 0.93), (-0.34, -0.11), (0.06, -0.40), (0.16, -0.02)],
    "far wing": [(0.37, 0.78), (-0.05, 0.10), (0.08, -0.25), (0.265, -0.16)],
    "body": [(-0.34, -0.11), (0.0, -0.64), (0.265, -0.16)],
}


def distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Signed distance, shape (N,), from points, shape (N, 2), to a polygon; positive inside."""
    ends = np.roll(polygon, -1, axis=0)
    squared = np.full(len(points), np.inf)
    inside = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for a, b in zip(polygon, ends, strict=True):
        edge, offset = b - a, points - a
        t = np.clip(offset @ edge / (edge @ edge), 0.0, 1.0)
        squared = np.minimum(squared, ((offset - t[:, None] * edge) ** 2).sum(axis=1))
        crosses = (a[1] <= y) != (b[1] <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < a[0] + (y - a[1]) * edge[0] / edge[1])
    return np.where(inside, 1.0, -1.0) * np.sqrt(squared)


def height(points: np.ndarray) -> np.ndarray:
    """The target: the largest of the signed distances to the facets."""
    return np.max([distance(points, np.array(p)) for p in FACETS.values()], axis=0)


def sample(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` points of the box [-1.1, 1.1]^2, denser near the outline."""
    points = rng.uniform(-1.1, 1.1, (4 * n, 2))
    weight = np.exp(-np.abs(height(points)) / 0.1) + 0.1
    return points[rng.choice(len(points), n, replace=False, p=weight / weight.sum())]


def build(rng: np.random.Generator) -> torch.nn.Sequential:
    """The untrained network; the creases of its first layer are spread over the box."""
    layers: list[torch.nn.Module] = []
    before = 2
    for width in WIDTHS:
        layers += [torch.nn.Linear(before, width), torch.nn.ReLU()]
        before = width
    module = torch.nn.Sequential(*layers, torch.nn.Linear(before, 1))
    angle = rng.uniform(0, 2 * np.pi, WIDTHS[0])
    normals = 1.5 * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    through = rng.uniform(-1, 1, (WIDTHS[0], 2))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor(normals))
        module[0].bias.copy_(torch.tensor(-(normals * through).sum(axis=1)))
    return module


def train(module: torch.nn.Module, points: np.ndarray, steps: int) -> None:
    """Least absolute deviations, weighted towards the outline."""
    x = torch.tensor(points, dtype=torch.float32)
    y = torch.tensor(height(points), dtype=torch.float32)[:, None]
    optimizer = torch.optim.Adam(module.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 6e-3, total_steps=steps, pct_start=0.15
    )
    for step in range(steps):
        batch = torch.randint(0, len(x), (2048,))
        error = (module(x[batch]) - y[batch]).abs()
        loss = (error / (y[batch].abs() + 0.03)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 1000 == 0:
            print(f"step {step + 1:5d}  weighted error {loss.item():.4f}", flush=True)


def to_onnx(module: torch.nn.Sequential) -> onnx.ModelProto:
    """The network as Gemm and Relu nodes; the metadata name the box it was trained for."""
    nodes, constants, flow = [], [], "point"
    linear = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    for i, layer in enumerate(linear, start=1):
        for name, tensor in ((f"W{i}", layer.weight), (f"b{i}", layer.bias)):
            constants.append(numpy_helper.from_array(tensor.detach().numpy(), name))
        last = i == len(linear)
        out = "height" if last else f"z{i}"
        nodes.append(helper.make_node("Gemm", [flow, f"W{i}", f"b{i}"], [out], f"fc{i}", transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"h{i}"], f"relu{i}"))
            flow = f"h{i}"
    graph = helper.make_graph(
        nodes,
        "crane",
        [helper.make_tensor_value_info("point", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("height", TensorProto.FLOAT, ["N", 1])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="plica examples"
    )
    model.ir_version = 8
    helper.set_model_props(model, {"plica.domain": "box:-1,1"})
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=HERE / "demo.onnx")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    points = sample(rng, 60_000)
    module = build(rng)
    train(module, points, options.steps)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(module), options.out)
    shown = rng.uniform(-1, 1, (600, 2))
    label = height(shown) > 0
    np.save(
        options.out.with_name(options.out.stem + "_points.npy"),
        np.column_stack((shown, label)).astype(np.float32),
    )
    fresh = rng.uniform(-1, 1, (20_000, 2))
    with torch.no_grad():
        found = module(torch.tensor(fresh, dtype=torch.float32)).numpy()[:, 0]
    target = height(fresh)
    print(f"right side of the outline on {np.mean((found > 0) == (target > 0)):.2%} of new points")
    print(f"mean error of the distance {np.abs(found - target).mean():.4f}")
    print(f"wrote {options.out} ({options.out.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()

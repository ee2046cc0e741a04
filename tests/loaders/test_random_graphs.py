"""Random graphs of tensors, with branches of any depth, become chains that agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plica

pytest.importorskip("onnx")

from .test_onnx_ops import ints, model, node

N = 4


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    """Nodes over vectors of N entries, each reading any tensors before it; integer weights."""
    nodes: list[Any] = []
    constants: dict[str, Any] = {"halves": ints(2, 2), "pairs": ints(1, N, 2)}
    names = ["x"]
    weights = st.integers(-2, 2)
    count = draw(st.integers(1, 14))
    for i in range(count):
        a, b = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        out = f"t{i}"
        kind = draw(
            st.sampled_from(
                [
                    "Relu",
                    "Abs",
                    "Add",
                    "Sub",
                    "Max",
                    "Min",
                    "MatMul",
                    "Scale",
                    "Concat",
                    "Split",
                    "Maxout",
                    "Flip",
                    "Clip",
                ]
            )
        )
        if kind in ("Relu", "Abs"):
            nodes.append(node(kind, a, out))
        elif kind in ("Add", "Sub", "Max", "Min"):
            nodes.append(node(kind, f"{a} {b}", out))
        elif kind in ("MatMul", "Scale"):
            size = N * N if kind == "MatMul" else N
            values = draw(st.lists(weights, min_size=size, max_size=size))
            shape = (N, N) if kind == "MatMul" else (N,)
            constants[f"w{i}"] = np.array(values, dtype=float).reshape(shape)
            nodes.append(node("MatMul" if kind == "MatMul" else "Mul", f"{a} w{i}", out))
        elif kind == "Concat":
            constants.update(start=ints(2), end=ints(6), axis=ints(1))
            nodes.append(node("Concat", f"{a} {b}", f"c{i}", axis=1))
            nodes.append(node("Slice", f"c{i} start end axis", out))
        elif kind == "Split":
            nodes.append(node("Split", f"{a} halves", f"l{i} r{i}", axis=1))
            nodes.append(node("Concat", f"r{i} l{i}", out, axis=1))
        elif kind == "Maxout":
            nodes.append(node("Concat", f"{a} {b}", f"c{i}", axis=1))
            nodes.append(node("Reshape", f"c{i} pairs", f"p{i}"))
            nodes.append(node("ReduceMax", f"p{i}", out, axes=[2], keepdims=0))
        elif kind == "Flip":
            constants["order"] = ints(3, 1, 2, 0)
            nodes.append(node("Gather", f"{a} order", out, axis=1))
        else:
            constants.update(low=np.array(-1.0), high=np.array(2.0))
            nodes.append(node("Clip", f"{a} low high", out))
        names.append(out)
    nodes.append(node("Add", f"x {out}", "y"))
    return nodes, constants


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_random_graph_agrees(graph: tuple[list[Any], dict[str, Any]]) -> None:
    """Integer weights and points: chain and reference must be equal, not only close."""
    nodes, constants = graph
    built = model(nodes, (1, N), constants, dtype=np.float64)
    net = plica.load(built, check=False)
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(built)
    points = np.random.default_rng(1).integers(-3, 4, (20, N)).astype(float)
    want = np.concatenate([session.run(None, {"x": p[None]})[0] for p in points])
    assert np.array_equal(net(points), want)
    again = plica.Network(net.stages)
    assert again.id == net.id
    J, c = net.affine(points)
    assert np.array_equal(np.einsum("nij,nj->ni", J, points) + c, want)

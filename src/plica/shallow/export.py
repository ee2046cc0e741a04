"""A shallow form as a chain, a torch module and an ONNX model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..units import Units

if TYPE_CHECKING:
    from .form import MaxOfShallow

__all__ = ["copied", "to_network", "to_onnx", "to_torch"]

Float = NDArray[np.float64]
#: A model gathers the units of each term where there are so many times more.
SPARSE = 4


def to_network(form: MaxOfShallow, exact: bool) -> Network:
    """See `MaxOfShallow.to_network`."""
    n, m, T, H = form.n_inputs, form.n_outputs, len(form.terms), form.distinct_units
    affine = form.affine.parts() if exact else [form.affine.floats]
    hidden = form.hidden.parts() if exact else [form.hidden.floats]
    weights = form.weights.parts() if exact else [form.weights.floats]
    copies = max(len(affine), len(hidden), len(weights))
    # The state before the hidden layer. With one copy the input itself.
    stages = [copied(n, copies)] if copies > 1 else []
    rows, rows_bias = _beside(hidden, copies, n)
    pass_on = sp.eye_array(rows.shape[1], format="csr")
    # each copy of the hidden layer is read by one part of the output weights
    repeat = len(weights)
    stages.append(
        Stage(
            sp.vstack([rows] * repeat + [pass_on], format="csr"),
            np.concatenate([rows_bias] * repeat + [np.zeros(rows.shape[1])]),
            Units.concat([Units.relu(H * repeat), Units.identity(rows.shape[1])]),
        )
    )
    column = np.repeat(np.arange(T), form.units_per_term)
    at = column[:, None] + T * np.arange(m)
    read = np.broadcast_to(form.reads[:, None], at.shape)
    V = [
        sp.csr_array((part.ravel(), (at.ravel(), read.ravel())), shape=(T * m, H))
        for part in weights
    ]
    flat = [part.transpose(1, 0, 2).reshape(T * m, n + 1) for part in affine]
    straight, constant = _beside(flat, copies, n)
    groups = np.arange(T * m).reshape(m, T)
    out = sp.hstack([*V, straight], format="csr")
    stages.append(Stage(out, constant, Units.max(groups, T * m)))
    meta = {"source": "max of shallow functions", **form.meta}
    return Network(stages, meta)


def copied(n: int, copies: int) -> Stage:
    """``x -> (x, 1, x, 1, ...)``: what sums of rows of floats read."""
    one = sp.vstack([sp.eye_array(n), sp.csr_array((1, n))])
    return Stage(sp.vstack([one] * copies, format="csr"), np.tile([0.0] * n + [1.0], copies))


def _beside(parts: list[Float], copies: int, n: int) -> tuple[Any, Float]:
    """Parts of the rows ``(w, w0)`` as one matrix on ``copies`` of (x, 1), and a bias."""
    if copies == 1:
        return sp.csr_array(parts[0][:, :n]), parts[0][:, n].copy()
    k = parts[0].shape[0]
    padded = parts + [np.zeros((k, n + 1))] * (copies - len(parts))
    return sp.csr_array(np.concatenate(padded, axis=1)), np.zeros(k)


def _split(rows: Float) -> tuple[Float, Float]:
    """Coefficients and constants."""
    return np.array(rows[..., :-1]), np.array(rows[..., -1])


def _few_units(form: MaxOfShallow) -> bool:
    """Whether a matrix of all weights would mostly be zeros."""
    return form.distinct_units > SPARSE * max(int(form.units_per_term.max(initial=0)), 1)


def _weights(form: MaxOfShallow) -> Float:
    """Weights of all hidden units in all terms, shape (T m, H)."""
    T, m, H = len(form.terms), form.n_outputs, form.distinct_units
    V = np.zeros((T, m, H))
    V[np.repeat(np.arange(T), form.units_per_term), :, form.reads] = form.weights.floats
    return V.reshape(T * m, H)


def _padded(form: MaxOfShallow) -> tuple[NDArray[np.int64], Float]:
    """Units that each term reads, shape (T, k), and their weights, (T, k, m); zero at the end."""
    T, k = len(form.terms), max(int(form.units_per_term.max(initial=0)), 1)
    row = np.repeat(np.arange(T), form.units_per_term)
    place = np.arange(form.reads.size) - form.start[row]
    reads, weights = np.zeros((T, k), dtype=np.int64), np.zeros((T, k, form.n_outputs))
    reads[row, place], weights[row, place] = form.reads, form.weights.floats
    return reads, weights


def to_torch(form: MaxOfShallow) -> Any:
    """See `MaxOfShallow.to_torch`."""
    import torch

    from ._torch_module import MaxOfShallowModule

    T, m = len(form.terms), form.n_outputs
    A, a = _split(form.affine.floats.reshape(T * m, -1))
    parts: list[NDArray[Any]] = [*_split(form.hidden.floats), A, a]
    parts += [*_padded(form)] if _few_units(form) else [_weights(form)]
    return MaxOfShallowModule(T, *map(torch.tensor, parts))


def to_onnx(form: MaxOfShallow, path: str | os.PathLike[str]) -> None:
    """See `MaxOfShallow.to_onnx`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    n, m, T = form.n_inputs, form.n_outputs, len(form.terms)
    U, u = _split(form.hidden.floats)
    A, a = _split(form.affine.floats.reshape(T * m, n + 1))
    arrays: dict[str, NDArray[Any]] = {"U": U.T, "u": u, "A": A.T, "a": a}
    arrays["shape"] = np.array([-1, T, m], dtype=np.int64)
    nodes = [
        helper.make_node("Gemm", ["x", "U", "u"], ["z"]),
        helper.make_node("Relu", ["z"], ["h"]),
        helper.make_node("Gemm", ["x", "A", "a"], ["straight"]),
    ]
    if _few_units(form):
        arrays["reads"], arrays["V"] = _padded(form)
        k = arrays["reads"].shape[1]
        arrays["rows"] = np.array([-1, T, 1, k], dtype=np.int64)
        nodes += [
            helper.make_node("Gather", ["h", "reads"], ["own"], axis=1),
            helper.make_node("Reshape", ["own", "rows"], ["each"]),
            helper.make_node("MatMul", ["each", "V"], ["products"]),
            helper.make_node("Reshape", ["products", "shape"], ["bent"]),
            helper.make_node("Reshape", ["straight", "shape"], ["affine"]),
            helper.make_node("Add", ["bent", "affine"], ["terms"]),
        ]
    else:
        arrays["V"] = _weights(form).T
        nodes += [
            helper.make_node("Gemm", ["h", "V", "straight"], ["values"]),
            helper.make_node("Reshape", ["values", "shape"], ["terms"]),
        ]
    nodes.append(helper.make_node("ReduceMax", ["terms"], ["y"], axes=[1], keepdims=0))
    arrays = {name: np.ascontiguousarray(v) for name, v in arrays.items()}
    weights = [numpy_helper.from_array(v, name) for name, v in arrays.items()]
    double = TensorProto.DOUBLE
    graph = helper.make_graph(
        nodes,
        "max of shallow functions",
        [helper.make_tensor_value_info("x", double, ["N", n])],
        [helper.make_tensor_value_info("y", double, ["N", m])],
        weights,
    )
    model = helper.make_model(
        graph, producer_name="plica", opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.checker.check_model(model)
    Path(path).write_bytes(model.SerializeToString())

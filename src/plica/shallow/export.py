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


def _dense(form: MaxOfShallow) -> tuple[Float, Float, Float, Float, Float]:
    """Hidden weights (H, n) and biases; output weights (T m, H), affine (T m, n), constants."""
    n, m, T, H = form.n_inputs, form.n_outputs, len(form.terms), form.distinct_units
    hidden = form.hidden.floats
    V = np.zeros((T, m, H))
    V[np.repeat(np.arange(T), form.units_per_term), :, form.reads] = form.weights.floats
    affine = form.affine.floats.reshape(T * m, n + 1)
    return hidden[:, :n], hidden[:, n], V.reshape(T * m, H), affine[:, :n], affine[:, n]


def to_torch(form: MaxOfShallow) -> Any:
    """See `MaxOfShallow.to_torch`."""
    import torch

    from ._torch_module import MaxOfShallowModule

    U, u, V, A, a = (torch.tensor(np.array(v)) for v in _dense(form))
    return MaxOfShallowModule(U, u, V, A, a, len(form.terms))


def to_onnx(form: MaxOfShallow, path: str | os.PathLike[str]) -> None:
    """See `MaxOfShallow.to_onnx`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    n, m, T = form.n_inputs, form.n_outputs, len(form.terms)
    U, u, V, A, a = _dense(form)
    arrays = {"U": U.T, "u": u, "V": V.T, "A": A.T, "a": a}
    arrays = {name: np.ascontiguousarray(v) for name, v in arrays.items()}
    weights = [numpy_helper.from_array(v, name) for name, v in arrays.items()]
    weights.append(numpy_helper.from_array(np.array([-1, T, m], dtype=np.int64), "shape"))
    nodes = [
        helper.make_node("Gemm", ["x", "U", "u"], ["z"]),
        helper.make_node("Relu", ["z"], ["h"]),
        helper.make_node("Gemm", ["x", "A", "a"], ["straight"]),
        helper.make_node("Gemm", ["h", "V", "straight"], ["values"]),
        helper.make_node("Reshape", ["values", "shape"], ["terms"]),
        helper.make_node("ReduceMax", ["terms"], ["y"], axes=[1], keepdims=0),
    ]
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

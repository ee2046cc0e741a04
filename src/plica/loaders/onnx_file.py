"""ONNX models: the graph, walked node by node."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadError, NetworkError, PlicaError, UnsupportedError
from . import affine, verify
from .affine import Array, Shape, Tensor
from .nonlinear import Comparison
from .notices import READOUTS, array, warn_dropped
from .onnx_ops import MOVES, OPS, SCATTERS, Call, Result, moved, scattered
from .schedule import to_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..chain import Network

FLOATS = (1, 10, 11, 16)  # TensorProto.FLOAT, FLOAT16, DOUBLE, BFLOAT16


def load_onnx(
    source: str | Path | Any,
    example: Any = None,
    input_shape: Sequence[int] | None = None,
    tolerance: float | None = None,
    check: bool = True,
) -> Network:
    """A network from an ONNX file, or from an ``onnx.ModelProto``.

    Parameters
    ----------
    source : path or onnx.ModelProto
    example : array, optional
        An input as the model takes it, with its batch axis: its shape stands for ``input_shape``,
        and chain and model are also compared on it and around it.
    input_shape : sequence of int, optional
        Shape of one input, with or without its batch axis; needed where the model leaves a
        dimension open other than the first (which is set to 1).
    tolerance : float, optional
        Largest allowed error relative to the scale of the outputs.
    check : bool
        Whether to compare the chain with the model.

    Raises
    ------
    LoadError
        If the file is missing or damaged, a dimension is open, or chain and model disagree.
    UnsupportedError
        If an operation is not piecewise linear, or not handled.
    NetworkError
        If a weight is NaN or infinite, or shapes do not fit.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    model: Any = _read(path) if path is not None else source
    graph = _Graph(model, str(path) if path is not None else "the model")
    data = None if example is None else array(example, "example")
    if data is not None and input_shape is None:
        input_shape = (1, *data.shape[1:]) if data.ndim > 1 else data.shape
    name, shape, dtype = graph.single_input(input_shape)
    source_tensor = affine.network_input(shape)
    graph.run(name, source_tensor)
    outputs = graph.outputs()
    flat = [affine.take(t, t.positions.reshape(-1)) for _, t in outputs]
    output = flat[0] if len(flat) == 1 else affine.concat(flat, 0)
    meta: dict[str, Any] = {
        "source": str(path) if path is not None else "onnx.ModelProto",
        "format": "onnx",
        "nodes": len(graph.nodes),
        "ops": dict(sorted(Counter(n.op_type for n in graph.nodes).items())),
        "input": name,
        "input_shape": list(shape),
        "outputs": {n: list(t.shape) for n, t in outputs},
        "dropped": graph.dropped,
        "metadata": {p.key: p.value for p in model.metadata_props},
    }
    net = to_network(output, source_tensor, meta)
    if check:
        names = [n for n, _ in outputs]
        run = verify.onnx_runner(model, name, names, shape, dtype)
        half = dtype == np.float16 or any(t.data_type in (10, 16) for t in model.graph.initializer)
        net.meta.update(verify.compare(net, run, verify.points(shape, data), tolerance, half=half))
    else:
        net.meta["checked_against"] = "nothing: check=False"
    return net


def _read(path: Path) -> Any:
    if not path.is_file():
        raise LoadError(f"{path}: no such file")
    try:
        import onnx
    except ImportError:
        raise LoadError(f"{path}: reading ONNX needs onnx; pip install onnx") from None
    try:
        model = onnx.load(str(path))
    except FileNotFoundError as error:
        raise LoadError(
            f"{path}: its weights are in another file that is missing ({error}); keep it beside "
            "the model"
        ) from error
    except Exception as error:  # protobuf, external data: many kinds, all mean an unreadable file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LoadError(f"{path}: not an ONNX model, or damaged ({reason})") from error
    if not model.graph.node or not model.graph.output:
        raise LoadError(f"{path}: not an ONNX model, or one with an empty graph")
    return model


def _name(node: Any) -> str:
    """The operation, with its domain where that is not ONNX's own."""
    return str(node.op_type) if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


class _Graph:
    """The values of a graph's names while its nodes are walked."""

    def __init__(self, model: Any, name: str) -> None:
        from onnx import inliner, numpy_helper

        if model.functions:
            model = inliner.inline_local_functions(model)
        self.name = name
        self.graph = model.graph
        self.nodes = list(model.graph.node)
        self.opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        self.values: dict[str, Result] = {
            t.name: numpy_helper.to_array(t) for t in model.graph.initializer
        }
        if model.graph.sparse_initializer:
            raise UnsupportedError(f"{name}: sparse initializers are not read; store them dense")
        self.readers = Counter(i for n in self.nodes for i in n.input)
        self.output_names = {o.name for o in model.graph.output}
        self.dropped: str | None = None
        self.before_dropped: dict[str, str] = {}  # output of a dropped node: its input

    def single_input(self, wanted: Sequence[int] | None) -> tuple[str, Shape, np.dtype[Any]]:
        """Name, shape and type of the input; open dimensions are settled here."""
        from onnx import helper

        real = [i for i in self.graph.input if i.name not in self.values]
        if len(real) != 1:
            raise UnsupportedError(
                f"{self.name}: it has {len(real)} inputs "
                f"({', '.join(i.name for i in real) or 'none'}); plica needs exactly one"
            )
        (value,) = real
        kind = value.type.tensor_type
        if kind.elem_type not in FLOATS:
            raise UnsupportedError(
                f"{self.name}: input {value.name!r} is not floating point; export the model with a "
                "floating-point input"
            )
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
        if not kind.HasField("shape"):
            if wanted is None:
                raise LoadError(
                    f"{self.name}: input {value.name!r} has no shape; give input_shape=(1, ...)"
                )
            return value.name, tuple(int(n) for n in wanted), dtype
        dims: list[int | str] = [
            d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in kind.shape.dim
        ]
        return value.name, self._settle(value.name, dims, wanted), dtype

    def _settle(self, name: str, dims: list[int | str], wanted: Sequence[int] | None) -> Shape:
        if wanted is not None:
            given = tuple(int(n) for n in wanted)
            if len(given) == len(dims) - 1:
                given = (1, *given)
            fits = len(given) == len(dims) and all(
                isinstance(d, str) or d <= 0 or d == n for d, n in zip(dims, given, strict=True)
            )
            if not fits or min(given, default=1) < 1:
                raise LoadError(
                    f"{self.name}: input_shape={tuple(wanted)} does not fit input {name!r} of "
                    f"shape {dims}"
                )
            return given
        shape = []
        for axis, d in enumerate(dims):
            if isinstance(d, int) and d > 0:
                shape.append(d)
            elif axis == 0 and len(dims) > 1:
                shape.append(1)  # the batch axis
            else:
                raise LoadError(
                    f"{self.name}: dimension {axis} ({d!r}) of input {name!r} with shape {dims} is "
                    "open; fix it with input_shape=(...), the shape of one input"
                )
        return tuple(shape)

    def run(self, name: str, source: Tensor) -> None:
        """Walk the nodes in order."""
        self.values[name] = source
        for i, node in enumerate(self.nodes):
            if not any(self.readers[o] or o in self.output_names for o in node.output):
                continue
            inputs = [self._input(node, i, n) for n in node.input]
            where = (
                f"{self.name}: node {node.name or node.output[0]!r} ({_name(node)}), number "
                f"{i + 1} of {len(self.nodes)}, reading "
                f"{', '.join(map(repr, node.input)) or 'nothing'}"
            )
            call = Call(node, where, self.opset, inputs)
            try:
                results = self._evaluate(call)
            except (UnsupportedError, NetworkError) as error:
                if str(error).startswith(where):
                    raise
                raise type(error)(f"{where}: {error}") from error
            except PlicaError:
                raise
            except (ValueError, IndexError, TypeError) as error:
                raise LoadError(f"{where}: it does not fit its inputs ({error})") from error
            self.values.update({o: r for o, r in zip(node.output, results, strict=False) if o})

    def _input(self, node: Any, i: int, name: str) -> Result | None:
        if not name:
            return None
        if name not in self.values:
            raise LoadError(
                f"{self.name}: node {i + 1} ({node.op_type}) reads {name!r}, which nothing before "
                "it writes (or which is an extra output that plica does not compute); check the "
                "model with onnx.checker"
            )
        return self.values[name]

    def _evaluate(self, call: Call) -> Sequence[Result]:
        node = call.node
        op = _name(node)
        symbolic = [v for v in call.inputs if isinstance(v, Tensor | Comparison)]
        if not symbolic:
            return self._constant(call, call.inputs)  # type: ignore[arg-type]
        if op == "Shape":
            assert isinstance(symbolic[0], Tensor)
            shape = np.array(symbolic[0].shape, dtype=np.int64)
            end = call.attribute("end")
            return [shape[int(call.attribute("start", 0)) : None if end is None else int(end)]]
        if op == "Size":
            assert isinstance(symbolic[0], Tensor)
            return [np.array(symbolic[0].size, dtype=np.int64)]
        if op in MOVES:
            return moved(call, lambda inputs: self._constant(call, inputs))
        if op in SCATTERS:
            return scattered(call, lambda inputs: self._constant(call, inputs))
        if op in OPS:
            return [OPS[op](call)]
        if op.lower() in READOUTS and self._is_last(node.output[0]):
            self.dropped = warn_dropped(f"{op} {node.name or node.output[0]!r}", op.lower())
            self.before_dropped[node.output[0]] = node.input[0]
            return [call.tensor()]
        reason = (
            "it is only dropped where it is the very last operation; it is not piecewise linear"
            if op.lower() in READOUTS
            else "it is not piecewise linear, or not handled"
        )
        raise UnsupportedError(
            f"{call.where}: {reason}. Supported: "
            f"{', '.join(sorted({*OPS, *MOVES, *SCATTERS, 'Shape', 'Size'}))}; "
            "as the last operation also Softmax, LogSoftmax, Sigmoid, Softplus; anything on "
            "constants"
        )

    def _is_last(self, name: str) -> bool:
        return name in self.output_names and not self.readers[name]

    def _constant(self, call: Call, inputs: Sequence[Array | None]) -> list[Array]:
        """The node on constant inputs, by ONNX's own reference implementation."""
        from onnx import TypeProto, helper
        from onnx.reference import ReferenceEvaluator

        node = call.node
        names = [n for n in dict.fromkeys(node.input) if n]
        graph = helper.make_graph(
            [node],
            "constant",
            [helper.make_value_info(n, TypeProto()) for n in names],
            [helper.make_value_info(o, TypeProto()) for o in node.output if o],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        feeds = {n: np.asarray(v) for n, v in zip(node.input, inputs, strict=True) if n}
        try:
            found = ReferenceEvaluator(model).run(None, feeds)
        except Exception as error:  # whatever the reference implementation does not know or accept
            raise UnsupportedError(
                f"{call.where}: it could not be evaluated on its constant inputs ({error})"
            ) from error
        results = iter(found)
        return [np.asarray(next(results)) if o else np.zeros(0) for o in node.output]

    def outputs(self) -> list[tuple[str, Tensor]]:
        """The outputs that depend on the input; where a last operation was dropped, its input."""
        found: dict[str, Tensor] = {}
        for o in self.graph.output:
            value = self.values.get(o.name)
            if value is None:
                raise LoadError(f"{self.name}: output {o.name!r} is written by no node")
            if not isinstance(value, Tensor) or not value.terms:
                raise NetworkError(f"{self.name}: output {o.name!r} does not depend on the input")
            found.setdefault(self.before_dropped.get(o.name, o.name), value)
        return list(found.items())

"""The chain against the original, on random points."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadError
from .notices import warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from .affine import Float, Shape

#: Points of each kind on which chain and original are compared.
POINTS = 24
SEED = 20140205

#: Default tolerance, relative to the scale of the outputs, by what the original computes in.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}


class Runner:
    """The original model: ``run(points)``, with what runs it and in which precision."""

    def __init__(
        self, run: Callable[[Float], Float], name: str, precision: str = "float32"
    ) -> None:
        self.run, self.name, self.precision = run, name, precision


def points(shape: Shape, example: Float | None = None) -> Float:
    """Random points, shape (N, n_inputs): standard normal, uniform in [0, 1], near the example."""
    n = int(np.prod(shape))
    random = np.random.default_rng(SEED)
    kinds = [random.standard_normal((POINTS, n)), random.random((POINTS, n))]
    if example is not None:
        example = example.reshape(-1, n)[:POINTS]
        spread = float(example.std()) or 1.0
        kinds += [example, example[:1] + spread * random.standard_normal((POINTS, n))]
    return np.concatenate(kinds).astype(np.float32).astype(np.float64)


def compare(
    chain: Callable[[Float], Float],
    original: Runner | str,
    x: Float,
    tolerance: float | None,
    half: bool = False,
) -> dict[str, Any]:
    """The largest difference between the chain and the original, as entries for ``net.meta``.

    ``original`` is a sentence where nothing can run it; then the entries say so.

    Raises
    ------
    LoadError
        If the difference is above the tolerance.
    """
    if isinstance(original, str):
        return _unchecked(original)
    precision = "float16" if half else original.precision
    if half:
        x = x.astype(np.float16).astype(np.float64)
    allowed = TOLERANCE[precision] if tolerance is None else tolerance
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the original has to say about itself
            want = original.run(x)
    except Exception as error:  # any failure of a foreign runtime means the same: not checked
        return _unchecked(f"{original.name} failed ({_first_line(error)})")
    got = chain(x)
    if want.shape != got.shape:
        raise LoadError(
            f"the chain has {got.shape[1]} outputs but the original, run by {original.name}, has "
            f"{want.shape[1]}; please report this model"
        )
    scale = float(np.abs(want).max()) or 1.0
    error_found = float(np.abs(got - want).max())
    if not error_found <= allowed * scale:
        raise LoadError(
            f"the chain and the original, run by {original.name} in {precision}, differ by "
            f"{error_found:.3g} where outputs are up to {scale:.3g} (relative "
            f"{error_found / scale:.2g}, "
            f"tolerance {allowed:g}); give tolerance= if that is good enough for you"
        )
    return {
        "checked_against": f"{original.name} ({precision})",
        "points": len(x),
        "error": error_found,
        "relative_error": error_found / scale,
        "tolerance": allowed,
    }


def _unchecked(reason: str) -> dict[str, Any]:
    warn(f"the chain was not compared with the original: {reason}")
    return {"checked_against": f"nothing: {reason}"}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__


def onnx_runner(
    model: Any, name: str, outputs: list[str], shape: Shape, dtype: Any
) -> Runner | str:
    """ONNX Runtime, or else ONNX's reference implementation, computing the named outputs."""
    from onnx import ModelProto, ValueInfoProto

    cut = ModelProto()
    cut.CopyFrom(model)
    if [o.name for o in cut.graph.output] != outputs:
        del cut.graph.output[:]
        cut.graph.output.extend(ValueInfoProto(name=o) for o in outputs)
    precision = "float64" if dtype == np.float64 else "float32"
    reasons = []
    for make in (_onnxruntime, _onnx_reference):
        try:
            run_one, title = make(cut, name)
            run_one(np.zeros(shape, dtype=dtype))
        except Exception as error:  # not installed, an operation it does not know, an old version
            reasons.append(_first_line(error))
            continue

        def run(x: Float, one: Callable[[Any], list[Any]] = run_one) -> Float:
            rows = [
                np.concatenate([np.asarray(y, np.float64).reshape(-1) for y in one(p)])
                for p in x.reshape(-1, *shape).astype(dtype)
            ]
            return np.stack(rows)

        return Runner(run, title, precision)
    return "; ".join(reasons)


def _onnxruntime(model: Any, name: str) -> tuple[Callable[[Any], list[Any]], str]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return (lambda p: list(session.run(None, {name: p}))), f"onnxruntime {ort.__version__}"


def _onnx_reference(model: Any, name: str) -> tuple[Callable[[Any], list[Any]], str]:
    import onnx
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(model)
    return (lambda p: list(session.run(None, {name: p}))), f"onnx.reference {onnx.__version__}"

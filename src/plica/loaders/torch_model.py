"""torch modules: known sequences directly, everything else through ``torch.export``."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LoadError, UnsupportedError
from . import affine, verify
from .notices import array
from .schedule import to_network
from .torch_layers import finite_parameters, first_shape, plain_sequence, run
from .torch_program import KNOWN, Program, all_known, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..chain import Network
    from .affine import Float, Shape, Tensor


def load_module(
    module: Any,
    example: Any = None,
    input_shape: Sequence[int] | None = None,
    tolerance: float | None = None,
    check: bool = True,
) -> Network:
    """A network from a ``torch.nn.Module``, which is left as it is.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode where that makes a difference.
    example : tensor or array, optional
        An input as the module takes it, with its batch axis.
    input_shape : sequence of int, optional
        Instead of an example: the shape of one input, without its batch axis.
    tolerance, check
        As in `plica.load`.

    Raises
    ------
    UnsupportedError
        If the module is in training mode where it matters, or does something not piecewise linear.
    LoadError
        If the shape of the input is missing, tracing fails, or chain and module disagree.
    """
    _evaluation_mode(module)
    finite_parameters(module)
    layers = plain_sequence(module)
    data, shape = _input(module, example, input_shape)
    source = affine.network_input(shape)
    meta: dict[str, Any] = {
        "source": f"{type(module).__module__}.{type(module).__qualname__}",
        "input_shape": list(shape),
    }
    double = _double(module)
    if layers is not None:
        output, dropped = run(layers, source)
        meta |= {
            "format": "torch.nn.Sequential",
            "nodes": len(layers),
            "ops": dict(sorted(Counter(type(m).__name__ for _, m in layers).items())),
        }
        if dropped is not None:
            module, double = (_without_last(m) for m in (module, double))
        original = _runner(module, double, shape)
        return _finish([output], source, meta, dropped, original, data, tolerance, check)
    program, double = _export(module, double, shape)
    walk = Program(program)
    outputs, dropped = walk.run(source)
    meta |= {"format": "torch.export", "nodes": walk.count, "ops": walk.ops}
    if dropped is not None:
        module, double = walk.before_dropped(), None
    original = _runner(module, double, shape)
    return _finish(outputs, source, meta, dropped, original, data, tolerance, check)


def load_exported(
    program: Any,
    input_shape: Sequence[int] | None = None,
    tolerance: float | None = None,
    check: bool = True,
) -> Network:
    """A network from a ``torch.export.ExportedProgram``; see `load_module`."""
    walk = Program(_simplified(program))
    shape = walk.input_shape(input_shape)
    source = affine.network_input(shape)
    outputs, dropped = walk.run(source)
    meta = {
        "source": "torch.export.ExportedProgram",
        "input_shape": list(shape),
        "format": "torch.export",
        "nodes": walk.count,
        "ops": walk.ops,
    }
    module = program.module() if dropped is None else walk.before_dropped()
    original = _runner(module, None, shape)
    return _finish(outputs, source, meta, dropped, original, None, tolerance, check)


def _finish(
    outputs: list[Tensor],
    source: Tensor,
    meta: dict[str, Any],
    dropped: str | None,
    original: verify.Runner,
    data: Float | None,
    tolerance: float | None,
    check: bool,
) -> Network:
    meta |= {"outputs": [list(y.shape) for y in outputs], "dropped": dropped}
    flat = [affine.take(y, y.positions.reshape(-1)) for y in outputs]
    net = to_network(flat[0] if len(flat) == 1 else affine.concat(flat, 0), source, meta)
    if check:
        net.meta.update(verify.compare(net, original, verify.points(source.shape, data), tolerance))
    else:
        net.meta["checked_against"] = "nothing: check=False"
    return net


# -- before tracing ------------------------------------------------------------------------------


def _evaluation_mode(module: Any) -> None:
    from torch import nn

    for name, m in module.named_modules():
        what = f"module {name or type(module).__name__!r} ({type(m).__name__})"
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            if m.training:
                raise UnsupportedError(
                    f"{what} is in training mode, where it depends on the whole batch; call "
                    ".eval() on the module first"
                )
            if m.running_mean is None:
                raise UnsupportedError(
                    f"{what} has no running statistics (track_running_stats=False): it depends on "
                    "the whole batch even after .eval()"
                )
        dropout = isinstance(m, nn.modules.dropout._DropoutNd)
        if m.training and dropout and m.p > 0:
            raise UnsupportedError(
                f"{what} is in training mode, where it is random; call .eval() on the module first"
            )


def _input(
    module: Any, example: Any, input_shape: Sequence[int] | None
) -> tuple[Float | None, Shape]:
    """The example as an array, and the shape of one input with its batch axis."""
    if isinstance(example, tuple | list) and len(example) == 1 and hasattr(example[0], "shape"):
        example = example[0]
    if example is not None:
        several = isinstance(example, tuple | list) and any(hasattr(e, "shape") for e in example)
        if several or isinstance(example, dict):
            raise UnsupportedError("plica needs a module with exactly one input; give one tensor")
        data = array(example, "example")
        if data.ndim == 0 or data.size == 0:
            raise LoadError(f"example: expected an input of the module, got shape {data.shape}")
        return data, (1, *data.shape[1:]) if data.ndim > 1 else (1, data.size)
    if input_shape is not None:
        return None, (1, *(int(n) for n in input_shape))
    found = first_shape(module)
    if found is None:
        raise LoadError(
            f"{type(module).__name__}: the shape of its input does not follow from its first "
            "layer; give example=, an input with its batch axis, or input_shape=, without it"
        )
    return None, found


def _double(module: Any) -> Any | None:
    """A copy in float64, or None where the module cannot be copied."""
    try:
        return copy.deepcopy(module).double().cpu()
    except Exception:  # modules may refuse to be copied in any way they like; float32 then serves
        return None


def _without_last(sequence: Any | None) -> Any | None:
    """A sequence of layers without its last one."""
    from torch import nn

    layers = None if sequence is None else plain_sequence(sequence)
    return None if layers is None else nn.Sequential(*(m for _, m in layers[:-1]))


def _runner(module: Any, double: Any | None, shape: Shape) -> verify.Runner:
    """The original itself, in float64 where there is such a copy."""
    import torch

    original, dtype = double, torch.float64
    if original is None:
        original = module
        dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)

    def run_all(x: Float) -> Float:
        rows = []
        with torch.no_grad():
            for p in x.reshape(-1, *shape):
                y = original(torch.tensor(p, dtype=dtype))
                parts = (
                    y.values() if isinstance(y, dict) else y if isinstance(y, tuple | list) else [y]
                )
                rows.append(np.concatenate([t.double().numpy().reshape(-1) for t in parts]))
        return np.stack(rows)

    return verify.Runner(run_all, f"torch {torch.__version__}", str(dtype).removeprefix("torch."))


# -- tracing -------------------------------------------------------------------------------------


def _export(module: Any, double: Any | None, shape: Shape) -> tuple[Any, Any | None]:
    """The exported program of the float64 copy, or of the module where that does not trace."""
    import torch

    reason: Exception | None = None
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    for m, kind in ((double, torch.float64), (module, dtype)):
        if m is None:
            continue
        random = torch.Generator().manual_seed(verify.SEED)
        example = torch.randn(shape, generator=random, dtype=torch.float64).to(kind)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's own deprecations
                program = torch.export.export(m, (example,))
        except Exception as error:  # tracing runs the user's code: anything may come out
            reason = error
            continue
        return _simplified(program), m if m is double else None
    text = str(reason).strip()
    raise LoadError(
        f"{type(module).__name__}: torch.export could not trace it on an input of shape "
        f"{tuple(shape)}: {text.splitlines()[0] if text else type(reason).__name__}. Check the "
        "example; where control flow depends on values, it is not one piecewise-linear network"
    ) from reason


def _simplified(program: Any) -> Any:
    """The program without in-place operations, with what plica does not read taken apart."""
    import torch

    if all_known(program):
        return program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table: Any = torch.export.default_decompositions()
        known = [op for op in table if hasattr(op, "_schema") and short_name(op) in KNOWN]
        for op in known:
            table.pop(op)
        return program.run_decompositions(table)

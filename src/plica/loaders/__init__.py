"""`load`: a network from whatever it is kept in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chain import Network
from ..errors import LoadError
from .notices import PlicaWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..units import PiecewiseLinear

__all__ = ["PlicaWarning", "load"]


def load(
    source: Any,
    example: Any = None,
    *,
    activation: str | PiecewiseLinear = "relu",
    input_shape: Sequence[int] | None = None,
    tolerance: float | None = None,
    check: bool = True,
) -> Network:
    """A piecewise-linear network from a file, a model or plain arrays.

    Parameters
    ----------
    source : path, torch.nn.Module, torch.export.ExportedProgram, onnx.ModelProto, fitted \
scikit-learn MLP, list of (W, b), or Network
        A path ends in ``.onnx`` or ``.npz`` (what `Network.save` wrote). A network is passed on.
    example : tensor or array, optional
        For torch and ONNX: an input as the model takes it, with its batch axis. Torch needs it
        where the shape of the input does not follow from the first layer.
    activation : str or PiecewiseLinear
        For a list of ``(W, b)``: the activation between the layers, as in `Network.mlp`.
    input_shape : sequence of int, optional
        Shape of one input, without its batch axis, where a model leaves it open.
    tolerance : float, optional
        Largest allowed difference between the chain and the original on random points, relative to
        the largest output. Default: 1e-9 where the original runs in float64, 1e-4 in float32, 2e-2
        in float16.
    check : bool
        Whether to compare at all.

    Returns
    -------
    Network
        Inputs and outputs are tensors without their batch axis (set to 1), flattened in C order.
        ``meta`` has the source, what was checked against what, and the error found.

    Raises
    ------
    LoadError
        If the source cannot be read, a dimension is open, or chain and original disagree.
    UnsupportedError
        If something in it is not piecewise linear, or in training mode.
    NetworkError
        If a weight is NaN or infinite, or shapes do not fit.

    Warns
    -----
    PlicaWarning
        If a softmax, sigmoid or the like at the very end was dropped, or nothing could run the
        original to compare it.

    Examples
    --------
    >>> import plica
    >>> net = plica.load([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    >>> net([[-2.0]]).tolist()
    [[2.0]]
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, str | Path):
        return _load_file(Path(source), example, input_shape, tolerance, check)
    # A model can only be of a library that has been imported already.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(source, torch.nn.Module):
        from .torch_model import load_module

        return load_module(source, example, input_shape, tolerance, check)
    export = sys.modules.get("torch.export")
    if export is not None and isinstance(source, export.ExportedProgram):
        from .torch_model import load_exported

        return load_exported(source, input_shape, tolerance, check)
    onnx = sys.modules.get("onnx")
    if onnx is not None and isinstance(source, onnx.ModelProto):
        from .onnx_file import load_onnx

        return load_onnx(source, example, input_shape, tolerance, check)
    if hasattr(source, "coefs_") and hasattr(source, "intercepts_"):
        from .arrays import load_sklearn

        return load_sklearn(source, tolerance, check)
    if type(source).__module__.split(".")[0] == "sklearn":
        raise LoadError(
            f"{type(source).__name__}: plica reads a fitted MLPClassifier or MLPRegressor; fit it "
            "first, and take it out of a pipeline (its scaling is an affine map: Network.before)"
        )
    if isinstance(source, list | tuple):
        return Network.mlp(source, activation)
    raise LoadError(
        f"cannot load a {type(source).__module__}.{type(source).__qualname__}; give a path to "
        ".onnx or .npz, a torch.nn.Module, a fitted scikit-learn MLP, a list of (W, b), or a "
        "plica.Network"
    )


def _load_file(
    path: Path,
    example: Any,
    input_shape: Sequence[int] | None,
    tolerance: float | None,
    check: bool,
) -> Network:
    if not path.is_file():
        raise LoadError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if path.suffix == ".npz":
        return Network.load(path)
    if path.suffix == ".onnx":
        from .onnx_file import load_onnx

        return load_onnx(path, example, input_shape, tolerance, check)
    hint = ""
    if path.suffix in (".pt", ".pth", ".pkl", ".ckpt", ".bin", ".safetensors"):
        hint = (
            "; build the torch module in Python, load its weights, and give plica.load the module"
        )
    raise LoadError(f"{path}: plica reads .onnx and .npz files{hint}")

"""Networks from plain arrays and from fitted scikit-learn perceptrons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..chain import Network
from ..errors import UnsupportedError
from . import verify
from .notices import finite

if TYPE_CHECKING:
    from .affine import Float

SKLEARN = {"relu": "relu", "identity": "identity"}

READOUT = {
    "identity": "predictions",
    "softmax": "logits, before softmax: the largest one is the predicted class",
    "logistic": "logits, before the logistic function: probability 0.5 is the level 0.0",
}


def load_sklearn(model: Any, tolerance: float | None = None, check: bool = True) -> Network:
    """A network from a fitted ``MLPClassifier`` or ``MLPRegressor``; outputs are before softmax.

    Parameters
    ----------
    model : object
        Anything with ``coefs_``, ``intercepts_`` and ``activation``.
    tolerance : float, optional
        Largest allowed error relative to the scale of the outputs.
    check : bool
        Whether to compare the chain with the model's own predictions.

    Raises
    ------
    UnsupportedError
        If the activation is not piecewise linear.
    LoadError
        If chain and model disagree.
    """
    kind = type(model).__name__
    activation = getattr(model, "activation", "relu")
    if activation not in SKLEARN:
        raise UnsupportedError(
            f"{kind}: activation={activation!r} is not piecewise linear; fit it with "
            "activation='relu'"
        )
    readout = getattr(model, "out_activation_", "identity")
    layers = [
        (finite(W, f"coefs_[{i}]").T, finite(b, f"intercepts_[{i}]"))
        for i, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True))
    ]
    net = Network.mlp(layers, SKLEARN[activation])
    net.meta.update(
        source=kind, format="scikit-learn", nodes=len(layers), output=READOUT.get(readout, readout)
    )
    if not check:
        net.meta["checked_against"] = "nothing: check=False"
        return net
    x = verify.points((net.n_inputs,))
    net.meta.update(
        verify.compare(
            lambda p: _readout(net(p), readout), _predictor(model, readout), x, tolerance
        )
    )
    return net


def _readout(z: Float, kind: str) -> Float:
    """What scikit-learn makes of the last layer's values."""
    if kind == "softmax":
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    if kind == "logistic":
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * z))
    return z


def _predictor(model: Any, readout: str) -> verify.Runner | str:
    """The model's own predictions or probabilities."""
    method = "predict" if readout == "identity" else "predict_proba"
    if not hasattr(model, method):
        return f"the model has no {method}"

    def run(x: Float) -> Float:
        y = np.asarray(getattr(model, method)(x), dtype=np.float64).reshape(len(x), -1)
        # one logistic output stands for two classes
        return y[:, 1:] if readout == "logistic" and model.coefs_[-1].shape[1] == 1 else y

    return verify.Runner(run, f"{type(model).__name__}.{method}", "float64")

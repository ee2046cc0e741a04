"""What every loader says in the same words."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import NetworkError

if TYPE_CHECKING:
    from .affine import Float


class PlicaWarning(UserWarning):
    """Something that a reader of the answer should know: an output dropped, a check not made."""


#: Last operations that are dropped, and what remains true without them.
READOUTS = {
    "softmax": "the outputs are its inputs (logits): the largest output is the same one, and two "
    "probabilities are equal where their logits are equal",
    "logsoftmax": "the outputs are its inputs (logits): the largest output is the same one, and "
    "two log-probabilities are equal where their logits are equal",
    "sigmoid": "the outputs are its inputs: probability 0.5 is the level 0.0, and p is the level "
    "log(p / (1 - p))",
    "softplus": "the outputs are its inputs: softplus increases, so the order "
    "of the outputs stays the same",
    "logsigmoid": "the outputs are its inputs: probability 0.5 is the level 0.0",
}


def warn_dropped(where: str, kind: str) -> str:
    """Warn that a last operation was dropped; returns the note for ``Network.meta``."""
    note = f"the last operation, {where}, is not piecewise linear and was dropped; {READOUTS[kind]}"
    warn(note)
    return note


def warn(message: str) -> None:
    """A `PlicaWarning` at the line that called plica."""
    warnings.warn(message, PlicaWarning, stacklevel=_caller())


def _caller() -> int:
    """The stack level, seen from the function that calls this one, of the code outside plica."""
    package = str(Path(__file__).parents[1])
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level + 1


def array(value: Any, name: str = "constant") -> Float:
    """A torch tensor, an array or a number as a finite float64 array."""
    return finite(value.detach().cpu().double() if hasattr(value, "detach") else value, name)


def finite(value: Any, name: str) -> Float:
    """A weight as float64.

    Raises
    ------
    NetworkError
        If an entry is NaN or infinite; the message names the tensor.
    """
    found: Float = np.asarray(value, dtype=np.float64)
    bad = int((~np.isfinite(found)).sum())
    if bad:
        raise NetworkError(
            f"tensor {name!r} of shape {found.shape}: {bad} of its entries are NaN or infinite; "
            "plica needs finite weights, look at the training run or the export"
        )
    return found

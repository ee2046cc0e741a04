"""Networks of many inputs and a narrow first stage, seen from the first pre-activations.

Where the rows of the first stage's map are independent, regions are the cells of a space of few
dimensions that meet the image of the domain (core/image_cells.hpp).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage

__all__ = ["Image", "image_of"]

Float = NDArray[np.float64]
UNIT = float(np.finfo(np.float64).eps) / 2
#: What a bound grows by for the rounding of the few operations that it takes to compute it.
SLACK = 1e-9


@dataclass(frozen=True)
class Image:
    """A network without the map ``y = A x + a`` of its first stage, and the image of a box.

    Attributes
    ----------
    net : Network
        The same function of ``y``.
    low, high : ndarray, shape (r,)
        Bounds of the image, certain.
    weight : ndarray, shape (r,)
    radius : float
        ``A x + a`` takes each value ``y`` with ``|weight * (y - A m - a)| < radius`` in the box,
        where ``m`` is its middle: certain.
    """

    net: Network
    low: Float
    high: Float
    weight: Float
    radius: float


def image_of(net: Network, lower: Float, upper: Float) -> Image | None:
    """The image of a box; None if the rows of the map may depend on each other.

    For a right inverse ``R`` in floating point, ``A R = I + E``. If ``|E| < 1`` in some norm, the
    rows are independent, and ``x = m + R (I + E)^-1 d`` has the image ``y = A m + a + d``, with
    ``|x_i - m_i| <= |R_i| |d| / (1 - |E|)``.
    """
    stage = net.stages[0]
    A = stage.A.toarray() if stage.sparse else np.asarray(stage.A)
    r, n = A.shape
    norms = np.linalg.norm(A, axis=1)
    if r > n or not (np.isfinite(norms) & (norms > 1e-300)).all():
        return None  # 1 / norms would not be finite
    weight = 1 / norms
    R = np.linalg.pinv(A)
    error = np.abs(A @ R - np.eye(r)) + (n + 4) * UNIT * (np.abs(A) @ np.abs(R))
    norm = float(np.linalg.norm(weight[:, None] * error / weight)) * (1 + SLACK)
    if not norm < 0.5:
        return None
    middle = lower / 2 + upper / 2
    within = np.minimum(middle - lower, upper - middle)
    radius = float((within / np.linalg.norm(R / weight, axis=1).clip(1e-300)).min())
    centre = A @ middle + stage.a
    size = np.abs(A) @ np.maximum(np.abs(lower), np.abs(upper)) + np.abs(stage.a)
    half = np.abs(A) @ np.maximum(middle - lower, upper - middle) + 4 * (n + 8) * UNIT * size
    stages = [Stage(np.eye(r), np.zeros(r), stage.units), *net.stages[1:]]
    return Image(
        Network(stages), centre - half, centre + half, weight, radius * (1 - norm) * (1 - SLACK)
    )

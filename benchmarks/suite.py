"""What the benchmarks share: the networks, and a yardstick of the machine."""

from __future__ import annotations

import os
import time
from itertools import pairwise

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is loaded

import numpy as np

import plica


def network(n: int, width: int, depth: int) -> plica.Network:
    """He-normal weights, biases N(0, 0.3^2), `default_rng(0)` layer by layer, first the weights."""
    rng = np.random.default_rng(0)
    layers = []
    for before, after in pairwise([n, *[width] * depth, 1]):
        W = rng.normal(0.0, np.sqrt(2 / before), (after, before))
        layers.append((W, rng.normal(0.0, 0.3, after)))
    return plica.Network.mlp(layers)


def yardstick() -> float:
    """Fused multiply-adds a second, in billions, of a product of 1000 x 1000 matrices."""
    A = np.random.default_rng(0).normal(size=(1000, 1000))
    seconds = []
    for _ in range(5):
        start = time.process_time()
        A @ A
        seconds.append(time.process_time() - start)
    return 1.0 / min(seconds)

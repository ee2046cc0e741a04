"""Networks to be made shallow, and exact comparisons."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

import plica
from plica import Network, Stage, Units
from plica.domains import Domain
from plica.exact.rational import RationalChain
from plica.shallow import MaxOfShallow
from tests.twins.networks import SQUARE, he, integer, residual


def post_activation(seed: int, width: int = 3, blocks: int = 2) -> Network:
    """``x -> relu(x + V relu(W x + b) + c)``, integer weights."""
    rng = np.random.default_rng(seed)
    stages = []
    for _ in range(blocks):
        W, b = rng.integers(-2, 3, (width, 2)), rng.integers(-1, 2, width)
        V, c = rng.integers(-1, 2, (2, width)), rng.integers(-1, 2, 2)
        units = Units.concat([Units.relu(width), Units.identity(2)])
        stages.append(Stage(np.vstack([W, np.eye(2)]), [*b, 0, 0], units))
        stages.append(Stage(np.hstack([V, np.eye(2)]), c, Units.relu(2)))
    return Network([*stages, Stage([[1, -2], [3, 1]], [0, 1])])


def maxout(k: int, widths: tuple[int, ...], seed: int = 0) -> Network:
    """Small integers, maxima of ``k``."""
    rng = np.random.default_rng(seed)
    layers, n = [], 2
    for width in widths:
        layers.append((rng.integers(-2, 3, (width * k, n)), rng.integers(-2, 3, width * k)))
        n = width
    return Network.mlp([*layers, (rng.integers(-2, 3, (2, n)), [0, 1])], maxout=k)


NETWORKS = {
    "deep": Network.mlp(he([2, 4, 4, 1])),
    "deeper": Network.mlp(he([2, 3, 3, 3, 2], seed=1)),
    "integer": Network.mlp(integer([2, 4, 3, 2])),
    "three inputs": Network.mlp(integer([3, 3, 3, 1], seed=2)),
    "leaky": Network.mlp(he([2, 4, 3, 2], seed=3), activation="leaky_relu"),
    "hardtanh": Network.mlp(he([2, 3, 2, 1], seed=4), activation="hardtanh"),
    "residual": residual(width=3),
    "residual leaky": residual(1, 3, 2, "leaky_relu"),
    "residual abs": residual(1, 3, 2, "abs"),
    "post-activation": post_activation(0),
    "maxout 2": maxout(2, (3, 2)),
    "maxout 3": maxout(3, (2, 2)),
    "class shift": plica.shallow.class_shift(Network.mlp(he([2, 4, 3, 3], seed=5))),
    "affine": Network.mlp([([[1.0, 2.0]], [3.0])]),
    "dead": Network.mlp([([[0, 0], [1, 1]], [1, 0]), ([[0, 0], [1, 1]], [-1, 1]), ([[2, 1]], [0])]),
}


def cube(net: Network) -> plica.Box:
    return SQUARE if net.n_inputs == 2 else plica.Box.cube(net.n_inputs)


def rationals(domain: Domain, n: int, seed: int = 0) -> list[list[Fraction]]:
    """Points of a box, a segment or around the origin of the space, at multiples of 1/97."""
    rng = np.random.default_rng(seed)
    low = 0 if isinstance(domain, plica.Segment) else -97
    return [[Fraction(int(v), 97) for v in rng.integers(low, 98, domain.dim)] for _ in range(n)]


def assert_equal(form: MaxOfShallow, net: Network, domain: Domain, points: int = 40) -> None:
    """The same values in exact arithmetic."""
    chain = RationalChain(domain.restrict(net))
    for x in rationals(domain, points):
        assert form.value(x) == chain.value(x)

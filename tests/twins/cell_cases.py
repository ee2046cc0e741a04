"""Small networks on domains of more than two dimensions, or without bounds; most are degenerate."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

import plica
from plica import Network, Stage, Units

from . import closed_forms
from .networks import STAIRCASE, Case, fold, he, integer


def residual(n: int, width: int, blocks: int, seed: int, activation: str = "relu") -> Network:
    """``x -> x + V f(W x + b)``, several blocks, integer weights: identity units carry ``x``."""
    rng = np.random.default_rng(seed)
    stages = []
    for _ in range(blocks):
        W, b = rng.integers(-2, 3, (width, n)), rng.integers(-1, 2, width)
        V = rng.integers(-1, 2, (n, width))
        units = Units.concat([Units.scalar(activation, width), Units.identity(n)])
        stages.append(Stage(np.vstack([W, np.eye(n)]), [*b, *[0] * n], units))
        stages.append(Stage(np.hstack([V, np.eye(n)]), [0] * n))
    return Network([*stages, Stage(np.ones((1, n)), [0])])


def _edited(n: int, rows: dict[int, tuple], seed: int, bias: float = 0.3) -> Network:
    """A generic network, some rows ``(w, b)`` of whose first layer are replaced."""
    layers = he([n, 5, 4, 1], seed, bias)
    for i, (w, b) in rows.items():
        layers[0][0][i], layers[0][1][i] = w, b
    return Network.mlp(layers)


def _near(n: int, eps: float) -> Network:
    """Pairs of rows that differ by about ``eps``, in both hidden layers."""
    rng = np.random.default_rng(n)
    layers = he([n, 4, 4, 1], n)
    for W, b in layers[:2]:
        W[2:] = W[:2] * (1 + eps * rng.integers(-2, 3, W[:2].shape))
        b[2:] = b[:2]
    return Network.mlp(layers)


def _maxout(n: int, k: int, ties: bool) -> Network:
    layers = integer([n, 2 * k], k)
    W, b = layers[0]
    if ties:
        W[k + 1], b[k + 1] = W[k], b[k]
        W[0], b[0] = W[k], b[k]
    return Network.mlp([(W, b), *integer([2, 2 * k], k + 1), *integer([2, 1], 0)], maxout=k)


def _max_pool(n: int, seed: int) -> Network:
    """Rectifiers, then maxima of pairs: ties at zero wherever both are off."""
    first, last = integer([n, 4], seed)[0], integer([2, 2], seed + 1)[0]
    pool = Stage(np.eye(4), np.zeros(4), Units.max([[0, 1], [2, 3]], 4))
    return Network([Stage(*first, Units.relu(4)), pool, Stage(*last, Units.relu(2))])


def _mixed(n: int) -> Network:
    """Every kind of unit in one stage, coordinates read twice and out of order."""
    rng = np.random.default_rng(n)
    relu, step = plica.PiecewiseLinear.relu(), STAIRCASE
    units = Units(4, [0, 3, 4, 5, 6], [3, 0, 2, 1, 0, 1], [-2, 0, -1, 1], (relu, step))
    first = Stage(rng.integers(-2, 3, (4, n)), rng.integers(-1, 2, 4), units)
    second = Stage(rng.integers(-1, 2, (3, 4)), rng.integers(-1, 2, 3), Units.relu(3))
    return Network([first, second, Stage([[1, -1, 1]], [0])])


def _sparse(n: int) -> Network:
    """Sparse stages with an empty row and an empty column."""
    (W, b), (V, c) = integer([n, 5, 3], 11)
    W[2] = 0
    V[:, 4] = 0
    first = Stage(sp.csr_array(W), b, Units.relu(5))
    return Network([first, Stage(sp.csr_array(V), c, Units.relu(3))])


def _networks(n: int) -> dict[str, Network]:
    row, shift = np.array([0.75, -0.5, 0.25, 1.0, -1.0][:n]), 0.125
    zero = np.zeros(n)
    corner = np.full(n, 0.1)
    return {
        "generic": Network.mlp(he([n, 5, 4, 2], n)),
        "generic-deep": Network.mlp(he([n, 3, 3, 3, 1], n)),
        "no-bias": Network.mlp(he([n, 4, 4, 1], n, bias=0)),
        "integer": Network.mlp(integer([n, 5, 4, 1], n)),
        "integer-no-bias": Network.mlp(integer([n, 4, 3, 2], n, bias=0)),
        "signs": Network.mlp(integer([n, 4, 4, 4, 1], n, high=1, bias=1)),
        "repeated-rows": _edited(n, {i: (i * row, i * shift) for i in (1, 2, 3)}, 2),
        "negated-rows": _edited(n, {1: (row, shift), 2: (-row, -shift), 3: (-row, shift)}, 2),
        "zero-rows": _edited(n, {0: (zero, 0), 2: (zero, 1), 3: (zero, -1)}, 7),
        "faces": _edited(n, {0: (np.eye(n)[0], 1), 1: (np.eye(n)[1], -1), 2: (np.eye(n)[0], 0)}, 3),
        "corner": _edited(n, {0: (corner, -0.1 * n), 1: (corner, -sum(corner.tolist()))}, 5),
        "dead-layer-tied": Network.mlp(
            [(-np.abs(he([n, 3])[0][0]), -50 * np.ones(3)), *he([3, 3, 2, 1], 1, bias=0)]
        ),
        "near-2^-40": _near(n, 2.0**-40),
        "near-2^-52": _near(n, 2.0**-52),
        "times-1e6": Network.mlp([(1e6 * W, 0.3 * np.sign(b)) for W, b in he([n, 4, 3, 1], 6)]),
        "times-1e-9": Network.mlp([(1e-9 * W, 1e-9 * b) for W, b in he([n, 4, 3, 1], 6)]),
        "residual": residual(n, 3, 2, n),
        "residual-leaky": residual(n, 3, 2, n + 1, "leaky_relu"),
        "leaky": Network.mlp(integer([n, 4, 3, 1], 5), "leaky_relu"),
        "hardtanh": Network.mlp(integer([n, 3, 3, 1], 9), "hardtanh"),
        "staircase": Network.mlp(he([n, 2, 2, 1], 12), STAIRCASE),
        "maxout-3": _maxout(n, 3, ties=False),
        "maxout-3-ties": _maxout(n, 3, ties=True),
        "max-pool": _max_pool(n, n),
        "mixed": _mixed(n),
        "sparse": _sparse(n),
        "no-hidden-layer": Network.mlp(he([n, 2])),
        "flat-directions": Network.mlp([(np.eye(3, n), [0.1, 0, 0]), *integer([3, 3, 1], 1)]),
    }


NETWORKS = {n: _networks(n) for n in (3, 4)}


def _orthant(n: int) -> plica.Polytope:
    return plica.Polytope(-np.eye(n), np.full(n, 0.5))


def _simplex(n: int) -> plica.Polytope:
    """A simplex, with a row twice, a row that never matters and a row without a normal."""
    rows = np.vstack([-np.eye(n), np.ones((2, n)), np.eye(1, n), np.zeros((1, n))])
    return plica.Polytope(rows, [*[1] * n, 1, 1, 50, 0])


def _wedge(n: int) -> plica.Polytope:
    """Two half-spaces: unbounded, without a vertex."""
    return plica.Polytope([[1] * n, [1, -1, *[0] * (n - 2)]], [1, 0.5])


_PLANAR = {
    "integer": Network.mlp(integer([2, 4, 4, 1], 11)),
    "no-bias": Network.mlp(he([2, 5, 5, 1], 0, bias=0)),
    "maxout": closed_forms.circular_maxout(2, 3, 3),
    "fold": fold(2, 1, 3),
    "staircase": Network.mlp(integer([2, 3, 3, 1], 12), STAIRCASE),
}

#: Every named network on a cube.
CUBES = [
    Case(f"{name}-{n}", net, plica.Box.cube(n))
    for n, nets in NETWORKS.items()
    for name, net in nets.items()
]

#: Other domains: without bounds, cut, flat, sliced, far away, small.
DOMAINS = [
    *(Case(f"space-3:{name}", net, plica.Space(3)) for name, net in NETWORKS[3].items()),
    *(
        Case(f"{shape}-3:{name}", NETWORKS[3][name], domain)
        for shape, domain in {
            "orthant": _orthant(3),
            "simplex": _simplex(3),
            "wedge": _wedge(3),
            "odd-box": plica.Box([-0.3, -2.5, 0], [1.7, 0.1, 1]),
            "thin-box": plica.Box([0.25, -1, -1], [0.25 + 2.0**-30, 1, 1]),
            "far-box": plica.Box.cube(3, -1e6, 1e6),
        }.items()
        for name in ("generic", "integer", "no-bias", "maxout-3-ties", "residual")
    ),
    *(Case(f"space-2:{name}", net, plica.Space(2)) for name, net in _PLANAR.items()),
    *(Case(f"wedge-2:{name}", net, _wedge(2)) for name, net in _PLANAR.items()),
    *(
        Case(f"line:{name}", Network.mlp(integer([1, 5, 5, 1], seed)), domain)
        for seed in (1, 2)
        for name, domain in {
            f"all-{seed}": plica.Space(1),
            f"half-{seed}": plica.Polytope([[-3]], [1]),
        }.items()
    ),
    Case(
        "flat-box-5",
        Network.mlp(integer([5, 5, 4, 2], 1)),
        plica.Box([-1, 0.5, -1, 0, 0.1], [1, 0.5, 1, 1, 0.1]),
    ),
    Case(
        "slice-3-of-5",
        Network.mlp(integer([5, 5, 4, 2], 2)),
        plica.Slice([0.1, 0, 0, 0, 0.2], np.eye(3, 5) + 0.25),
    ),
    Case(
        "slice-of-faces",
        NETWORKS[4]["faces"],
        plica.Slice([1, 0, 0, 0], [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1]]),
    ),
    Case("five", Network.mlp(he([5, 5, 3, 1], 5)), plica.Box.cube(5)),
    Case("five-integer", Network.mlp(integer([5, 5, 2, 1], 5)), plica.Space(5)),
    Case("six-no-bias", Network.mlp(he([6, 5, 2, 1], 6, bias=0)), plica.Space(6)),
]

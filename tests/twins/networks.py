"""Small networks with names, most of them degenerate on purpose, and domains to ask about."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

import plica
from plica import Network, PiecewiseLinear, Stage, Units

if TYPE_CHECKING:
    from plica.domains import Domain

SQUARE = plica.Box([-1, -1], [1, 1])


@dataclass(frozen=True)
class Case:
    """A network, a bounded domain of dimension 1 or 2, and the count where a formula gives it."""

    name: str
    net: Network
    domain: Domain
    activation: int | None = None

    def __repr__(self) -> str:  # the name that pytest shows
        return self.name


def he(widths: list[int], seed: int = 0, bias: float = 0.3) -> list[tuple]:
    """Layers of the generic networks that the benchmarks use: N(0, 2 / fan_in), N(0, bias^2)."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, np.sqrt(2 / n), (m, n)), rng.normal(0, bias, m) if bias else np.zeros(m))
        for n, m in pairwise(widths)
    ]


def integer(widths: list[int], seed: int = 0, high: int = 2, bias: int = 2) -> list[tuple]:
    """Layers of small integers: many lines meet in points, many rows repeat."""
    rng = np.random.default_rng(seed)
    return [
        (
            rng.integers(-high, high + 1, (m, n)).astype(float),
            rng.integers(-bias, bias + 1, m).astype(float),
        )
        for n, m in pairwise(widths)
    ]


def residual(seed: int = 0, width: int = 4, blocks: int = 2, activation: str = "relu") -> Network:
    """``x -> x + V f(W x + b)``, several blocks, integer weights: identity units carry ``x``."""
    rng = np.random.default_rng(seed)
    stages = []
    for _ in range(blocks):
        W, b = rng.integers(-2, 3, (width, 2)), rng.integers(-1, 2, width)
        V = rng.integers(-1, 2, (2, width))
        units = Units.concat([Units.scalar(activation, width), Units.identity(2)])
        stages.append(Stage(np.vstack([W, np.eye(2)]), [*b, 0, 0], units))
        stages.append(Stage(np.hstack([V, np.eye(2)]), [0, 0]))
    return Network([*stages, Stage([[1, -1]], [0])])


def fold(g: int, layers: int, last: int) -> Network:
    """Montufar et al. 2014: ``layers`` layers fold [0, 1]^2 g x g times onto itself, then lines.

    The last lines cross in pairs inside the square, so that the count is a product.
    """
    W = np.zeros((2 * g, 2))
    b = np.zeros(2 * g)
    Z = np.zeros((2, 2 * g))
    for c in range(2):
        for i in range(g):
            W[c * g + i, c] = g if i == 0 else 2 * g
            b[c * g + i] = -2.0 * i
            Z[c, c * g + i] = (-1) ** i
    pairs = [(W if i == 0 else W @ Z, b) for i in range(layers)]
    angle = np.pi * (np.arange(last) + 0.25) / last
    normals = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offset = -normals @ [0.5, 0.5] + 0.03 * np.array([(-1) ** i * (1 + i) for i in range(last)])
    return Network.mlp([*pairs, (normals @ Z, offset), (np.ones((1, last)), [0])])


def max_pool(seed: int, k: int = 2, groups: int = 3) -> Network:
    """Rectifiers, then maxima over groups of them: ties at zero wherever a group is off."""
    n = k * groups
    (W, b), *_ = integer([2, n], seed)
    pool = Stage(np.eye(n), np.zeros(n), Units.max(np.arange(n).reshape(groups, k), n))
    return Network(
        [
            Stage(W, b, Units.relu(n)),
            pool,
            Stage(*integer([groups, 3], seed + 1)[0], Units.relu(3)),
            Stage([[1, 1, -1]], [0]),
        ]
    )


def mixed(seed: int = 3) -> Network:
    """Every kind of unit in one stage, coordinates read twice and out of order."""
    rng = np.random.default_rng(seed)
    relu, step = PiecewiseLinear.relu(), STAIRCASE
    units = Units(
        4,
        start=[0, 3, 4, 5, 6, 8, 9],
        reads=[3, 0, 2, 1, 0, 2, 1, 1, 3],
        function=[-2, 0, -1, 1, -2, 0],
        functions=(relu, step),
    )
    second = Units.concat([Units.scalar("hardtanh", 2), Units.max([[1, 0]], 2)])
    return Network(
        [
            Stage(rng.integers(-2, 3, (4, 2)), rng.integers(-1, 2, 4), units),
            Stage(rng.integers(-1, 2, (4, 6)), rng.integers(-1, 2, 4), second),
            Stage(rng.integers(-2, 3, (2, 3)), [0, 1]),
        ]
    )


STAIRCASE = PiecewiseLinear([-1.0, -0.5, 0.5, 1.0], [0.0, 1.0, 0.0, 2.0, 0.5])


def _sparse() -> Network:
    """A chain whose stages are sparse matrices, with an empty row and an empty column."""
    (W, b), (V, c), (U, d) = integer([2, 6, 4, 2], 11)
    W[2] = 0
    V[:, 4] = 0
    V[1] = 0
    return Network(
        [
            Stage(sp.csr_array(W), b, Units.relu(6)),
            Stage(sp.csr_array(V), c, Units.relu(4)),
            Stage(sp.csr_array(U), d),
        ]
    )


def _edited(rows: dict[int, object], widths: list[int], seed: int, bias: float = 0.3) -> Network:
    """A generic network, some rows ``(w, b)`` of whose first layer are replaced."""
    layers = he(widths, seed, bias)
    for i, (w, b) in rows.items():
        layers[0][0][i], layers[0][1][i] = w, b
    return Network.mlp(layers)


def _near(eps: float, seed: int = 3) -> Network:
    """Pairs of rows that differ by about ``eps``, in both hidden layers."""
    rng = np.random.default_rng(seed)
    layers = he([2, 6, 6, 1], seed)
    for W, b in layers[:2]:
        W[3:] = W[:3] + eps * rng.normal(size=(3, W.shape[1]))
        b[3:] = b[:3] + eps * rng.normal(size=3)
    return Network.mlp(layers)


def _scaled(layers: list[tuple], factor: float, bias: float | None = None) -> Network:
    return Network.mlp([(W * factor, b * factor if bias is None else b) for W, b in layers])


def _perturbed(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    eps = 2.0**-40
    return Network.mlp(
        [
            (W + eps * rng.integers(-3, 4, W.shape), b + eps * rng.integers(-3, 4, b.shape))
            for W, b in integer([2, 5, 5, 1], seed)
        ]
    )


def _dead(bias: float) -> Network:
    """The second layer is off on the whole square; what follows is constant, at a tie or not."""
    layers = integer([2, 4, 3, 3, 1], 8)
    layers[1] = (layers[1][0], np.full(3, -100.0))
    layers[2] = (layers[2][0], np.full(3, bias))
    return Network.mlp(layers)


def _faces() -> Network:
    """Lines on the faces of the square, through its corners, and through its centre."""
    W = [[1, 0], [-1, 0], [0, 1], [0, 1], [1, 1], [1, -1], [1, 0], [2, -2]]
    b = [-1, -1, 1, -1, -2, 0, 0, 4]
    rest = integer([8, 4, 1], 6, bias=1)
    return Network.mlp([(W, b), *rest])


def _corner() -> Network:
    """Lines that pass the corner (1, 1), or miss it by a rounding error on either side."""
    W = [[0.1, 0.2], [0.1, 0.2], [0.1, 0.7], [-0.1, -0.2], [0.3, 0.6]]
    b = [-0.3, -(0.1 + 0.2), -0.8, np.nextafter(0.3, 1), np.nextafter(-0.9, 0)]
    return Network.mlp([(W, b), ([[1, 2, -1, 1, 0.5], [-1, 1, 1, 1, -1]], [0, 0]), ([[1, 1]], [0])])


def _cancelling() -> Network:
    """Terms of 2^40 that cancel almost: the output's float64 map is off by more than its values."""
    e, f = 2.0**20, 2.0**-20
    W = [[-e, f], [e, -f], [e / 2, -f / 2], [e / 2, -f / 2], [f, -1.0], [e, -f]]
    row = np.array([-0.3, 1.0, -1.0, 0.7, 0.1, 0.1])
    V = [row, -row, [f, -e, -0.3, 1.0, 0.1, 0.1], row, row]
    return Network(
        [
            Stage(W, [0.2, -0.2, -0.1, -0.1, 0.7, -0.2], Units.relu(6)),
            Stage(V, [-e, e, 0.1, -e, -e], Units.scalar("hardtanh", 5)),
            Stage([[0.2, -e, -e, -e, -e]], [-1]),
        ]
    )


def _meeting() -> Network:
    """One input; a max of three and a rectifier bend at the same points."""
    units = Units.concat([Units.max([[0, 1, 2]], 3), Units.relu(1)])
    return Network([Stage([[0], [4], [-4], [2]], [0, -3, 1, -1], units), Stage([[1, 1]], [0])])


def _lines(n: int, central: bool) -> Case:
    """One layer of n lines that all cross inside the box (Zaslavsky 1975)."""
    angle = np.pi * (np.arange(n) + 0.3) / n
    normals = np.round(64 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    rng = np.random.default_rng(n)
    offset = np.zeros(n) if central else np.round(32 * rng.uniform(-1, 1, n))
    net = Network.mlp([(normals, offset), (np.ones((1, n)), [0])])
    count = 2 * n if central else sum(comb(n, j) for j in range(3))
    box = plica.Box([-64, -64], [64, 64])
    return Case(f"{'central' if central else 'generic'}-lines-{n}", net, box, count)


def _maxout(k: int, ties: bool) -> Network:
    widths = [2, 3 * k, 2 * k, 1]
    rng = np.random.default_rng(k)
    layers, n = [], 2
    for m in widths[1:]:
        W, b = rng.integers(-2, 3, (m, n)).astype(float), rng.integers(-1, 2, m).astype(float)
        if ties and m > 1:
            W[k : 2 * k], b[k : 2 * k] = W[:k][::-1], b[:k][::-1]
            W[-1], b[-1] = W[-2], b[-2]
        layers.append((W, b))
        n = m // k if m > 1 else 1
    return Network.mlp(layers, maxout=k)


def _networks() -> dict[str, Network]:
    """Networks of two inputs."""
    row, shift = np.array([0.75, -0.5]), 0.125
    nets = {
        "generic-6-6": Network.mlp(he([2, 6, 6, 2], 0)),
        "generic-5-5-5": Network.mlp(he([2, 5, 5, 5, 1], 1)),
        "generic-16-16": Network.mlp(he([2, 16, 16, 1], 0)),
        "no-bias-5-5": Network.mlp(he([2, 5, 5, 1], 0, bias=0)),
        "no-bias-6-6-3": Network.mlp(he([2, 6, 6, 3, 2], 4, bias=0)),
        "integer-no-bias": Network.mlp(integer([2, 6, 5, 4, 1], 3, bias=0)),
        "integer-4-4": Network.mlp(integer([2, 4, 4, 1], 11)),
        "integer-8-6": Network.mlp(integer([2, 8, 6, 2], 1)),
        "integer-5-5-5": Network.mlp(integer([2, 5, 5, 5, 1], 3)),
        "signs-6-6-6": Network.mlp(integer([2, 6, 6, 6, 1], 0, high=1, bias=1)),
        "repeated-rows": _edited(dict.fromkeys((1, 2, 4), (row, shift)), [2, 6, 5, 1], 2),
        "negated-rows": _edited(
            {i: ((-1) ** i * row, (-1) ** i * shift) for i in range(1, 5)}, [2, 6, 5, 1], 2
        ),
        "multiple-rows": _edited({i: (i * row, i * shift) for i in (1, 2, 3, 5)}, [2, 6, 5, 1], 2),
        "zero-rows": _edited({0: (0, 0), 2: (0, 1), 3: (0, -1)}, [2, 6, 5, 1], 7),
        "dead-layer-tied": _dead(0.0),
        "dead-layer-on": _dead(0.5),
        "perturbed-2^-40": _perturbed(11),
        "perturbed-2^-40-b": _perturbed(3),
        "scaled-2^20": _scaled(integer([2, 5, 5, 1], 5), 2.0**20),
        "scaled-2^-20": _scaled(he([2, 5, 5, 1], 5), 2.0**-20),
        "scaled-weights-2^-20": _scaled(he([2, 5, 5, 1], 5, 2.0**-21), 2.0**-20, bias=1),
        "times-1e6": _scaled(he([2, 6, 6, 1], 6), 1e6, bias=0.3),
        "times-1e-4": _scaled(he([2, 6, 6, 1], 6), 1e-4),
        "near-1e-9": _near(1e-9),
        "near-1e-13": _near(1e-13),
        "near-1e-16": _near(1e-16),
        "cancelling-2^20": _cancelling(),
        "faces": _faces(),
        "corner": _corner(),
        "residual": residual(2),
        "residual-leaky": residual(1, activation="leaky_relu"),
        "residual-hardtanh": residual(2, width=3, blocks=3, activation="hardtanh"),
        "leaky": Network.mlp(integer([2, 5, 5, 1], 5), "leaky_relu"),
        "abs": Network.mlp(integer([2, 4, 4, 1], 4), "abs"),
        "hardtanh": Network.mlp(integer([2, 5, 4, 1], 9), "hardtanh"),
        "relu6": Network.mlp([(4 * W, b) for W, b in integer([2, 4, 4, 1], 10)], "relu6"),
        "hard-sigmoid": Network.mlp([(6 * W, b) for W, b in he([2, 4, 4, 1], 10)], "hardsigmoid"),
        "staircase": Network.mlp(integer([2, 4, 4, 1], 12), STAIRCASE),
        "max-pool-2": max_pool(0),
        "max-pool-3": max_pool(8, k=3, groups=2),
        "mixed-units": mixed(),
        "sparse": _sparse(),
        "no-hidden-layer": Network.mlp(he([2, 3], 0)),
        "width-1": Network.mlp(integer([2, 1, 1, 1, 1], 15, high=1, bias=1)),
        "width-1-abs": Network.mlp([([[1, 2]], [0.5]), *[([[2]], [-1])] * 4], "abs"),
        "zero-weights": Network.mlp([(np.zeros((3, 2)), [0, 1, -1]), (np.zeros((1, 3)), [0])]),
    }
    for k in (2, 3, 4):
        nets[f"maxout-{k}"] = _maxout(k, ties=False)
        nets[f"maxout-{k}-ties"] = _maxout(k, ties=True)
    nets["maxout-generic-3"] = Network.mlp(
        [(W, b) for W, b in (he([2, 9], 1)[0], he([3, 6], 2)[0], he([2, 2], 3)[0])], maxout=3
    )
    return nets


NETWORKS = _networks()


def deep_input(seed: int = 0) -> Network:
    """Five inputs, integer weights, for slices and flat boxes."""
    return Network.mlp(integer([5, 6, 5, 2], seed, high=2, bias=1))


_TRIANGLE = plica.Polytope([[-1, 0], [0, -1], [1, 1], [1, 1]], [0.5, 0.5, 1, 3])
_QUAD = plica.Polytope([[-1, 0.1], [0.3, -1], [1, 0.7], [-0.2, 1]], [0.7, 0.9, 1.1, 0.8])

#: Cases of dimension 2.
PLANE = [
    *(Case(name, net, SQUARE) for name, net in NETWORKS.items()),
    Case("fold-2-2", fold(2, 1, 3), plica.Box([0, 0], [1, 1]), 4 * 7),
    Case("fold-2-3", fold(2, 2, 3), plica.Box([0, 0], [1, 1]), 16 * 7),
    Case("fold-3-2", fold(3, 1, 4), plica.Box([0, 0], [1, 1]), 9 * 11),
    *(_lines(n, central) for n in (1, 2, 5, 8) for central in (False, True)),
    Case("odd-box", NETWORKS["integer-8-6"], plica.Box([-0.3, -2.5], [1.7, 0.1])),
    Case("thin-box", NETWORKS["generic-6-6"], plica.Box([0.25, -1], [0.25 + 2.0**-30, 1])),
    Case("far-box", NETWORKS["generic-6-6"], plica.Box([-1e6, -1e6], [1e6, 1e6])),
    Case("triangle", NETWORKS["integer-5-5-5"], _TRIANGLE),
    Case("triangle-b", NETWORKS["no-bias-5-5"], _TRIANGLE),
    Case("quadrangle", NETWORKS["generic-5-5-5"], _QUAD),
    Case("flat-box", deep_input(), plica.Box([-1, 0.5, -1, 0, 0.1], [1, 0.5, 1, 0, 0.1])),
    Case("slice", deep_input(1), plica.Slice([0.1, 0, 0, 0, 0.2], np.eye(2, 5) + 0.25)),
    Case(
        "slice-integer",
        deep_input(2),
        plica.Slice(np.zeros(5), [[1, 1, 0, 0, 0], [0, 1, -1, 0, 1]], ([-1, -2], [2, 1])),
    ),
    Case(
        "slice-through",
        Network.mlp(he([6, 8, 8, 3], 2)),
        plica.Slice.through(np.eye(6)[0], np.eye(6)[1], np.eye(6)[4]),
    ),
]


def _line_cases() -> list[Case]:
    """Segments across the square: generic, along creases and axes, through multiple points."""
    cases = []
    segments = {
        "across": plica.Segment([-0.9, -0.77], [0.83, 0.95]),
        "diagonal": plica.Segment([-1, -1], [1, 1]),
        "axis": plica.Segment([0, 1], [0, -1]),
        "face": plica.Segment([1, -1], [1, 1]),
    }
    for name, net in NETWORKS.items():
        if name != "generic-16-16":
            cases += [Case(f"{name}:{where}", net, s) for where, s in segments.items()]
    cases += [
        Case("deep:segment", deep_input(3), plica.Segment(-np.ones(5), np.arange(5))),
        Case("deep:long", deep_input(1), plica.Segment(np.full(5, -1e6), np.full(5, 1e6 + 1))),
        Case(
            "deep:short", deep_input(1), plica.Segment(np.full(5, 0.5), np.full(5, 0.5 + 2.0**-30))
        ),
        Case("deep:flat-box", deep_input(4), plica.Box([0, 0, -2, 1, 0.1], [0, 0, 2, 1, 0.1])),
        Case("deep:slice", deep_input(4), plica.Slice([0, 0, 1, 1, 0], [[1, -1, 2, 0, 1]])),
        Case("1-input", Network.mlp(integer([1, 6, 6, 1], 2)), plica.Box([-2], [2])),
        Case("1-input-meeting", _meeting(), plica.Box([0], [1]), 4),
        Case(
            "1-input-abs",
            Network.mlp([([[4.0]], [-2]), *[([[2.0]], [-1])] * 5], "abs"),
            plica.Box([0], [1]),
            2**5,
        ),
        Case(
            "1-input-polytope",
            Network.mlp(he([1, 8, 8, 1], 2)),
            plica.Polytope([[-3], [2], [1]], [2, 5, 7]),
        ),
    ]
    return cases


#: Cases of dimension 1.
LINE = _line_cases()

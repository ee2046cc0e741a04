"""Networks and domains that the facts are asked about, and their exact cells."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import strategies as st

import plica
from plica.engines import reference_cells
from plica.exact import linear_program as lp
from tests.properties import chains
from tests.twins.networks import NETWORKS, he, integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plica.domains import Domain

#: Random examples with more cells than this are passed over, to save time.
LIMIT = 60
SIZES = {1: (3, 6), 2: (3, 6), 3: (2, 6), 4: (2, 4)}  # layers and width for n inputs

each_dimension = pytest.mark.parametrize("n", SIZES)
SQUARE = plica.Box([-1, -1], [1, 1])
CORNER = plica.Box([0.125, 0.25], [0.5, 0.5])

#: Named networks of two inputs, most of them degenerate, on two boxes.
NAMED = [
    pytest.param(net, domain, id=f"{name}-{where}")
    for name, net in NETWORKS.items()
    for where, domain in (("square", SQUARE), ("corner", CORNER))
]


def question(data: st.DataObject, n: int) -> tuple[plica.Network, Domain]:
    """A random chain of ``n`` inputs, and a domain that has an interior."""
    return chains.question(data, n, SIZES)


def cells_of(net: plica.Network, domain: Domain) -> list[reference_cells.Cell]:
    """The exact cells, where they are few."""
    return chains.few_cells(net, domain, LIMIT)


def rewritten(layers: list[tuple]) -> tuple[plica.Network, plica.Network]:
    """A network of two hidden layers, and the same one with its first units permuted and scaled."""
    (W, b), (V, c), readout = layers
    p = np.random.default_rng(0).permutation(len(b))
    scale = 2.0 ** np.arange(-3, len(b) - 3)
    rows = (scale[:, None] * W)[p], (scale * b)[p]
    same = [rows, ((V / scale)[:, p], c), readout]
    return plica.Network.mlp(layers), plica.Network.mlp(same)


def bends(n: int, seed: int) -> list[plica.Network]:
    """Small networks of every kind of unit."""
    zigzag = plica.PiecewiseLinear([-1.0, 0.0, 0.5], [0.0, 1.0, -0.5, 0.0], 1.0)
    return [
        plica.Network.mlp(he([n, 5, 4, 2], seed)),
        plica.Network.mlp(integer([n, 5, 4, 2], seed)),
        plica.Network.mlp(integer([n, 4, 3, 1], seed), "leaky_relu"),
        plica.Network.mlp(integer([n, 4, 3, 1], seed), zigzag),
        plica.Network.mlp(
            [*integer([n, 6], seed), *integer([3, 4], seed), *integer([2, 1], seed)], maxout=2
        ),
    ]


def exact_range(
    cells: Sequence[reference_cells.Cell], output: int
) -> tuple[Fraction | float, Fraction | float]:
    """Smallest and largest value of an output, by a rational linear program on every cell."""
    low, high = [], []
    for cell in cells:
        A, b = [row[:-1] for row in cell.rows], [row[-1] for row in cell.rows]
        for sign, found in ((-1, low), (1, high)):
            best = lp.maximise([sign * x for x in cell.J[output]], A, b)
            assert best.status != "infeasible"
            value = None if best.value is None else sign * best.value + cell.c[output]
            found.append(sign * np.inf if value is None else value)
    return min(low), max(high)

"""Hypothesis strategies: small chains that are degenerate on purpose, and domains for them."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

import plica
from plica import Network, PiecewiseLinear, Stage, Units
from plica.domains import Domain
from plica.engines import reference_cells
from plica.exact import linear_program

FUNCTIONS = [
    PiecewiseLinear.relu(),
    PiecewiseLinear.relu(),
    PiecewiseLinear.leaky_relu(0.25),
    PiecewiseLinear.absolute(),
    PiecewiseLinear.clip(-1, 1),
    PiecewiseLinear([-1.0, 0.0, 0.5], [0.0, 1.0, -0.5, 0.0], 1.0),
    PiecewiseLinear.linear(-1.0, 0.5),
]

#: Weights whose lines like to meet, from the tamest to the wildest kind of network.
PALETTES: list[np.ndarray] = [
    np.array([-1.0, 0.0, 1.0]),
    np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]),
    np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.0 + 2.0**-40, 1.0 - 2.0**-52, 2.0]),
    np.arange(-12, 13) / 8,
    np.array([-1.0, -0.3, 0.1, 0.2, 0.7, 1.0, 2.0**-20, -(2.0**20)]),
]

functions = st.sampled_from(FUNCTIONS)


class _Weights:
    """Matrices of one network: its palette, and rows that repeat more or less often."""

    def __init__(self, seed: int, palette: int, repeats: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.palette, self.repeats = PALETTES[palette], repeats

    def layer(self, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """``(W, b)``; some rows are copies, multiples or negatives of the first."""
        Wb = self.rng.choice(self.palette, (rows, columns + 1))
        for i in range(1, rows):
            if self.rng.random() < self.repeats:
                Wb[i] = self.rng.choice([1.0, -1.0, 2.0, -0.5]) * Wb[0]
        return Wb[:, :-1], Wb[:, -1]


@st.composite
def networks(draw: st.DrawFn, n_inputs: int = 2, layers: int = 3, width: int = 6) -> Network:
    """Chains of up to ``layers`` stages with units, then a readout."""
    weights = _Weights(
        draw(st.integers(0, 2**32 - 1)),
        draw(st.sampled_from(range(len(PALETTES)))),
        draw(st.sampled_from([0.0, 0.2, 0.5])),
    )
    chain: list[Stage] = []
    n = n_inputs
    for _ in range(draw(st.sampled_from(range(layers, 0, -1)))):
        m = draw(st.sampled_from(range(width, 0, -1)))
        kind = draw(st.sampled_from(["scalar", "scalars", "max", "mixed", "residual"]))
        if kind == "max":
            k = draw(st.integers(2, 4))
            m = k * max(1, m // 2)
        W, b = weights.layer(m, n)
        if kind == "scalar":
            units = Units.scalar(draw(functions), m)
        elif kind == "scalars":
            units = Units.concat([Units.scalar(draw(functions), 1) for _ in range(m)])
        elif kind == "max":
            units = Units.max(np.arange(m).reshape(-1, k), m)
        elif kind == "mixed":  # coordinates shared between units, in any order
            size = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
            reads = weights.rng.integers(0, m, sum(size))
            kinds = [-2 if s > 1 else 0 for s in size]
            units = Units(
                m, np.concatenate(([0], np.cumsum(size))), reads, kinds, (draw(functions),)
            )
        else:
            units = Units.concat([Units.scalar(draw(functions), m), Units.identity(n)])
            W, b = np.vstack([W, np.eye(n)]), np.append(b, np.zeros(n))
        chain.append(Stage(W, b, units))
        n = units.n_out
    return Network([*chain, Stage(*weights.layer(draw(st.integers(1, 2)), n))])


sizes = st.sampled_from([2.0, 4.0, 3.0, 1.0, 0.3, 2.0**-20])
ends = st.sampled_from([-1.0, -2.0, -0.5, 0.0, 0.1, 1.0, 1.5])


@st.composite
def boxes(draw: st.DrawFn) -> plica.Box:
    low = [draw(ends) for _ in range(2)]
    return plica.Box(low, [x + draw(sizes) for x in low])


@st.composite
def segments(draw: st.DrawFn) -> plica.Segment:
    p = draw(st.tuples(ends, ends))
    q = draw(st.tuples(ends, ends).filter(lambda q: q != p))
    return plica.Segment(p, q)


@st.composite
def domains(draw: st.DrawFn, n_inputs: int) -> plica.domains.Domain:
    """Boxes, flat or not, polytopes, slices and all of space, with at least one dimension."""
    kind = draw(st.sampled_from(["box", "space", "polytope", "slice", "cone"]))
    n = n_inputs
    if kind == "space":
        return plica.Space(n)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "cone":  # half-spaces at the origin: its interior holds a direction d
        d = rng.choice([-1.0, 1.0, 2.0], n)
        A = rng.choice(PALETTES[1], (draw(st.integers(1, 4)), n))
        A[A @ d == 0] = -d
        return plica.Polytope(-A * np.sign(A @ d)[:, None], np.zeros(len(A)))
    low = np.array([draw(ends) for _ in range(n)])
    high = low + np.array([draw(sizes) for _ in range(n)])
    if kind == "polytope":  # a box, cut through its middle or beside it
        cuts = rng.choice(PALETTES[0], (draw(st.integers(1, 3)), n))
        A = np.vstack([np.eye(n), -np.eye(n), cuts])
        # a cut through the middle keeps the half of the box that it faces away from
        beside = rng.choice([0.0, 0.25, 2.0**-40, 2.0], len(cuts))
        return plica.Polytope(A, [*high, *-low, *(np.abs(cuts).sum(axis=1) * beside)])
    if kind == "slice":
        k = draw(st.integers(1, n))
        directions = np.eye(k, n) + np.triu(rng.choice(PALETTES[0], (k, n)), 1)
        return plica.Slice(rng.choice(PALETTES[2], n), directions, (low[:k], high[:k]))
    if n > 1 and draw(st.booleans()):
        flat = int(rng.integers(n))
        high[flat] = low[flat]
    return plica.Box(low, high)


def question(
    data: st.DataObject, n: int, sizes: dict[int, tuple[int, int]]
) -> tuple[Network, Domain]:
    """A random chain of ``n`` inputs, and a domain that has an interior.

    ``sizes`` holds the numbers of layers and units a layer for each number of inputs.
    """
    layers, width = sizes[n]
    net = data.draw(networks(n_inputs=n, layers=layers, width=width))
    domain = data.draw(domains(n))
    A, b = domain.halfspaces()
    rows = linear_program.integer_rows(A.tolist(), b.tolist())
    assume(linear_program.interior_point(rows, domain.dim) is not None)
    return net, domain


def few_cells(net: Network, domain: Domain, limit: int) -> list[reference_cells.Cell]:
    """The exact cells; examples with more than ``limit`` are passed over, to save time."""
    cells = list(islice(reference_cells.enumerate_cells(net, domain), limit + 1))
    assume(len(cells) <= limit)
    return cells


def some(examples: int) -> settings:
    """So many examples, the same ones in every run."""
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

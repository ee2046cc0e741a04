"""Hypothesis strategies: small chains that are degenerate on purpose, and domains for them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import plica
from plica import Network, PiecewiseLinear, Stage, Units

FUNCTIONS = [
    PiecewiseLinear.relu(),
    PiecewiseLinear.relu(),
    PiecewiseLinear.leaky_relu(0.25),
    PiecewiseLinear.absolute(),
    PiecewiseLinear.clip(-1, 1),
    PiecewiseLinear([-1.0, 0.0, 0.5], [0.0, 1.0, -0.5, 0.0], 1.0),
    PiecewiseLinear.linear(-1.0, 0.5),
]

#: Weights whose lines like to meet: few values, many zeros, a few that differ by very little.
weights = st.sampled_from(
    [0.0, 0.0, 0.0, 1.0, 1.0, -1.0, -1.0, 2.0, -2.0, 0.5, 3.0, 1 + 2.0**-40, 0.1, -0.3, 2.0**-20]
)


@st.composite
def matrices(draw: st.DrawFn, rows: int, columns: int) -> np.ndarray:
    flat = draw(st.lists(weights, min_size=rows * columns, max_size=rows * columns))
    W = np.array(flat).reshape(rows, columns)
    if rows > 1 and draw(st.booleans()):  # a row is another one's copy, multiple or negative
        W[-1] = draw(st.sampled_from([1.0, -1.0, 2.0, -0.5])) * W[0]
    return W


@st.composite
def stages(draw: st.DrawFn, n: int, last: bool) -> Stage:
    if last:
        m = draw(st.integers(1, 2))
        return Stage(draw(matrices(m, n)), draw(matrices(1, m))[0])
    m = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["scalar", "scalar", "scalars", "max", "mixed", "residual"]))
    if kind == "scalar":
        units = Units.scalar(draw(st.sampled_from(FUNCTIONS)), m)
    elif kind == "scalars":
        units = Units.concat([Units.scalar(draw(st.sampled_from(FUNCTIONS)), 1) for _ in range(m)])
    elif kind == "max":
        k = draw(st.integers(2, 3))
        m = k * draw(st.integers(1, 2))
        units = Units.max(np.arange(m).reshape(-1, k), m)
    elif kind == "mixed":  # coordinates shared between units
        reads = draw(st.lists(st.integers(0, m - 1), min_size=3, max_size=3))
        units = Units(m, [0, 2, 3], reads, [-2, 0], (draw(st.sampled_from(FUNCTIONS)),))
    else:
        units = Units.concat([Units.relu(m), Units.identity(n)])
        W, b = draw(matrices(m, n)), draw(matrices(1, m))[0]
        return Stage(np.vstack([W, np.eye(n)]), np.append(b, np.zeros(n)), units)
    return Stage(draw(matrices(m, n)), draw(matrices(1, m))[0], units)


@st.composite
def networks(draw: st.DrawFn, n_inputs: int = 2, layers: int = 3) -> Network:
    """Chains of up to ``layers`` stages with units, then a readout."""
    chain: list[Stage] = []
    n = n_inputs
    for _ in range(draw(st.integers(1, layers))):
        chain.append(draw(stages(n, last=False)))
        n = chain[-1].n_out
    return Network([*chain, draw(stages(n, last=True))])


ends = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.1, 1.0, 1.5])


@st.composite
def boxes(draw: st.DrawFn) -> plica.Box:
    low = [draw(ends) for _ in range(2)]
    return plica.Box(low, [x + draw(st.sampled_from([0.3, 1.0, 2.0, 2.0**-20])) for x in low])


@st.composite
def segments(draw: st.DrawFn) -> plica.Segment:
    p = draw(st.tuples(ends, ends))
    q = draw(st.tuples(ends, ends).filter(lambda q: q != p))
    return plica.Segment(p, q)

"""The gradient along a segment, exactly: a step function, of which every piece is known.

The input gradient of a piecewise-linear network is constant on each of its regions. Along a segment
it is a step function, and the line engine finds all steps; its mean, variance, autocorrelation and
jumps are then sums over pieces, not estimates from a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, require_network
from ..domains import Segment
from ..errors import PlicaError

if TYPE_CHECKING:
    from ..regions.atlas import Atlas

__all__ = [
    "GradientAlong",
    "PairsByCreases",
    "brown_and_white",
    "gradient_along",
    "pairs_by_creases",
]

Float = NDArray[np.float64]

#: Numbers of one chunk of Jacobians.
CHUNK = 8_000_000

#: Pairs of knots that `half_lag` looks at together.
PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class GradientAlong:
    """The gradient of an output along a segment; `gradient_along` makes it.

    Which pieces there are is decided exactly; places and values are rounded to float64. There is
    one piece an activation region, so that a jump may be 0, where nothing reads the unit that
    changes; `gradient_along` can merge such pieces.

    Attributes
    ----------
    knots : ndarray, shape (K + 1,)
        Ends of the pieces, from 0 to 1.
    values : ndarray, shape (K, n)
        The gradient on each piece: with respect to the input (n numbers), or along the segment (1).
    breaks : int
        Creases on the segment, where some unit changes: activation regions less 1.
    """

    knots: Float
    values: Float
    breaks: int

    def __repr__(self) -> str:
        return (
            f"<plica.gradients.GradientAlong: {self.n_jumps} jumps, "
            f"{self.values.shape[1]} coordinates>"
        )

    def __call__(self, t: ArrayLike) -> Float:
        """The gradient at points of the segment, shape (..., n); at a knot, that of its right."""
        k = np.searchsorted(self.knots, np.asarray(t, dtype=np.float64), side="right") - 1
        found: Float = self.values[np.clip(k, 0, len(self.values) - 1)]
        return found

    @property
    def n_jumps(self) -> int:
        """Places where the gradient jumps: pieces less 1."""
        return len(self.values) - 1

    @property
    def lengths(self) -> Float:
        """Lengths of the pieces, shape (K,); their sum is 1."""
        return np.diff(self.knots)

    @cached_property
    def mean(self) -> Float:
        """Mean over the segment, shape (n,)."""
        return np.asarray(self.lengths @ self.values, dtype=np.float64)

    @cached_property
    def variance(self) -> float:
        """Variance over the segment, summed over coordinates."""
        if not self.jumps.any():  # whatever the mean was rounded to
            return 0.0
        return float(self.lengths @ ((self.values - self.mean) ** 2).sum(axis=1))

    @cached_property
    def jumps(self) -> Float:
        """Lengths of the jumps of the gradient, shape (n_jumps,), in order along the segment."""
        return np.asarray(np.linalg.norm(np.diff(self.values, axis=0), axis=1), dtype=np.float64)

    @property
    def roughness(self) -> float:
        """Sum of the squared jumps, as a multiple of the variance.

        About 6 for brown noise (Brownian motion on the segment), however many steps it has; 2 K for
        white noise (K independent pieces). NaN if the gradient is constant.
        """
        return float((self.jumps**2).sum() / self.variance) if self.variance > 0 else float("nan")

    @property
    def whiteness(self) -> float:
        """Where `roughness` lies between brown noise (0) and white noise (1), in logarithms.

        It is about single pieces: a deep network whose neighbouring pieces agree in part is between
        the two at the scale of its pieces, and white on every grid that is coarser than its
        `half_lag`. NaN if there are fewer than 4 jumps.
        """
        if self.n_jumps < 4:
            return float("nan")
        return float(np.log(self.roughness / 6) / np.log(2 * len(self.values) / 6))

    def autocovariance(self, lags: ArrayLike) -> Float:
        r"""Autocovariance function.

        .. math:: A(s) = \int_0^{1 - s} \langle g(t) - \bar g, g(t + s) - \bar g \rangle \, dt

        It is the integral over the overlap, not its mean, so that ``A(s) / A(0)`` is the limit of
        `autocorrelation` on ever finer grids; between two lags at which knots meet it is affine.

        Parameters
        ----------
        lags : array_like, shape (S,)
            Between 0 and 1, as shares of the segment.

        Returns
        -------
        ndarray, shape (S,)

        Raises
        ------
        PlicaError
            If a lag is not between 0 and 1.
        """
        lags = np.atleast_1d(np.asarray(lags, dtype=np.float64))
        if not ((lags >= 0) & (lags <= 1)).all():
            raise PlicaError("lags must lie between 0 and 1: they are shares of the segment")
        g = self.values - self.mean
        found = np.empty(lags.shape)
        for k, lag in enumerate(lags):
            ends = np.concatenate((self.knots, self.knots - lag))
            ends = np.unique(ends[(ends >= 0) & (ends <= 1 - lag)])
            ends = np.concatenate(([0.0], ends, [1.0 - lag]))
            middle = (ends[:-1] + ends[1:]) / 2
            last = len(g) - 1
            here = np.clip(np.searchsorted(self.knots, middle, side="right") - 1, 0, last)
            there = np.clip(np.searchsorted(self.knots, middle + lag, side="right") - 1, 0, last)
            found[k] = np.diff(ends) @ np.einsum("kn,kn->k", g[here], g[there])
        return found

    def autocorrelation(self, lags: ArrayLike) -> Float:
        """`autocovariance` over the variance, shape (S,); NaN if the gradient is constant."""
        covariance = self.autocovariance(lags)
        return covariance / (self.variance if self.variance > 0 else np.nan)

    def half_lag(self) -> float:
        """Smallest lag at which the autocorrelation is 1/2.

        It falls from 1 at lag 0; for brown noise to 1/2 at about 0.12. The function is affine
        between two lags at which knots meet; all of these are gone through up to the first piece
        that comes down to 1/2, so that no dip is missed. NaN if the gradient is constant.
        """
        if not self.variance > 0:
            return float("nan")
        real = self.lengths > 0
        t = np.append(self.knots[:-1][real], self.knots[-1])
        g = np.pad((self.values - self.mean)[real], ((1, 1), (0, 0)))  # 0 off the segment
        jumps = np.diff(g, axis=0)
        # A''(s) has a point mass of -<J_i, J_j> where s is the distance between knots i < j
        at, value, slope = 0.0, self.variance, float(np.einsum("kn,kn->", g[:-1], jumps))
        end = 1.0 / len(t)
        limit = max(PAIRS, 4 * len(t))  # a single lag may have one pair a knot
        while True:
            first = np.searchsorted(t, t + at, side="right")
            while (many := np.searchsorted(t, t + end, side="right") - first).sum() > limit:
                end = (at + end) / 2
            i = np.repeat(np.arange(len(t)), many)
            j = np.arange(i.size) + np.repeat(first - np.cumsum(many) + many, many)
            lags = np.clip(t[j] - t[i], at, end)
            order = np.argsort(lags, kind="stable")
            lags = np.concatenate(([at], lags[order], [end]))
            turns = -np.einsum("pn,pn->p", jumps[i[order]], jumps[j[order]])
            slopes = slope + np.concatenate(([0.0], np.cumsum(turns)))
            values = value + np.cumsum(slopes * np.diff(lags))
            below = np.flatnonzero(values <= 0.5 * self.variance)
            if below.size:
                k = below[0]
                before = values[k - 1] if k else value
                return float(lags[k] + (0.5 * self.variance - before) / slopes[k])
            at, value, slope = end, values[-1], slopes[-1]
            end = min(1.0, 2 * end)


def gradient_along(
    net: Network,
    segment: Segment,
    output: int | ArrayLike = 0,
    *,
    along: bool = False,
    merge: bool = False,
    budget: int | float | None = None,
) -> GradientAlong:
    """The gradient of an output along a segment, exactly.

    Parameters
    ----------
    net : Network
        `plica.load` makes it of a torch module.
    segment : Segment
    output : int or array_like, shape (n_outputs,)
        An output, or weights of the outputs.
    along : bool
        The derivative along the segment (with respect to length), in the place of the gradient
        with respect to all inputs.
    merge : bool
        Make one piece of neighbours with the same affine map along the segment, decided exactly:
        every jump is then certain to be one. For one input, or with ``along``. Exact arithmetic
        takes long in networks of more than about 15 layers.
    budget : int or float, optional
        Regions or seconds after which to give up.

    Returns
    -------
    GradientAlong

    Raises
    ------
    BudgetError
        If the budget ran out.
    DomainError
        If the segment does not fit the network.
    PlicaError
        If the output is not understood.

    Examples
    --------
    >>> import plica
    >>> from plica.gradients import gradient_along
    >>> net = plica.Network.mlp([([[1.0], [1.0]], [0, -1]), ([[1.0, -3.0]], [0])])
    >>> found = gradient_along(net, plica.Segment([-1.0], [3.0]))
    >>> found.knots.tolist(), found.values[:, 0].tolist()
    ([0.0, 0.25, 0.5, 1.0], [0.0, 1.0, -2.0])
    >>> found.autocovariance([0.0, 0.5]).tolist()
    [1.6875, -0.78125]
    """
    from ..regions.ask import map_regions
    from ..regions.polygons import require_polygons

    require_network(net)
    if not isinstance(segment, Segment):
        raise PlicaError(f"segment must be a plica.Segment, got {type(segment).__name__}")
    if merge and not along and net.n_inputs > 1:
        raise PlicaError("pieces can be merged with along=True, or for networks with one input")
    one = net.after(_weights(net, output)[None])
    atlas = require_polygons(map_regions(one, segment, budget=budget))
    atlas.require_complete()
    knots = np.append(atlas.vertices[0::2, 0], atlas.vertices[-1, 0])
    gradients = _gradients(one, atlas, segment, along)
    change = np.arange(1, len(atlas))
    if merge:
        change = np.flatnonzero(np.diff(atlas.linear_regions().labels)) + 1
    starts = np.concatenate(([0], change))
    ends = np.append(knots[starts], knots[-1]) + 0.0  # no -0.0
    return GradientAlong(np.maximum.accumulate(ends), gradients[starts], len(atlas) - 1)


def _weights(net: Network, output: int | ArrayLike) -> Float:
    if isinstance(output, int | np.integer):
        w = np.zeros(net.n_outputs)
        w[net.output_index(int(output))] = 1.0
        return w
    w = np.asarray(output, dtype=np.float64)
    if w.shape != (net.n_outputs,):
        raise PlicaError(f"output has weights of shape {w.shape} for {net.n_outputs} outputs")
    return w


def _gradients(net: Network, atlas: Atlas, segment: Segment, along: bool) -> Float:
    if along or net.n_inputs == 1:  # the walk has it
        J, _ = atlas.affine()
        step = segment.length if along else float(segment.end[0] - segment.start[0])
        return np.asarray(J[:, 0] / step, dtype=np.float64)
    # backwards through all stages, for many patterns at a time
    found = np.empty((len(atlas), net.n_inputs))
    chunk = max(1, CHUNK // max(net.n_inputs, *net.widths, net.n_units))
    for k in range(0, len(atlas), chunk):
        part = slice(k, k + chunk)
        found[part] = net.affine_on(atlas.patterns_of(part))[0][:, 0]
    return found


@dataclass(frozen=True, eq=False)
class PairsByCreases:
    """Pairs of inputs: creases between them, and how much their gradients agree.

    Attributes
    ----------
    pairs : ndarray of int64, shape (P, 2)
        Rows of the points.
    creases : ndarray of int64, shape (P,)
        Creases that the segment between the two crosses: activation regions on it less 1.
    changed : ndarray of int64, shape (P,)
        Units that are on different pieces at the two ends.
    distance : ndarray, shape (P,)
        Distance of the two.
    product, cosine : ndarray, shape (P,)
        Inner product of the gradients, over the mean over points of ``|g|^2``; and their cosine
        (NaN where a gradient is 0).
    """

    pairs: NDArray[np.int64]
    creases: NDArray[np.int64]
    changed: NDArray[np.int64]
    distance: Float
    product: Float
    cosine: Float

    def __len__(self) -> int:
        return len(self.pairs)

    def binned(self, bins: int = 10) -> tuple[Float, Float, Float]:
        """Mean creases, mean product and its standard error, in bins of equally many pairs.

        Returns
        -------
        creases, product, stderr : ndarray, shape (bins,)
        """
        order = np.argsort(self.creases, kind="stable")
        parts = [p for p in np.array_split(order, bins) if p.size]
        return (
            np.array([self.creases[p].mean() for p in parts]),
            np.array([self.product[p].mean() for p in parts]),
            np.array([self.product[p].std() / np.sqrt(p.size) for p in parts]),
        )


def pairs_by_creases(
    net: Network,
    points: ArrayLike,
    output: int | ArrayLike = 0,
    *,
    pairs: int | ArrayLike = 100,
    seed: int = 0,
) -> PairsByCreases:
    """Creases between pairs of inputs, beside the agreement of their gradients.

    Parameters
    ----------
    net : Network
    points : array_like, shape (M, n_inputs)
    output : int or array_like
        As for `gradient_along`.
    pairs : int or array_like, shape (P, 2)
        How many random pairs, or which.
    seed : int

    Returns
    -------
    PairsByCreases

    Raises
    ------
    DomainError
        If the two points of a pair are the same.
    PlicaError
        If an argument is not understood.
    """
    from ..regions.ask import count_regions

    require_network(net)
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != net.n_inputs or len(x) < 2:
        raise PlicaError(
            f"points must have shape (M, {net.n_inputs}) with 2 or more of them, got {x.shape}"
        )
    if np.ndim(pairs) == 0:
        random = np.random.default_rng(seed)
        first = random.integers(len(x), size=int(pairs))  # type: ignore[arg-type]
        second = (first + random.integers(1, len(x), size=first.size)) % len(x)
        chosen = np.stack((first, second), axis=1)
    else:
        chosen = np.asarray(pairs, dtype=np.int64)
        if chosen.ndim != 2 or chosen.shape[1] != 2:
            raise PlicaError(f"pairs must have shape (P, 2), got {chosen.shape}")
    one = net.after(_weights(net, output)[None])
    used, where = np.unique(chosen, return_inverse=True)
    where = where.reshape(chosen.shape)
    patterns = one.pattern(x[used])
    g = one.affine(x[used])[0][:, 0]
    i, j = where.T
    product = np.einsum("pn,pn->p", g[i], g[j])
    size = np.linalg.norm(g, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = product / (size[i] * size[j])
    creases = [int(count_regions(one, Segment(x[a], x[b]))) - 1 for a, b in chosen]
    mean = float((size**2).mean())
    return PairsByCreases(
        chosen,
        np.array(creases, dtype=np.int64),
        (patterns[i] != patterns[j]).sum(axis=1).astype(np.int64),
        np.linalg.norm(x[chosen[:, 0]] - x[chosen[:, 1]], axis=1),
        product / mean if mean > 0 else np.full(len(chosen), np.nan),
        cosine,
    )


def brown_and_white(pieces: int, *, networks: int = 1, seed: int = 0) -> tuple[Any, Any]:
    """Brown and white noise of so many equal pieces, to compare with.

    Returns
    -------
    brown, white : lists of GradientAlong
    """
    random = np.random.default_rng(seed)
    knots = np.linspace(0.0, 1.0, pieces + 1)
    white = random.normal(size=(networks, pieces, 1))
    brown = np.cumsum(white, axis=1) / np.sqrt(pieces)
    return (
        [GradientAlong(knots, b, pieces - 1) for b in brown],
        [GradientAlong(knots, w, pieces - 1) for w in white],
    )

"""The terms of both expansions: of activation patterns, and of subsets behind layer one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..exact.rational import Dyadic, RationalChain, all_pieces
from .bends import Bend, Kink
from .form import MaxOfShallow
from .numbers import Dyadics, minus, rounded_up
from .pool import Mixture, Pool, Weights, short

if TYPE_CHECKING:
    from ..engines.running import Clock
    from .plan import Setting

__all__ = ["ByPatterns", "BySubsets", "gather"]

Patterns = NDArray[Any]
#: Terms that are found at a time.
STEP = 512
#: A term as it is built: affine part in fractions, shape (m, n + 1), and hidden units.
Raw = tuple[NDArray[Any], Mixture]


def gather(pool: Pool, raw: Sequence[Raw], meta: dict[str, Any], complete: bool) -> MaxOfShallow:
    """The form of some terms; units that nothing reads are left out, and equal terms too."""
    settled: dict[Any, tuple[NDArray[Any], dict[int, Weights]]] = {}
    for affine, mixture in raw:
        weights = dict(sorted(mixture.settled(pool, affine).items()))
        key = (tuple(affine.reshape(-1).tolist()), tuple(weights.items()))
        settled.setdefault(key, (affine, weights))
    keep = sorted({i for _, weights in settled.values() for i in weights})
    place = {i: to for to, i in enumerate(keep)}
    m = raw[0][0].shape[0]
    rows = [list(row) for affine, _ in settled.values() for row in affine]
    straight = Dyadics.of_rows(rows, pool.n + 1)
    T = len(settled)
    reads = [place[i] for _, weights in settled.values() for i in weights]
    mixed = [w for _, weights in settled.values() for w in weights.values()]
    return MaxOfShallow(
        Dyadics(straight.ints.reshape(T, m, pool.n + 1), straight.exponents.reshape(T, m)),
        pool.dyadics(keep),
        np.cumsum([0, *(len(weights) for _, weights in settled.values())], dtype=np.int64),
        np.array(reads, dtype=np.int64),
        Dyadics.of_rows(mixed, m),
        meta,
        complete,
    )


# -- activation patterns ---------------------------------------------------------------------


class ByPatterns:
    """One term a pattern; some hundred patterns a step.

    A concave unit is on its first piece in the patterns, on which its term holds for all of them.

    Parameters
    ----------
    setting : Setting
    """

    what = f"steps of {STEP} patterns"

    def __init__(self, setting: Setting) -> None:
        known = setting.prune and setting.complete
        self.pool = Pool(setting.net.n_inputs, setting.domain if known else None)
        self._net, self._bends, self._patterns = setting.net, setting.bends, setting.patterns
        self._found: list[list[Raw]] = []

    @property
    def total(self) -> int:
        """Number of steps."""
        return -(-len(self._patterns) // STEP)

    @property
    def done(self) -> int:
        """Steps that have been made."""
        return len(self._found)

    def step(self, clock: Clock) -> None:
        """Make one more; what stops it leaves everything as it was."""
        some = self._patterns[self.done * STEP : (self.done + 1) * STEP]
        self._found.append(_by_patterns(self._net, self._bends, some, self.pool, clock))

    def terms(self) -> tuple[Pool, list[Raw]]:
        """The terms that have been found."""
        return self.pool, _listed(self._found)


def _listed(found: Iterable[Iterable[Raw]]) -> list[Raw]:
    """All terms, with affine parts that may be changed."""
    return [(affine.copy(), mixture) for some in found for affine, mixture in some]


def _by_patterns(
    net: Network, bends: Sequence[Sequence[Bend]], patterns: Patterns, pool: Pool, clock: Clock
) -> list[Raw]:
    """One term a pattern; patterns with the same pieces up to a stage share what is done there."""
    chain = RationalChain(net)
    start, one = chain.start()
    group = np.zeros(patterns.shape[0], dtype=np.int64)
    states, mixtures = [start], [Mixture()]
    column = 0
    for i, stage in enumerate(net.stages):
        z = [chain.pre(i, state, one) for state in states]
        size = stage.units.nonlinear.size
        keys = np.column_stack((group, patterns[:, column : column + size]))
        children, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        cache: dict[tuple[int, int, int], list[tuple[int, Weights]]] = {}
        grown = []
        for parent, *pieces in children.tolist():
            clock.tick()
            mixture = mixtures[parent].copy() if bends[i] else mixtures[parent]
            for bend in bends[i]:
                piece = pieces[bend.column - column]
                key = (parent, bend.column, piece)
                if key not in cache:
                    cache[key] = _wedges(bend, piece, z[parent], pool)
                for unit, weights in cache[key]:
                    mixture.add(unit, weights)
            grown.append(mixture)
        states = [
            chain.post(i, z[parent], one, all_pieces(stage.units, pieces))
            for parent, *pieces in children.tolist()
        ]
        mixtures = grown
        column += size
    return [(s.fractions(), mixture) for s, mixture in zip(states, mixtures, strict=True)]


def _wedges(bend: Bend, piece: int, z: Dyadic, pool: Pool) -> list[tuple[int, Weights]]:
    """Hidden units that are positive where a unit leaves its piece, and their weights."""
    if bend.free:
        return []
    if bend.function is None:
        own = z.ints[bend.reads[piece]]
        others = [bend.reads[q] for q in bend.pieces if q != piece]
        found = [pool.add(z.ints[r] - own, z.exponent) for r in others]
        return [(unit, _weights(bend, bend.kinks[0], scale)) for unit, scale in found]
    wedges = []
    row = z[bend.reads[0]]
    for q, kink in zip(bend.pieces, bend.kinks, strict=False):  # a kink lies right of piece q
        if not kink.free:
            form = minus(row, kink.at)
            ints = form.ints if piece <= q else -form.ints
            unit, scale = pool.add(ints, form.exponent)
            wedges.append((unit, _weights(bend, kink, scale)))
    return wedges


def _weights(bend: Bend, kink: Kink, scale: Fraction) -> Weights:
    """Weights in the outputs: penalties, rounded away from zero, or the unit's own share."""
    if bend.concave and bend.gain is not None:
        return tuple(short(g * kink.jump * scale) for g in bend.gain)
    return tuple(-rounded_up(Fraction(p) * scale) for p in kink.penalty)


# -- subsets ---------------------------------------------------------------------------------


class BySubsets:
    """One term for each way to fix the pieces of the units behind the first hidden layer.

    Some hundred a step. No bend behind the first hidden layer needs a penalty, and no unit of that
    layer is a max unit.

    Parameters
    ----------
    setting : Setting
    """

    what = f"steps of {STEP} subsets"

    def __init__(self, setting: Setting) -> None:
        net = setting.net
        known = setting.prune and setting.complete
        self.pool = Pool(net.n_inputs, setting.domain if known else None)
        self._later, self._shape = setting.patterns, (net.n_outputs, net.n_inputs + 1)
        first = net.hidden[0]
        z = RationalChain(Network(net.stages[: first + 1])).forms(first, ())
        stage = net.stages[first]
        used = setting.used
        self._features = [_feature(stage, k, used, z, self.pool) for k in range(stage.n_out)]
        self._rest = RationalChain(Network(net.stages[first + 1 :]))
        self._found: list[list[Raw]] = []

    @property
    def total(self) -> int:
        """Number of steps."""
        return -(-len(self._later) // STEP)

    @property
    def done(self) -> int:
        """Steps that have been made."""
        return len(self._found)

    def step(self, clock: Clock) -> None:
        """Make one more; what stops it leaves everything as it was."""
        some = self._later[self.done * STEP : (self.done + 1) * STEP]
        found = []
        for pattern in some.tolist():
            clock.tick()
            found.append(self._term(pattern))
        self._found.append(found)

    def _term(self, pattern: Sequence[int]) -> Raw:
        J, c = self._rest.affine_on(pattern)
        affine = np.full(self._shape, Fraction(0), dtype=object)
        affine[:, -1] += c
        mixture = Mixture()
        for k, (line, units) in enumerate(self._features):
            if line.any():  # the first piece of a ReLU is zero
                affine += np.multiply.outer(J[:, k], line)
            for unit, scale in units:
                mixture.add(unit, tuple(short(b * scale) for b in J[:, k]))
        return affine, mixture

    def terms(self) -> tuple[Pool, list[Raw]]:
        """The terms that have been found."""
        return self.pool, _listed(self._found)


def _feature(
    stage: Stage, k: int, used: Sequence[tuple[int, ...]], z: Dyadic, pool: Pool
) -> tuple[NDArray[Any], list[tuple[int, Fraction]]]:
    """A unit of the first hidden layer as an affine form and hidden units (unit, weight)."""
    units = stage.units
    row = z[units.reads[units.start[k]]]
    line = row.fractions()
    f = int(units.function[k])
    if f < 0:
        return line, []
    function = units.functions[f]
    nonlinear = units.nonlinear
    at = int(np.searchsorted(nonlinear, k))
    pieces = used[at] if at < nonlinear.size and nonlinear[at] == k else (0,)
    first = pieces[0]
    line = line * Fraction(float(function.slopes[first]))
    line[-1] += function.exact_intercepts[first]
    found = []
    for q in pieces[:-1]:
        form = minus(row, Fraction(float(function.breakpoints[q])))
        jump = Fraction(float(function.slopes[q + 1])) - Fraction(float(function.slopes[q]))
        unit, scale = pool.add(form.ints, form.exponent)
        found.append((unit, jump * scale))
    return line, found

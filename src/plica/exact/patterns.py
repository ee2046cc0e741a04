"""Activation patterns at floating-point inputs, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plica.exact.rational import RationalChain
from plica.units import MAX

if TYPE_CHECKING:
    from plica.chain import Network
    from plica.units import Units

__all__ = ["exact_patterns"]

Float = NDArray[np.float64]
#: Unit roundoff of float64, and what underflow may lose.
UNIT = 2.0**-53
TINY = 1e-300
#: Floating-point numbers of one stage that are held at a time.
CHUNK = 1 << 22


def exact_patterns(net: Network, x: Float) -> NDArray[Any]:
    """The pattern of the network at each point, in exact arithmetic, with the rule for ties.

    Points are evaluated in float64 with a bound on the error of every pre-activation; where it
    leaves a piece open, the network is evaluated in rationals.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (P, n_inputs)
        Finite.

    Returns
    -------
    ndarray of unsigned int, shape (P, n_units)
    """
    found = np.empty((x.shape[0], net.n_units), dtype=net.pattern_dtype)
    chain: RationalChain | None = None
    step = max(1, CHUNK // max(max(s.n_state, s.n_pre, s.n_out) for s in net.stages))
    for start in range(0, x.shape[0], step):
        part = x[start : start + step]
        pieces, certain = _bounded_patterns(net, part)
        found[start : start + step] = pieces
        for p in np.flatnonzero(~certain):
            chain = chain or RationalChain(net)
            found[start + p] = chain.pattern(part[p].tolist())
    return found


def _bounded_patterns(net: Network, h: Float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Patterns in float64, and at which points all of their pieces are certain."""
    error = np.zeros_like(h)
    certain = np.ones(h.shape[0], dtype=bool)
    columns = []
    for stage in net.stages:
        size = abs(stage.A)
        terms = stage.n_state + 4
        z = stage.pre(h)
        # a sum of k products is off by at most k unit roundoffs of the sum of their sizes (Higham
        # 2002, section 3.1); the factor covers what is rounded in computing the bound
        carried = np.asarray((size @ error.T).T)
        rounded = terms * UNIT * (np.asarray((size @ np.abs(h).T).T) + np.abs(stage.a))
        doubt = (carried + rounded) * (1 + 4 * terms * UNIT) + TINY
        if stage.units.nonlinear.size:
            columns.append(stage.units.piece(z)[:, stage.units.nonlinear])
            certain &= _decided(stage.units, z, doubt)
        h, error = stage.units(z), _after(stage.units, z, doubt)
    pieces = np.concatenate([np.zeros((h.shape[0], 0), dtype=np.int64), *columns], axis=1)
    return pieces, certain


def _decided(units: Units, z: Float, doubt: Float) -> NDArray[np.bool_]:
    """At which points the pieces of all units are certain."""
    sure = np.ones(z.shape[0], dtype=bool)
    first = units.reads[units.start[:-1]]
    for i, f in enumerate(units.functions):
        at = first[units.function == i]
        for t in f.breakpoints:
            sure &= (np.abs(z[:, at] - t) > doubt[:, at] + 2 * UNIT * abs(t)).all(axis=1)
    largest = np.flatnonzero(units.function == MAX)
    if largest.size:
        start, each = units.start[:-1], np.diff(units.start)
        low = np.maximum.reduceat(z[:, units.reads] - doubt[:, units.reads], start, axis=1)
        rivals = z[:, units.reads] + doubt[:, units.reads] >= np.repeat(low, each, axis=1)
        alone = np.add.reduceat(rivals, start, axis=1, dtype=np.int64) == 1
        sure &= alone[:, largest].all(axis=1)
    return sure


def _after(units: Units, z: Float, doubt: Float) -> Float:
    """Bounds on the errors of the units' values."""
    error: Float = np.maximum.reduceat(doubt[:, units.reads], units.start[:-1], axis=1)
    first = units.reads[units.start[:-1]]
    for i, f in enumerate(units.functions):
        of_kind = units.function == i
        at = first[of_kind]
        steep, offset = np.abs(f.slopes).max(), np.abs(f.intercepts).max()
        rounding = 4 * UNIT * (steep * np.abs(z[:, at]) + offset)
        error[:, of_kind] = (steep * doubt[:, at] + rounding) * (1 + 16 * UNIT) + TINY
    return error

"""Which units a network could do without: on a domain, its function does not depend on them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..chain import Network, Stage, require_network
from ..domains import Domain
from ..engines.running import Budget, Progress
from .equality import equal_on

__all__ = ["RedundantUnits", "redundant_units"]


@dataclass(frozen=True)
class RedundantUnits:
    """The units without which, one at a time, a network is the same function on a domain.

    Units are the columns of a pattern. Two that say the same can both be redundant, and taking away
    both may change the function; `Network.simplify` takes away what can go together.

    Attributes
    ----------
    redundant : ndarray of int, shape (R,)
        Proved: with the unit's output replaced by zero, nothing changes anywhere in the domain.
    unknown : ndarray of int, shape (U,)
        Units that the budget left undecided; for all others a point is known where they matter.
    regions : int
        Regions on which the network was compared with one that lacks a unit.
    seconds : float
    """

    redundant: NDArray[np.int64]
    unknown: NDArray[np.int64]
    regions: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every unit has been decided."""
        return not self.unknown.size


def redundant_units(
    net: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> RedundantUnits:
    """The units that a network's function on a domain does not depend on, decided exactly.

    Each unit in turn is taken away, its output replaced by zero, and the two networks are compared
    by `equal_on`: dead units, units whose effects later ones do not pass on, and units whose
    effects cancel.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of any dimension, bounded or not.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float) in all. Ctrl-C does the same.
    progress : callable, optional
        Called after each unit with (regions compared, seconds).

    Returns
    -------
    RedundantUnits

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1.0], [1.0]], [0.0, -3.0]), ([[1.0, 1.0]], [0.0])])
    >>> plica.redundant_units(net, plica.Box([-1], [1])).redundant.tolist()
    [1]
    """
    require_network(net)
    domain.check(net)
    limit, start = Budget.of(budget), time.perf_counter()
    redundant, unknown = [], []
    regions, seconds = 0, 0.0
    for column, (stage, unit) in enumerate(_units(net)):
        rest = Budget(
            None if limit.regions is None else limit.regions - regions,
            None if limit.seconds is None else limit.seconds - seconds,
        )
        if any(left is not None and left <= 0 for left in (rest.regions, rest.seconds)):
            unknown.append(column)
            continue
        same = equal_on(net, _without(net, stage, unit), domain, budget=rest)
        regions += same.regions
        seconds = time.perf_counter() - start
        if same.equal is None:
            unknown.append(column)
        elif same.equal:
            redundant.append(column)
        if progress is not None:
            progress(regions, seconds)
    return RedundantUnits(
        np.array(redundant, dtype=np.int64), np.array(unknown, dtype=np.int64), regions, seconds
    )


def _units(net: Network) -> list[tuple[int, int]]:
    """Stage and unit of each pattern column."""
    return [(i, int(k)) for i, stage in enumerate(net.stages) for k in stage.units.nonlinear]


def _without(net: Network, stage: int, unit: int) -> Network:
    """The network in which one unit writes zero: the next stage does not read it."""
    stages = list(net.stages)
    if stage + 1 == len(stages):
        m = net.n_outputs
        stages.append(Stage(sp.eye_array(m, format="csr"), np.zeros(m)))
    after = stages[stage + 1]
    keep = np.ones(after.n_state)
    keep[unit] = 0.0
    A = sp.csr_array(after.A @ sp.diags_array(keep)) if after.sparse else after.A * keep
    stages[stage + 1] = Stage(A, after.a, after.units)
    return Network(stages)

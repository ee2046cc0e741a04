"""Which pieces each unit takes over a domain: dead units, units that are always on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, require_network
from ..domains import Domain, Space
from ..engines.cells import Cells
from ..engines.running import Budget, Progress
from ..engines.walk import Walk, unpack
from ..errors import UnsupportedError
from ..units import MAX

__all__ = ["UnitsReport", "units_report"]

#: Regions that are looked at together.
CHUNK = 4096


@dataclass(frozen=True)
class UnitsReport:
    """The pieces that the units of a network take over a domain.

    Units are the columns of a pattern. A piece is taken if some activation region has it.

    Attributes
    ----------
    taken : ndarray of bool, shape (n_units, largest number of pieces)
        Whether a unit takes a piece.
    constant : ndarray of bool, shape (n_units,)
        Whether every piece that the unit takes has slope zero.
    n_pieces, layers : ndarray of int, shape (n_units,)
        Number of pieces that each unit has; its hidden layer, from 1.
    complete : bool
        Whether it is certain that no other piece is taken. If not, `taken` holds what was seen
        until then: a certified subset, and the properties below may list too many units.
    regions : int
        Activation regions that were looked at; not all of them, if every unit soon showed all
        its pieces.
    seconds : float
    """

    taken: NDArray[np.bool_]
    constant: NDArray[np.bool_]
    n_pieces: NDArray[np.int64]
    layers: NDArray[np.int64]
    complete: bool
    regions: int
    seconds: float

    @property
    def pieces(self) -> tuple[tuple[int, ...], ...]:
        """The pieces taken by each unit."""
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in self.taken)

    @property
    def stable(self) -> NDArray[np.int64]:
        """Units that take one piece only: they are affine in what they read."""
        return np.flatnonzero(self.taken.sum(axis=1) == 1)

    @property
    def dead(self) -> NDArray[np.int64]:
        """Units that write the same value everywhere."""
        return np.flatnonzero((self.taken.sum(axis=1) == 1) & self.constant)

    @property
    def always_on(self) -> NDArray[np.int64]:
        """Stable units that are not dead; of max units, those that one read always wins."""
        return np.setdiff1d(self.stable, self.dead)

    @property
    def partial(self) -> NDArray[np.int64]:
        """Units that take several of their pieces, but not all."""
        count = self.taken.sum(axis=1)
        return np.flatnonzero((count > 1) & (count < self.n_pieces))

    def __repr__(self) -> str:
        state = "exact" if self.complete else "so far"
        return (
            f"<plica.UnitsReport: of {self.n_pieces.size} units {self.dead.size} dead, "
            f"{self.always_on.size} always on, {self.partial.size} partial, {state}>"
        )


def units_report(
    net: Network,
    domain: Domain,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> UnitsReport:
    """Which pieces each unit of a network takes over a domain, exactly.

    Parameters
    ----------
    net : Network
    domain : Domain
        Of any dimension, bounded or not.
    budget : int, float or Budget, optional
        Stop after so many regions (int) or seconds (float); the report then holds what was seen,
        with ``complete == False``. Ctrl-C does the same.
    progress : callable, optional
        Called about ten times a second with (regions looked at, seconds).

    Returns
    -------
    UnitsReport

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1.0], [1.0], [-1.0]], [0, 3, -2]), ([[1, 1, 1]], [0])])
    >>> report = plica.units_report(net, plica.Box([-1], [1]))
    >>> report.pieces, report.dead.tolist(), report.always_on.tolist()
    (((0, 1), (1,), (0,)), [2], [1])
    """
    require_network(net)
    walk = _walk(net, domain)
    n_pieces = net.unit_pieces
    taken = np.zeros((net.n_units, int(n_pieces.max(initial=1))), dtype=bool)
    exists = np.arange(taken.shape[1]) < n_pieces[:, None]
    everything = interrupted = False
    try:
        for chunk in walk.chunks(Budget.of(budget), progress, CHUNK):
            patterns = unpack(
                net, walk.bits, walk.words, chunk["patterns"].reshape(-1, max(1, walk.words))
            )
            for piece in range(taken.shape[1]):
                taken[:, piece] |= (patterns == piece).any(axis=0)
            if everything := bool(taken[exists].all()):
                break
    except KeyboardInterrupt:  # while a chunk was looked at
        interrupted = True
    return UnitsReport(
        taken,
        _constant(net, taken),
        n_pieces,
        net.unit_layers,
        (walk.complete and not interrupted) or everything,
        walk.counters["regions"],
        walk.seconds,
    )


def _walk(net: Network, domain: Domain) -> Walk | Cells:
    if domain.dim <= 2 and not isinstance(domain, Space):
        try:
            return Walk(net, domain, patterns=True)
        except UnsupportedError:  # not bounded
            pass
    return Cells(net, domain, patterns=True)


def _constant(net: Network, taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether every piece taken by each unit has slope zero."""
    flat = np.zeros(taken.shape[0], dtype=bool)
    for column, (units, k) in enumerate(_nonlinear(net)):
        f = int(units.function[k])
        if f != MAX:
            pieces = np.flatnonzero(taken[column])
            flat[column] = not units.functions[f].slopes[pieces].any()
    return flat


def _nonlinear(net: Network) -> Iterator[tuple[Any, int]]:
    """Units with more than one piece, in the order of a pattern's columns."""
    for stage in net.stages:
        for k in stage.units.nonlinear:
            yield stage.units, int(k)

"""Several walks over the same regions, in threads: the compiled core runs without the GIL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage
from ..units import IDENTITY, Units

__all__ = ["Team", "shared_stage"]


class Team:
    """Walks of the compiled core that divide the regions among themselves.

    All of them walk down to the cells of one stage; there each cell is taken by the walk that comes
    first. What lies below, which is most of the work, is done once. Has the methods of one walk.

    Parameters
    ----------
    make : callable
        Makes a walk of the compiled core.
    n_jobs : int
        How many walks, each in a thread of its own.
    stage : int
        The stage whose cells are divided.
    """

    def __init__(self, make: Callable[[], Any], n_jobs: int, stage: int) -> None:
        from .. import _core

        claims = _core.Claims()
        self._walks = [make() for _ in range(n_jobs)]
        for walk in self._walks:
            walk.share(claims, stage)
        self._done = [False] * n_jobs

    def run(self, regions: int, seconds: float) -> bool:
        """Go on until about so many regions more are found, or so many seconds have passed."""
        working = [i for i, done in enumerate(self._done) if not done]
        each = max(1, regions // len(working))
        with ThreadPoolExecutor(len(working)) as pool:
            ended = list(pool.map(lambda i: self._walks[i].run(each, seconds), working))
        for i, done in zip(working, ended, strict=True):
            self._done[i] = done
        return all(self._done)

    @property
    def counters(self) -> dict[str, Any]:
        """The sums over the walks; of the error of maps, the largest."""
        all_of = [dict(walk.counters) for walk in self._walks]
        return {
            name: (max if name == "map_error" else sum)(each[name] for each in all_of)
            for name in all_of[0]
        }

    def take(self) -> dict[str, NDArray[Any]]:
        """The columns found since the last call, of all walks."""
        parts = [walk.take() for walk in self._walks]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @property
    def words(self) -> int:
        """Number of 64-bit words of a packed pattern."""
        return int(self._walks[0].words)

    def bits(self) -> NDArray[np.int64]:
        """First bit and width of each unit's piece in a packed pattern, one after another."""
        return np.asarray(self._walks[0].bits())


def shared_stage(net: Network) -> tuple[Network, int]:
    """The stage whose cells a team divides, of a network that has a stage with units below it.

    Returns
    -------
    net : Network
        The same network; one whose units all belong to one stage is rewritten so that the second
        half of them comes a stage later. The pattern's columns stay in order.
    stage : int
    """
    bent = [s for s, stage in enumerate(net.stages) if stage.units.nonlinear.size]
    if len(bent) != 1 or net.stages[bent[0]].units.nonlinear.size < 2:
        return net, bent[0] if bent else 0
    at = bent[0]
    stage = net.stages[at]
    first, second = _halves(stage.units)
    rest = Stage(_eye(second.n_pre), np.zeros(second.n_pre), second)
    stages = [*net.stages[:at], Stage(stage.A, stage.a, first), rest, *net.stages[at + 1 :]]
    return Network(stages), at


def _eye(n: int) -> Any:
    import scipy.sparse as sp

    return sp.identity(n, format="csr")


def _halves(units: Units) -> tuple[Units, Units]:
    """The same units in two steps: the later half of those that bend wait, reads handed on."""
    waits = np.isin(np.arange(units.n_out), units.nonlinear[units.nonlinear.size // 2 :])
    counts = np.diff(units.start)
    handed = np.where(waits, counts, 1)  # coordinates that a unit takes up in between
    sizes = np.repeat(np.where(waits, 1, counts), handed)
    function = np.repeat(np.where(waits, IDENTITY, units.function), handed)
    start = np.concatenate(([0], np.cumsum(sizes)))
    first = Units(units.n_pre, start, units.reads, function, units.functions)
    start = np.concatenate(([0], np.cumsum(handed)))
    function = np.where(waits, units.function, IDENTITY)
    n = int(start[-1])
    return first, Units(n, start, np.arange(n), function, units.functions)

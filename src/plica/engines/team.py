"""Several walks over the same regions, in threads: the compiled core runs without the GIL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network

__all__ = ["Team", "shared_stage"]

#: Seconds that the first walk goes alone: what it ends in this time is not worth a second thread.
ALONE = 0.005
#: Units that make enough cells to be divided.
ENOUGH = 8


class Team:
    """Walks of the compiled core that divide the regions among themselves.

    All of them come down to some cells, each of which is taken by the walk that comes first. What
    lies below, which is most of the work, is done once. The first walk begins alone. Has the
    methods of one walk.

    Parameters
    ----------
    make : callable
        Makes a walk of the compiled core.
    n_jobs : int
        How many walks, each in a thread of its own.
    stage, depth : int
        Which cells are divided, see `shared_stage`.
    """

    def __init__(self, make: Callable[[], Any], n_jobs: int, stage: int, depth: int) -> None:
        from .. import _core

        claims = _core.Claims()

        def sharing() -> Any:
            walk = make()
            walk.share(claims, stage, depth)
            return walk

        self._make, self._n_jobs = sharing, n_jobs
        self._walks = [sharing()]
        self._done = [False]

    def run(self, regions: int, seconds: float) -> bool:
        """Go on until about so many regions more are found, or so many seconds have passed."""
        if len(self._walks) < self._n_jobs:
            before = self.counters["regions"]
            self._done[0] = self._walks[0].run(regions, min(seconds, ALONE))
            regions -= self.counters["regions"] - before
            if self._done[0] or regions <= 0 or seconds <= ALONE:
                return self._done[0]
            self._walks += [self._make() for _ in range(self._n_jobs - 1)]
            self._done += [False] * (self._n_jobs - 1)
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


def shared_stage(net: Network, n_jobs: int) -> tuple[int, int]:
    """Where a team divides a network's cells.

    Returns
    -------
    stage : int
    depth : int
        How many cuts make a cell that is divided, within the first stage that has units with
        several pieces; 0: the cells of the stage are divided, as the first one has few units.
    """
    units = [stage.units.nonlinear.size for stage in net.stages]
    bent = [s for s, n in enumerate(units) if n]
    if len(bent) < 2 or units[bent[0]] >= ENOUGH:
        return bent[0] if bent else 0, 4 + n_jobs.bit_length()
    reached = np.cumsum(units)
    return next((s for s in bent[:-1] if reached[s] >= ENOUGH), bent[-2]), 0

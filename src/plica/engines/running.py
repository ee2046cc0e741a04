"""How long work runs: walks of the compiled core in slices, other work by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from ..errors import BudgetError, DomainError

__all__ = ["Budget", "Clock", "Progress", "Running"]

Progress = Callable[[int, float], None]
#: Seconds between two looks at the budget, the progress callback and Ctrl-C.
SLICE = 0.1


@dataclass(frozen=True)
class Budget:
    """When to stop: after so many regions, or so many seconds, whichever comes first."""

    regions: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, budget: Budget | int | float | None) -> Budget:
        """A budget from what a caller gives: an int counts regions, a float seconds."""
        if budget is None:
            return cls()
        if isinstance(budget, Budget):
            return budget
        if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not budget > 0:
            raise DomainError(
                f"budget must be a positive number of regions (int) or of seconds (float), or a "
                f"Budget; got {budget!r}"
            )
        return cls(regions=budget) if isinstance(budget, int) else cls(seconds=budget)


class Clock:
    """The seconds that are left to work outside the compiled core, and its progress.

    Parameters
    ----------
    seconds : float or None
        From now on; without end if None.
    progress : callable or None
        Called with (`done`, seconds) about ten times a second.
    """

    def __init__(self, seconds: float | None = None, progress: Progress | None = None) -> None:
        self.seconds, self.progress = seconds, progress
        self.done = 0
        self._start = self._shown = time.perf_counter()

    def tick(self) -> None:
        """To be called often: shows the progress.

        Raises
        ------
        BudgetError
            If no time is left.
        """
        now = time.perf_counter()
        if self.progress is not None and now - self._shown >= SLICE:
            self._shown = now
            self.progress(self.done, now - self._start)
        if self.seconds is not None and now - self._start >= self.seconds:
            raise BudgetError(f"stopped by the budget of {self.seconds:g} seconds")


@dataclass
class Running:
    """A walk of the compiled core, ``_walk``, that stops and goes on.

    Attributes
    ----------
    complete : bool
        Whether every region has been found.
    interrupted : bool
        Whether Ctrl-C ended the walk.
    seconds : float
        Wall-clock time of the last call.
    """

    complete: bool = field(default=False, init=False)
    interrupted: bool = field(default=False, init=False)
    seconds: float = field(default=0.0, init=False)
    _walk: Any = field(default=None, init=False, repr=False, compare=False)

    @property
    def counters(self) -> dict[str, Any]:
        """What the walk has done so far: regions, questions arbitrated, products, splits, ..."""
        return dict(self._walk.counters)

    def chunks(
        self,
        budget: Budget | None = None,
        progress: Progress | None = None,
        size: int = 1 << 62,
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Walk on; yield the columns of at most ``size`` regions at a time.

        Stops at the budget, on Ctrl-C (then `interrupted` is set), or when all regions are found
        (then `complete` is set).
        """
        budget = budget or Budget()
        start = time.perf_counter()
        try:
            while not self.complete:
                found = self._walk.counters["regions"]
                left = size if budget.regions is None else min(size, budget.regions - found)
                rest = float("inf")
                if budget.seconds is not None:
                    rest = budget.seconds - (time.perf_counter() - start)
                if left <= 0 or rest <= 0:
                    break
                before = found
                while not self.complete and found - before < left and rest > 0:
                    self.complete = self._walk.run(left - (found - before), min(SLICE, rest))
                    found = self._walk.counters["regions"]
                    self.seconds = time.perf_counter() - start
                    if budget.seconds is not None:
                        rest = budget.seconds - self.seconds
                    if progress is not None:
                        progress(found, self.seconds)
                yield self._walk.take()
        except KeyboardInterrupt:
            self.interrupted = True
            yield self._walk.take()
        self.seconds = time.perf_counter() - start

"""Building a form step by step: it shows progress, stops with what it has, and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..engines.running import Clock, Progress
from ..errors import BudgetError
from .expand import ByPatterns, BySubsets, Raw, gather
from .minimal import ByPieces

if TYPE_CHECKING:
    from .form import MaxOfShallow
    from .plan import Setting
    from .pool import Pool

__all__ = ["Unfinished"]


class Steps(Protocol):
    """Finds the terms of a form, some with each step."""

    #: What the steps deal with, in a few words.
    what: str

    @property
    def total(self) -> int:
        """Number of steps."""

    @property
    def done(self) -> int:
        """Steps that have been made."""

    def step(self, clock: Clock) -> None:
        """Make one more; what stops it leaves everything as it was."""

    def terms(self) -> tuple[Pool, list[Raw]]:
        """The terms that have been found, and their hidden units."""


class Unfinished:
    """A shallow form that a budget or Ctrl-C stopped, with all that was found until then.

    It is the ``partial`` of the `BudgetError` that `max_of_shallow` raises once the regions are
    known. `resume` goes on where the work stopped; `form` is what there is so far.
    """

    def __init__(self, setting: Setting, meta: dict[str, Any]) -> None:
        self._setting, self._meta = setting, meta
        self._steps: Steps | None = None

    def __repr__(self) -> str:
        return f"<plica.Unfinished: {self.done} of {self.total} steps done>"

    @property
    def done(self) -> int:
        """Steps that have been made."""
        return self._steps.done if self._steps else 0

    @property
    def total(self) -> int:
        """Number of steps; 0 if it is not known yet, as the pieces are not."""
        return self._steps.total if self._steps else 0

    def form(self) -> MaxOfShallow | None:
        """The terms found so far, a lower bound of the network on the domain; None if none."""
        if self._steps is None:
            return None
        pool, raw = self._steps.terms()
        complete = self._setting.method == "subsets" or self._setting.complete
        complete &= self.done == self.total
        return gather(pool, raw, self._meta, complete) if raw else None

    def resume(
        self, seconds: float | None = None, progress: Progress | None = None
    ) -> MaxOfShallow:
        """Go on.

        Parameters
        ----------
        seconds : float, optional
            For this part of the work; without end if not given.
        progress : callable, optional
            Called about ten times a second with (steps done, seconds).

        Raises
        ------
        BudgetError
            If it was stopped again; ``partial`` is this object.
        """
        return self.run(Clock(seconds, progress))

    def run(self, clock: Clock) -> MaxOfShallow:
        """See `resume`."""
        try:
            if self._steps is None:
                self._setting.clock = clock
                self._steps = _steps(self._setting)
            while self._steps.done < self._steps.total:
                clock.done = self._steps.done
                clock.tick()
                self._steps.step(clock)
            form = self.form()
        except (BudgetError, KeyboardInterrupt) as stop:
            raise self._stopped(stop) from None
        assert form is not None  # there is a term for every region
        return form

    def _stopped(self, stop: BaseException) -> BudgetError:
        why = str(stop) if isinstance(stop, BudgetError) else "stopped by Ctrl-C"
        if self._steps is None:
            found = "before the first term was found; the regions are kept"
        else:
            found = f"after {self.done} of {self.total} {self._steps.what}; these are kept"
        return BudgetError(
            f"{why} {found} in the error's .partial: its resume() goes on, its form() is the lower "
            "bound of the network that is known so far",
            partial=self,
        )


def _steps(setting: Setting) -> Steps:
    if setting.method == "minimal":
        return ByPieces(setting)
    return BySubsets(setting) if setting.method == "subsets" else ByPatterns(setting)

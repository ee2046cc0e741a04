"""A walk over cells for the sake of one number: the largest value of an output, or any difference.

It is the cells engine's walk; cells that cannot hold the answer are passed over, and memory grows
with the depth of the search alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..domains import Domain
from ..errors import DomainError
from .cells import bounds_and_rows
from .running import Budget, Progress, Running
from .walk import compile_chain, unpack

__all__ = ["Seek"]


@dataclass
class Seek(Running):
    """The largest value of ``sign * output`` on a domain, or a region where the outputs are not 0.

    Parameters
    ----------
    net : Network
    domain : Domain
    output : int, optional
        Without one, a region is sought where some output is not the zero map.
    sign : {1, -1}
    bar : float
        Only values above it count.
    first : bool
        Stop at the first region with a value above the bar, instead of the largest one.
    filter_scale : float
        Factor on the floating-point error bound. At infinity every question is decided in exact
        arithmetic; the answer must not change.

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.
    """

    net: Network
    domain: Domain
    output: int | None = None
    sign: int = 1
    bar: float = 0.0
    first: bool = False
    filter_scale: float = 1.0

    def __post_init__(self) -> None:
        from .. import _core

        restricted = self.domain.restrict(self.net)
        lower, upper, A, b = bounds_and_rows(self.domain)
        try:
            self._walk = _core.DictionarySeek(
                compile_chain(restricted),
                self.domain.dim,
                lower,
                upper,
                A,
                b,
                -1 if self.output is None else self.output,
                self.sign,
                self.bar,
                self.first,
                self.filter_scale,
            )
        except ValueError as error:
            raise DomainError(
                "the domain has no interior; its half-spaces contradict or only touch"
            ) from error

    def finish(self, budget: Budget | None = None, progress: Progress | None = None) -> None:
        """Walk on until the answer is found, the budget runs out or Ctrl-C is pressed."""
        for _ in self.chunks(budget, progress):
            pass

    @property
    def found(self) -> bool:
        """Whether some region has a value above the bar, or an output that is not zero."""
        return bool(self._walk.found)

    @property
    def pruned(self) -> int:
        """Cells that were passed over before all units were decided."""
        return int(self._walk.pruned)

    @property
    def best(self) -> tuple[Fraction | None, tuple[Fraction, ...]]:
        """The largest value of ``sign * output`` found and a point where it is, in own coordinates.

        Where there is no bound the value is None and the point a direction in which it grows.
        """
        p, q, point = self._walk.best
        value, scale = _fraction(p), _fraction(q)
        numbers = [_fraction(x) for x in point]
        if not scale:
            return None, tuple(numbers[: self.domain.dim])
        return value / scale, tuple(x / numbers[-1] for x in numbers[: self.domain.dim])

    @property
    def differing(self) -> int:
        """The output that is not the zero map on the region found."""
        return int(self._walk.output)

    @property
    def pattern(self) -> NDArray[Any]:
        """Pattern of the region found, shape (n_units,)."""
        words = int(self._walk.words)
        packed = np.asarray(self._walk.pattern()).reshape(1, words)
        row: NDArray[Any] = unpack(self.net, np.asarray(self._walk.bits()), words, packed)[0]
        return row

    @property
    def witness(self) -> NDArray[np.float64]:
        """A point of the region found, in own coordinates, up to rounding."""
        return np.asarray(self._walk.witness())


def _fraction(number: tuple[int, bytes, int]) -> Fraction:
    sign, mantissa, exponent = number
    return sign * int.from_bytes(mantissa, "little") * Fraction(2) ** exponent

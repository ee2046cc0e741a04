"""The half-spaces of an activation pattern, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from plica.exact.linear_program import Row, integer_row
from plica.exact.rational import RationalChain
from plica.units import MAX

if TYPE_CHECKING:
    from plica.chain import Network

__all__ = ["pattern_rows"]


def pattern_rows(
    net: Network, pattern: Sequence[int], chain: RationalChain | None = None
) -> Iterator[Row]:
    """Half-spaces ``(a, b)`` in integers, ``a . x <= b``: the closed region is their intersection.

    Parameters
    ----------
    net : Network
    pattern : sequence of int, shape (n_units,)
    chain : RationalChain, optional
        Of the network, where it is needed for many patterns.
    """
    chain = RationalChain(net) if chain is None else chain
    used = 0
    for i, stage in enumerate(net.stages):
        units = stage.units
        if not units.nonlinear.size:
            continue
        z = chain.forms(i, pattern).fractions()
        for k in units.nonlinear:
            piece = int(pattern[used])
            used += 1
            reads = units.reads[units.start[k] : units.start[k + 1]]
            if units.function[k] == MAX:
                forms = [z[other] - z[reads[piece]] for other in np.delete(reads, piece)]
            else:
                ends = units.functions[int(units.function[k])].breakpoints.tolist()
                forms = [_minus(z[reads[0]], t) for t in ends[piece : piece + 1]]
                forms += [-_minus(z[reads[0]], t) for t in ends[max(piece - 1, 0) : piece]]
            for form in forms:  # form(x) <= 0
                yield integer_row([*form[:-1], -form[-1]])


def _minus(form: np.ndarray, t: float) -> np.ndarray:
    shifted = form.copy()
    shifted[-1] -= Fraction(t)
    return shifted

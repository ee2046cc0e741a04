"""One dimension: one term, one hidden unit a breakpoint."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exact.halfspaces import pattern_rows
from ..exact.rational import Dyadic, RationalChain
from .expand import gather
from .form import MaxOfShallow
from .pool import Mixture, Pool, short

if TYPE_CHECKING:
    from .plan import Setting

__all__ = ["on_line"]


def on_line(setting: Setting, meta: dict[str, Any]) -> MaxOfShallow:
    """The shallow form of a network with one input.

    With the affine maps ``f_0, f_1, ...`` of the regions from left to right, ``F = f_0 + sum_i
    sign_i relu(sign_i (f_i - f_{i-1}))``, sign_i that of the slope of ``f_i - f_{i-1}``, which is
    zero at the breakpoint: no breakpoint is ever rounded.
    """
    net = setting.net
    patterns = setting.all_regions().patterns.tolist()
    left = [_left_end(net, pattern) for pattern in patterns]
    order = sorted(range(len(patterns)), key=lambda r: (left[r] is not None, left[r] or 0))
    chain = RationalChain(net)
    maps = [chain.forms(len(net.stages) - 1, patterns[r]).fractions() for r in order]
    pool, mixture, m = Pool(1), Mixture(), net.n_outputs
    for before, after in pairwise(maps):
        step = after - before
        for c in range(m):
            slope, constant = step[c]
            if slope == 0:
                continue
            sign = 1 if slope > 0 else -1
            row = Dyadic.of_fractions([sign * slope, sign * constant])
            unit, scale = pool.add(row.ints, row.exponent)
            weight = short(scale * sign)
            mixture.add(unit, tuple(weight if c == k else 0.0 for k in range(m)))
    return gather(pool, [(np.array(maps[0]), mixture)], meta, True)


def _left_end(net: Any, pattern: Any) -> Fraction | None:
    """Where a region begins; None if it has no beginning."""
    ends = [Fraction(b, a) for a, b in pattern_rows(net, pattern) if a < 0]
    return max(ends, default=None)

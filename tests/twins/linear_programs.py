"""An oracle for generic networks of any input dimension: depth first, one linear program a test.

It uses HiGHS with a margin, so it is right only where no cell is very small; it says how small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import highspy
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import plica
    from plica.domains import Domain

MARGIN = 1e-9
#: Forms whose coefficients are below this are taken for constants.
FLAT = 1e-14
#: A ball known to be larger than this needs no linear program.
LARGE = 1e-4

Ball = tuple[np.ndarray, float]


@dataclass
class Verdict:
    """Patterns found, the smallest radius accepted and the largest refused, and the work done.

    A radius accepted is that of some ball inside; a radius refused is the largest there is.
    """

    patterns: set[tuple[int, ...]] = field(default_factory=set)
    accepted: float = np.inf
    refused: float = -np.inf
    programs: int = 0
    complete: bool = True

    @property
    def clear(self) -> bool:
        """Whether every verdict was a hundred times farther from zero than the margin."""
        return self.accepted > 100 * MARGIN and self.refused < -100 * MARGIN


def patterns(net: plica.Network, domain: Domain, limit: int | None = None) -> Verdict:
    """Patterns of the activation regions, each with an inscribed ball of radius over MARGIN.

    The search stops after ``limit`` patterns, if given.
    """
    chain = domain.restrict(net)
    rows = _Rows(*domain.halfspaces())
    verdict = Verdict()
    n = chain.n_inputs
    for pattern in _descend(list(chain.stages), np.eye(n, n + 1), (), rows, rows.ball(), verdict):
        verdict.patterns.add(pattern)
        if len(verdict.patterns) == limit:
            verdict.complete = False
            break
    return verdict


class _Rows:
    """Half-spaces, pushed and popped, and the largest ball inside them."""

    def __init__(self, A: np.ndarray, b: np.ndarray) -> None:
        self.model = highspy.Highs()
        for option, value in (("output_flag", False), ("presolve", "off"), ("threads", 1)):
            self.model.setOptionValue(option, value)
        n = A.shape[1]
        for _ in range(n):
            self.model.addVar(-highspy.kHighsInf, highspy.kHighsInf)
        self.model.addVar(-highspy.kHighsInf, 1.0)  # the radius, negative where there is no ball
        self.model.changeColCost(n, -1.0)
        self.index = np.arange(n + 1, dtype=np.int32)
        for row, right in zip(A, b, strict=True):
            self.push(row, right)

    def push(self, row: np.ndarray, right: float) -> None:
        """Add ``row . x <= right``."""
        norm = np.linalg.norm(row) or 1.0
        values = np.append(row / norm, 1.0)
        self.model.addRow(-highspy.kHighsInf, right / norm, values.size, self.index, values)

    def pop(self) -> None:
        last = self.model.getNumRow() - 1
        self.model.deleteRows(1, np.array([last], dtype=np.int32))

    def ball(self) -> Ball:
        """Centre and radius of a largest ball: at most 1, and negative where there is none."""
        self.model.run()
        if self.model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS stopped: {self.model.getModelStatus()}")
        *centre, radius = self.model.getSolution().col_value
        return np.array(centre), radius


def _descend(
    stages: list,
    state: np.ndarray,
    pattern: tuple[int, ...],
    rows: _Rows,
    ball: Ball,
    verdict: Verdict,
) -> Iterator[tuple[int, ...]]:
    if len(stages) == 1:
        yield pattern
        return
    stage, *rest = stages
    A = stage.A.toarray() if stage.sparse else stage.A
    z = A @ state
    z[:, -1] += stage.a
    some = stage.units.nonlinear

    def decide(i: int, pieces: tuple[int, ...], ball: Ball) -> Iterator[tuple[int, ...]]:
        if i == some.size:
            full = np.zeros((1, stage.n_out), dtype=np.int64)
            full[0, some] = pieces
            source, slope, intercept = (v[0] for v in stage.units.linearise(full))
            after = slope[:, None] * z[source]
            after[:, -1] += intercept
            yield from _descend(rest, after, pattern + pieces, rows, ball, verdict)
            return
        for piece, conditions in enumerate(_conditions(stage.units, int(some[i]), z)):
            bent = [f for f, _ in conditions if np.abs(f[:-1]).max() > FLAT]
            flat = [(f[-1], tied) for f, tied in conditions if np.abs(f[:-1]).max() <= FLAT]
            if not all(value > 0 or (value == 0 and tied) for value, tied in flat):
                continue
            for f in bent:
                rows.push(-f[:-1], f[-1])
            inner = _inside(ball, bent)
            if inner[1] <= LARGE:
                inner = rows.ball()
                verdict.programs += 1
            if inner[1] > MARGIN:
                verdict.accepted = min(verdict.accepted, inner[1])
                yield from decide(i + 1, (*pieces, piece), inner)
            else:
                verdict.refused = max(verdict.refused, inner[1])
            for _ in bent:
                rows.pop()

    yield from decide(0, (), ball)


def _inside(ball: Ball, forms: list[np.ndarray]) -> Ball:
    """The same centre, with the radius that the forms leave it."""
    centre, radius = ball
    reach = [(f[:-1] @ centre + f[-1]) / np.linalg.norm(f[:-1]) for f in forms]
    return centre, min([radius, *reach])


def _conditions(units: plica.Units, k: int, z: np.ndarray) -> list[list[tuple[np.ndarray, bool]]]:
    """For each piece of a unit the affine forms that are positive on it.

    Each with whether the piece is the one that counts where the form is zero everywhere.
    """
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] < 0:
        return [
            [(z[i] - z[j], p < q) for q, j in enumerate(reads) if q != p]
            for p, i in enumerate(reads)
        ]
    last = np.eye(z.shape[1])[-1]
    over = [z[reads[0]] - t * last for t in units.functions[units.function[k]].breakpoints]
    n = len(over)
    return [
        [*([(over[q - 1], False)] if q else []), *([(-over[q], True)] if q < n else [])]
        for q in range(n + 1)
    ]

"""An oracle for generic networks of any input dimension: depth first, one linear program a test.

It uses HiGHS with a margin, so it is right only where no cell is very small; it says how small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import highspy
import numpy as np

if TYPE_CHECKING:
    import plica
    from plica.domains import Domain

MARGIN = 1e-9


@dataclass
class Verdict:
    """Patterns found, the smallest margin accepted and the largest refused."""

    patterns: set[tuple[int, ...]] = field(default_factory=set)
    accepted: float = np.inf
    refused: float = -np.inf


def patterns(net: plica.Network, domain: Domain) -> Verdict:
    """Patterns of the activation regions, each with an inscribed ball of radius over MARGIN."""
    chain = domain.restrict(net)
    rows = _Rows(*domain.halfspaces())
    verdict = Verdict()
    n = chain.n_inputs
    _descend(list(chain.stages), np.eye(n, n + 1), (), rows, verdict)
    return verdict


class _Rows:
    """Half-spaces, pushed and popped, and the largest ball inside them."""

    def __init__(self, A: np.ndarray, b: np.ndarray) -> None:
        self.model = highspy.Highs()
        self.model.setOptionValue("output_flag", False)
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
        norm = np.linalg.norm(row)
        values = np.append(row / norm, 1.0)
        self.model.addRow(-highspy.kHighsInf, right / norm, values.size, self.index, values)

    def pop(self) -> None:
        last = self.model.getNumRow() - 1
        self.model.deleteRows(1, np.array([last], dtype=np.int32))

    def radius(self) -> float:
        self.model.run()
        if self.model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS stopped: {self.model.getModelStatus()}")
        return -self.model.getInfo().objective_function_value


def _descend(
    stages: list, state: np.ndarray, pattern: tuple[int, ...], rows: _Rows, verdict: Verdict
) -> None:
    if len(stages) == 1:
        verdict.patterns.add(pattern)
        return
    stage, *rest = stages
    A = stage.A.toarray() if stage.sparse else stage.A
    z = A @ state
    z[:, -1] += stage.a
    some = stage.units.nonlinear

    def decide(i: int, pieces: tuple[int, ...]) -> None:
        if i == some.size:
            full = np.zeros((1, stage.n_out), dtype=np.int64)
            full[0, some] = pieces
            source, slope, intercept = (v[0] for v in stage.units.linearise(full))
            after = slope[:, None] * z[source]
            after[:, -1] += intercept
            _descend(rest, after, pattern + pieces, rows, verdict)
            return
        for piece, forms in enumerate(_conditions(stage.units, int(some[i]), z)):
            bent = [f for f in forms if np.abs(f[:-1]).max() > 1e-14]
            if any(f[-1] < 0 for f in forms if np.abs(f[:-1]).max() <= 1e-14):
                continue
            for f in bent:
                rows.push(-f[:-1], f[-1])
            r = rows.radius()
            if r > MARGIN:
                verdict.accepted = min(verdict.accepted, r)
                decide(i + 1, (*pieces, piece))
            else:
                verdict.refused = max(verdict.refused, r)
            for _ in bent:
                rows.pop()

    decide(0, ())


def _conditions(units: plica.Units, k: int, z: np.ndarray) -> list[list[np.ndarray]]:
    """For each piece of a unit the affine forms that are positive on it."""
    reads = units.reads[units.start[k] : units.start[k + 1]]
    if units.function[k] < 0:
        return [[z[i] - z[j] for j in reads if j != i] for i in reads]
    last = np.eye(z.shape[1])[-1]
    over = [z[reads[0]] - t * last for t in units.functions[units.function[k]].breakpoints]
    n = len(over)
    return [[*([over[q - 1]] if q else []), *([-over[q]] if q < n else [])] for q in range(n + 1)]

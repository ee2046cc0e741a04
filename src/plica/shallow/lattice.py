"""Max-min form of a piecewise-linear function, and the ReLU network that a max-min form is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from ..chain import Network, Stage, as_batch
from ..domains import Domain
from ..engines.running import Budget, Progress
from ..errors import NetworkError
from ..units import Units
from .export import copied
from .numbers import Dyadics, rational_point
from .pieces import Complex, Piece, convex_pieces
from .plan import Setting

__all__ = ["MaxMin", "lattice"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MaxMin:
    """``F(x) = max over i of min over j in groups[i] of (row j) . (x, 1)``.

    Attributes
    ----------
    maps : Dyadics, shape (k, n + 1)
        Affine functions, constants last, exactly.
    groups : tuple of tuple of int
        Not empty, none of them.
    """

    maps: Dyadics
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, maps: ArrayLike, groups: Iterable[Iterable[int]]) -> MaxMin:
        """The form with these affine functions.

        Parameters
        ----------
        maps : array_like, shape (k, n + 1)
            Floats, taken exactly; constants last.
        groups : iterable of iterable of int

        Raises
        ------
        NetworkError
            If a number is not finite, a group is empty or names a function that is not there.
        """
        rows = np.asarray(maps, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] < 2:
            raise NetworkError(f"the affine functions must have shape (k, n + 1), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise NetworkError("an affine function has a coefficient that is NaN or infinite")
        found = tuple(tuple(sorted({int(j) for j in group})) for group in groups)
        if not found or not all(found):
            raise NetworkError("a max-min form needs at least one group, and none may be empty")
        if min(g[0] for g in found) < 0 or max(g[-1] for g in found) >= rows.shape[0]:
            raise NetworkError(f"a group names a function outside 0..{rows.shape[0] - 1}")
        exact = [[Fraction(v) for v in row] for row in rows.tolist()]
        return cls(Dyadics.of_rows(exact, rows.shape[1]), found)

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.maps.shape[1] - 1

    def __repr__(self) -> str:
        return (
            f"<plica.MaxMin of {self.maps.shape[0]} affine functions of {self.n_inputs} inputs, "
            f"{len(self.groups)} groups>"
        )

    def __call__(self, x: ArrayLike) -> Float:
        """Values, shape (N, 1), at points of shape (N, n_inputs), in float64."""
        points = as_batch(x, self.n_inputs)
        rows = self.maps.floats
        values = points @ rows[:, :-1].T + rows[:, -1]
        found: Float = np.max([values[:, list(g)].min(axis=1) for g in self.groups], axis=0)
        return found[:, None]

    @cached_property
    def _fractions(self) -> NDArray[Any]:
        return self.maps.fractions()

    def value(self, x: Iterable[Any]) -> Fraction:
        """The exact value at a rational point."""
        point = rational_point(x, self.n_inputs)
        values = self._fractions @ np.array([*point, Fraction(1)], dtype=object)
        found: Fraction = max(min(values[j] for j in group) for group in self.groups)
        return found

    def to_network(self) -> Network:
        """A network of ReLU units alone with exactly this function.

        Trees of ``max(a, b) = relu(a - b) + relu(b) - relu(-b)`` and ``min(a, b) = relu(b) -
        relu(-b) - relu(b - a)``, first over the functions of a group, then over the groups (Arora
        et al. 2018): ``ceil(log2 k) + ceil(log2 g)`` hidden layers for groups of up to ``k``.
        """
        stages = _affine_stages(self.maps)
        k = self.maps.shape[0]
        level: Any = sp.eye_array(k, format="csr")  # rows over the state: what is compared next
        lists = [list(group) for group in self.groups]
        for largest in (False, True):
            if largest:
                lists = [list(dict.fromkeys(g[0] for g in lists))]
            while max(map(len, lists)) > 1:
                stage, level, lists = _round(level, lists, largest)
                stages.append(stage)
        last = level[[lists[0][0]]]
        stages.append(Stage(last, np.zeros(1)))
        return Network(stages, {"source": "max-min form"})


def _affine_stages(maps: Dyadics) -> list[Stage]:
    """Stages whose state is the affine functions, exactly: as sums of floats if need be."""
    parts, n = maps.parts(), maps.shape[1] - 1
    if len(parts) == 1:
        return [Stage(parts[0][:, :n], parts[0][:, n])]
    sums = Stage(np.concatenate(parts, axis=1), np.zeros(maps.shape[0]))
    return [copied(n, len(parts)), sums]


def _round(level: Any, lists: list[list[int]], largest: bool) -> tuple[Stage, Any, list[list[int]]]:
    """One hidden layer: every list is halved by comparing its entries in pairs."""
    wanted: dict[tuple[int, ...], int] = {}
    halved = []
    for entries in lists:
        pairs = [tuple(entries[i : i + 2]) for i in range(0, len(entries), 2)]
        found = [wanted.setdefault(pair, len(wanted)) for pair in pairs]
        halved.append(list(dict.fromkeys(found)))
    rows: list[Any] = []
    place: dict[tuple[int, ...], int] = {}

    def unit(key: tuple[int, ...], row: Any) -> int:
        if key not in place:
            place[key] = len(rows)
            rows.append(row)
        return place[key]

    entries_of: list[list[tuple[int, float]]] = []
    for pair in wanted:
        b = pair[-1]
        row = level[[b]]
        mixed = [(unit((b,), row), 1.0), (unit((b, b), -row), -1.0)]
        if len(pair) == 2:
            a = pair[0]
            difference = level[[a]] - row
            if largest:
                mixed.append((unit((a, b), difference), 1.0))
            else:
                mixed.append((unit((b, a), -difference), -1.0))
        entries_of.append(mixed)
    A = sp.vstack(rows, format="csr")
    i = np.repeat(np.arange(len(entries_of)), [len(e) for e in entries_of])
    j, v = zip(*(entry for entries in entries_of for entry in entries), strict=True)
    out = sp.csr_array((v, (i, j)), shape=(len(entries_of), len(rows)))
    return Stage(A, np.zeros(len(rows)), Units.relu(len(rows))), out, halved


def lattice(
    net: Network,
    domain: Domain | None = None,
    output: int = 0,
    *,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> MaxMin:
    """The max-min form of an output of a network on a domain.

    With the affine map ``f_i`` on the convex piece ``C_i``, ``F = max_i min {f_j : f_j >= f_i on
    C_i}`` (Tarela and Martinez 1999; Ovchinnikov 2002). Groups that hold another one add nothing
    to the maximum and are left out, and so are maps in no group.

    Parameters
    ----------
    net : Network
    domain : Domain, optional
        All of the input space if not given.
    output : int
    budget : int, float or Budget, optional
        Regions (int) or seconds (float) for all of the work.
    progress : callable, optional
        Called about ten times a second with (regions found, seconds), then with (pieces compared
        with all maps, seconds).

    Raises
    ------
    BudgetError
        If the budget ran out.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1], [1]], [0, -1]), ([[1, -1]], [0])])  # clip to [0, 1]
    >>> form = plica.shallow.lattice(net, plica.Box([-1], [2]))
    >>> sorted(form.groups), form([[-3.0], [0.5], [2.0]]).ravel().tolist()
    ([(0, 2), (1, 2)], [0.0, 0.5, 1.0])
    """
    setting = Setting(net.select(output), domain, "patterns", True, budget, progress)
    found = convex_pieces(setting)
    maps = list(dict.fromkeys(piece.map[0] for piece in found.pieces))
    groups = set()
    for setting.clock.done, piece in enumerate(found.pieces):
        setting.clock.tick()
        groups.add(frozenset(j for j, f in enumerate(maps) if _above(found, f, piece)))
    keep = [g for g in groups if not any(other < g for other in groups)]
    used = sorted({j for g in keep for j in g})
    place = {j: to for to, j in enumerate(used)}
    scale = Fraction(2) ** found.exponent
    return MaxMin(
        Dyadics.of_rows([[x * scale for x in maps[j]] for j in used], setting.net.n_inputs + 1),
        tuple(sorted(tuple(sorted(place[j] for j in g)) for g in keep)),
    )


def _above(found: Complex, f: Sequence[int], piece: Piece) -> bool:
    """Whether an affine function is nowhere below the network on a piece, exactly."""
    own = piece.map[0]
    return f == own or found.below(piece, [a - b for a, b in zip(own, f, strict=True)])

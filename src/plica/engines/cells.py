"""The cells engine: the compiled walk over the activation regions on a domain of any dimension.

A network restricted to a domain goes in, columns of regions come out. What the walk does, and why
its answers are exact, is told in the documentation's page "How it works".
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network
from ..domains import Box, Domain, Segment, Slice
from ..errors import DomainError
from .image import Image, image_of
from .running import Budget, Progress, Running
from .team import Team, shared_stage
from .walk import compile_chain

__all__ = ["Cells"]

Float = NDArray[np.float64]
#: Columns that one walk hands over.
COLUMNS = ("patterns", "witnesses", "maps")
#: Largest dimension in which cells keep their vertices, whose number grows like two to that power;
#: and where maps are written, for which the cells of all regions are made.
FEW, FEW_WITH_MAPS = 6, 5
#: How many inputs there must be for each pre-activation of the first stage before cells are sought
#: in the space of these: else too much of the box that holds the image is beside it.
WIDE = 6
#: Regions that are walked over to choose the form; the more only where the fewer leave a doubt.
PROBES = (256, 1024)


@dataclass
class Cells(Running):
    """One walk over the regions of a network on a domain of any dimension, bounded or not.

    Parameters
    ----------
    net : Network
    domain : Domain
    patterns, witnesses, maps : bool
        Which columns to write; counting needs none.
    filter_scale : float
        Factor on the floating-point error bound. At infinity, every sign is decided in exact
        arithmetic; the answer must not change.
    n_jobs : int
        Threads that divide the work.
    each : bool
        Find a point inside each region even where nothing is written: counting alone looks at the
        parts of a cell together.
    form : {"vertices", "dictionary", "image"}, optional
        What a cell keeps of itself: its vertices, or a simplex dictionary; or a dictionary in the
        space of the first stage's pre-activations. By default the one that is likely to be the
        fastest, by a look at the dimensions and at the first regions.

    Raises
    ------
    DomainError
        If the domain does not fit the network, or has no interior.
    """

    net: Network
    domain: Domain
    patterns: bool = False
    witnesses: bool = False
    maps: bool = False
    filter_scale: float = 1.0
    n_jobs: int = 1
    each: bool = False
    form: str | None = None

    def __post_init__(self) -> None:
        from .. import _core

        if self.n_jobs < 1:
            raise DomainError(f"n_jobs must be 1 or more threads, got {self.n_jobs}")
        restricted = self.domain.restrict(self.net)
        chain = compile_chain(restricted)
        lower, upper, A, b = bounds_and_rows(self.domain)
        image = None
        if lower.size and not b.size and not self.maps:
            image = self._image(restricted, lower, upper)
        if image is not None:
            image_chain = compile_chain(image.net)
        elif self.form == "image":
            raise DomainError(
                "the image form needs a box and a first stage whose map has independent rows, and "
                "writes no maps"
            )

        def make(form: str | None = None) -> Any:
            form = form or self.form
            columns = (self.patterns, self.witnesses)
            if form == "image":
                assert image is not None
                bounds = (image.low, image.high, lower, upper, image.weight, image.radius)
                return _core.ImageCells(image_chain, chain, *bounds, *columns, self.filter_scale)
            kind = _core.VertexCells if form == "vertices" else _core.DictionaryCells
            dim = self.domain.dim
            written = (*columns, self.maps, self.filter_scale, self.each)
            return kind(chain, dim, lower, upper, A, b, *written)

        try:
            if self.form is None:
                self.form = "dictionary" if image is None else "image"
                few = FEW_WITH_MAPS if self.maps else FEW
                if self.domain.dim <= few and _vertices_are_certain(make("vertices")):
                    self.form = "vertices"
            if self.n_jobs == 1:
                self._walk = make()
            else:
                self._walk = Team(make, self.n_jobs, *shared_stage(restricted, self.n_jobs))
        except ValueError as error:
            raise DomainError(
                "the polytope has no interior; its half-spaces contradict or only touch"
            ) from error

    def _image(self, net: Network, lower: Float, upper: Float) -> Image | None:
        """What the image form needs, where it is asked for or is likely to be the faster."""
        wide = self.domain.dim >= WIDE * net.stages[0].n_pre
        if self.form == "image" or (self.form is None and wide):
            return image_of(net, lower, upper)
        return None

    def collect(
        self, budget: Budget | None = None, progress: Progress | None = None
    ) -> dict[str, NDArray[Any]]:
        """All columns that are written, in their shapes."""
        chunks = list(self.chunks(budget, progress)) or [self._walk.take()]
        return self.shape({name: np.concatenate([c[name] for c in chunks]) for name in COLUMNS})

    def shape(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Flat columns in their shapes; those that are not written are left out."""
        dim = self.domain.dim
        shaped: dict[str, NDArray[Any]] = {}
        if self.patterns:
            n = columns["patterns"].size // self.words if self.words else -1
            if n < 0:  # no unit has two pieces: one region, once it has been found
                n = int(self.counters["regions"] > 0)
            shaped["patterns"] = columns["patterns"].reshape(n, self.words)
        if self.witnesses:
            shaped["witnesses"] = columns["witnesses"].reshape(-1, dim)
        if self.maps:
            shaped["maps"] = columns["maps"].reshape(-1, dim + 1, self.net.n_outputs)
        return shaped

    @property
    def words(self) -> int:
        """Number of 64-bit words of a packed pattern."""
        return int(self._walk.words)

    @property
    def bits(self) -> NDArray[np.int64]:
        """First bit and width of each unit's piece in a packed pattern, one after another."""
        return np.asarray(self._walk.bits())


def _vertices_are_certain(walk: Any) -> bool:
    """Whether the error bounds of vertices are good enough, on the first regions of a walk.

    Where cells are thin, in deep networks, their vertices are ill-conditioned: they are computed
    anew again and again, and in the end many signs are decided in exact arithmetic. What a
    dictionary certifies, the maximum of a functional over a cell, is not.
    """
    share = 0.0
    for regions in PROBES:
        walk.run(regions - walk.counters["regions"], 0.05)
        counters = walk.counters
        share = (counters["arbitrated"] + counters["rebuilt"]) / max(counters["regions"], 1)
        if not 0.05 < share <= 0.25:
            break
    return share <= 0.25


def bounds_and_rows(domain: Domain) -> tuple[Float, Float, Float, Float]:
    """A domain as bounds on its own coordinates, and half-spaces.

    Returns
    -------
    lower, upper : ndarrays, shape (dim,), or (0,) each
        Finite bounds; empty where the half-spaces give none for some coordinate.
    A, b : ndarrays, shapes (k, dim) and (k,)
        The domain is ``{u : lower <= u <= upper, A u <= b}``, exactly.
    """
    dim = domain.dim
    if isinstance(domain, (Box, Segment, Slice)):
        lower, upper = domain.bounds
        return np.ascontiguousarray(lower) + 0.0, upper + 0.0, np.zeros((0, dim)), np.zeros(0)
    A, b = domain.halfspaces()
    lower, upper = np.full(dim, -np.inf), np.full(dim, np.inf)
    keep = np.ones(b.size, dtype=bool)
    for i in np.flatnonzero(np.count_nonzero(A, axis=1) == 1):
        k = int(np.flatnonzero(A[i])[0])
        exact = Fraction(float(b[i])) / Fraction(float(A[i, k]))
        bound = float(b[i] / A[i, k])
        if not np.isfinite(bound):
            continue
        keep[i] = Fraction(bound) != exact  # else the bound says what the row says
        if A[i, k] > 0:
            upper[k] = min(upper[k], bound if bound >= exact else np.nextafter(bound, np.inf))
        else:
            lower[k] = max(lower[k], bound if bound <= exact else np.nextafter(bound, -np.inf))
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        return np.zeros(0), np.zeros(0), np.ascontiguousarray(A) + 0.0, b + 0.0
    if not (lower < upper).all():
        raise DomainError("the polytope has no interior; its half-spaces contradict or only touch")
    return lower, upper, A[keep] + 0.0, b[keep] + 0.0

"""What a construction is: a network, and how many regions it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chain import Network, Stage, require_layer
from ..domains import Domain
from ..errors import UnsupportedError
from ..units import Units

__all__ = [
    "Construction",
    "Layer",
    "assemble",
    "identity",
    "matrix",
    "too_long",
    "zeros",
]

Exact = NDArray[Any]  # of Fraction


@dataclass(frozen=True, eq=False)
class Layer:
    """Hidden units between two spaces of few coordinates: ``y -> C units(A y + a) + c``.

    Attributes
    ----------
    A, a : ndarray of Fraction, shapes (n_pre, d) and (n_pre,)
    units : Units
    C, c : ndarray of Fraction, shapes (d', n_out) and (d',)
    """

    A: Exact
    a: Exact
    units: Units
    C: Exact
    c: Exact


@dataclass(frozen=True, eq=False)
class Construction:
    """A network whose number of regions a theorem says.

    Attributes
    ----------
    network : Network
    domain : Domain
        Where the regions are counted.
    regions : int
        Number of activation regions on the domain.
    linear_regions : int or None
        Number of linear regions there; None where the construction does not say it.
    source : str
        Where the construction comes from.
    layers : tuple of Layer
        What the network was made from.
    """

    network: Network
    domain: Domain
    regions: int
    linear_regions: int | None
    source: str
    layers: tuple[Layer, ...]

    @classmethod
    def of(
        cls,
        layers: Sequence[Layer],
        domain: Domain,
        regions: int,
        linear_regions: int | None,
        source: str,
    ) -> Construction:
        """The construction whose network has these layers."""
        network = assemble(domain.n_inputs, layers)
        return cls(network, domain, regions, linear_regions, source, tuple(layers))

    def folded(self, layer: int) -> Network:
        """The coordinates that the first layers fold the inputs into.

        Parameters
        ----------
        layer : int
            1-based number of the last hidden layer.

        Returns
        -------
        Network
            With one output for each coordinate. Where float64 does not hold their weights exactly,
            they are multiplied by an odd number.

        Raises
        ------
        NetworkError
            If there is no such layer.
        """
        *before, last = self.layers[: require_layer(layer, len(self.layers))]
        common = lcm(*(x.denominator for x in (*last.C.flat, *last.c.flat)))
        odd = common // (common & -common)
        scaled = Layer(last.A, last.a, last.units, odd * last.C, odd * last.c)
        return assemble(self.network.n_inputs, [*before, scaled])

    def __repr__(self) -> str:
        widths = "-".join(map(str, self.network.widths))
        return f"<plica Construction {widths}, {self.regions} activation regions>"


def matrix(rows: Any) -> Exact:
    """Rational numbers as an array of `Fraction`."""
    given = np.array(rows, dtype=object)
    found = np.empty(given.shape, dtype=object)
    found.reshape(-1)[:] = [Fraction(x) for x in given.reshape(-1)]
    return found


def zeros(*shape: int) -> Exact:
    """An array of zeros, as `Fraction`."""
    return np.full(shape, Fraction(0), dtype=object)


def identity(rows: int, columns: int | None = None) -> Exact:
    """An identity matrix, or its first rows, as `Fraction`."""
    return matrix(np.eye(rows, columns, dtype=np.int64).tolist())


def assemble(n: int, layers: Sequence[Layer]) -> Network:
    """The network of some layers, their affine maps multiplied together exactly.

    Parameters
    ----------
    n : int
        Number of inputs. The first layer reads the first of them.
    layers : sequence of Layer
        What the last one writes are the outputs.

    Raises
    ------
    UnsupportedError
        If a weight is not a binary floating-point number of 53 bits.
    """
    C, c = identity(layers[0].A.shape[1], n), zeros(layers[0].A.shape[1])
    stages = []
    for i, layer in enumerate(layers):
        A, a = layer.A @ C, layer.A @ c + layer.a
        stages.append(Stage(_floats(A), _floats(a), layer.units, f"layer {i + 1}"))
        C, c = layer.C, layer.c
    return Network([*stages, Stage(_floats(C), _floats(c))], {"source": "construction"})


def _floats(exact: Exact) -> NDArray[np.float64]:
    try:
        found = exact.astype(np.float64)
    except OverflowError:
        found = np.full(exact.shape, np.inf)
    pairs = zip(found.reshape(-1).tolist(), exact.reshape(-1), strict=True)
    if not all(np.isfinite(x) and Fraction(x) == y for x, y in pairs):
        raise too_long()
    return found


def too_long() -> UnsupportedError:
    """What to raise where float64 does not hold a weight exactly."""
    return UnsupportedError(
        "a weight of this construction has more than 53 bits, so that no float64 holds it exactly; "
        "take fewer inputs, or fewer units in general position"
    )

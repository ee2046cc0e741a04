"""How the bounds grow with depth: regions for the units and for the parameters that are spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import NetworkError
from .counting import check_count, check_widths
from .folds import need
from .lower import best_fold
from .upper import refined_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "AgainstDepth",
    "against_depth",
    "montufar_2014_rates",
    "n_parameters",
    "regions_per_parameter",
]


def n_parameters(widths: Sequence[int], outputs: int = 1) -> int:
    """Weights and biases of a fully connected network.

    Parameters
    ----------
    widths : sequence of int
        ``(n0, n1, ..., nL)``.
    outputs : int

    Examples
    --------
    >>> n_parameters((2, 3, 3))
    25
    """
    widths = (*check_widths(widths), check_count(outputs, "the number of outputs"))
    return sum((a + 1) * b for a, b in pairwise(widths))


def regions_per_parameter(widths: Sequence[int], outputs: int = 1) -> tuple[Fraction, Fraction]:
    """The largest number of activation regions, bounded from below and above, per parameter.

    Parameters
    ----------
    widths : sequence of int
    outputs : int

    Returns
    -------
    lower, upper : Fraction
        `best_fold` and `refined_plane` over `n_parameters`.

    Examples
    --------
    >>> lower, upper = regions_per_parameter((2, 10, 10))
    >>> float(lower) < float(upper)
    True
    """
    spent = n_parameters(widths, outputs)
    return Fraction(best_fold(widths), spent), Fraction(refined_plane(widths), spent)


def montufar_2014_rates(n0: int, width: int, depth: int) -> tuple[Fraction, Fraction]:
    r"""Asymptotic numbers of regions per parameter, deep and shallow, up to constant factors.

    For fixed ``n0``, ``L`` layers of ``n`` units have

    .. math:: \Omega\left((n / n_0)^{(L - 1) n_0} n^{n_0}\right)

    regions (Corollary 5 in NeurIPS, 6 in arXiv) and ``O(L n^2)`` parameters; one layer of ``L n``
    units has ``O((L n)^{n_0})`` regions and ``O(L n)`` parameters. So per parameter

    .. math:: \frac{(n / n_0)^{(L - 1) n_0} n^{n_0 - 2}}{L} \quad\text{and}\quad (L n)^{n_0 - 1}.

    Parameters
    ----------
    n0, width, depth : int

    Returns
    -------
    deep, shallow : Fraction
        The two expressions.

    Raises
    ------
    UnsupportedError
        If layers are narrower than the input; the corollary asks for ``n >= n0``.

    References
    ----------
    G. Montufar, R. Pascanu, K. Cho and Y. Bengio, NeurIPS 2014.

    Examples
    --------
    >>> montufar_2014_rates(2, 8, 3)
    (Fraction(256, 3), Fraction(24, 1))
    """
    n0, n = check_widths((n0, width))
    need(n >= n0, f"the rates are for layers of at least n0 = {n0} units, got {n}")
    layers = check_count(depth, "the depth")
    deep = Fraction(n, n0) ** ((layers - 1) * n0) * Fraction(n) ** (n0 - 2) / layers
    return deep, Fraction(layers * n) ** (n0 - 1)


@dataclass(frozen=True)
class AgainstDepth:
    """Bounds for networks of several depths that spend the same.

    Attributes
    ----------
    spent : str
        What is the same for all.
    widths : tuple of tuple of int
        One architecture a depth.
    lower, upper : tuple of int
        Best bounds on the largest number of activation regions.
    """

    spent: str
    widths: tuple[tuple[int, ...], ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]

    @property
    def depths(self) -> tuple[int, ...]:
        """Numbers of hidden layers."""
        return tuple(len(w) - 1 for w in self.widths)

    def plot(
        self,
        counts: Mapping[str, Iterable[tuple[int, int]]] | None = None,
        ax: Axes | None = None,
        **options: Any,
    ) -> Axes:
        """Draw the bounds against depth, and counts of networks between them.

        Parameters
        ----------
        counts : mapping from str to iterable of (int, int), optional
            Pairs of depth and exact count, with a name for each kind of networks.
        ax : matplotlib.axes.Axes, optional
        **options
            As for `plica.draw.plot_depths`.
        """
        from ..draw.bounds import plot_depths

        return plot_depths(self, counts, ax, **options)


def against_depth(
    n0: int,
    depths: Iterable[int],
    *,
    units: int | None = None,
    parameters: int | None = None,
    outputs: int = 1,
) -> AgainstDepth:
    """Bounds for rectifier networks of several depths with the same number of units or parameters.

    Parameters
    ----------
    n0 : int
        Number of inputs.
    depths : iterable of int
        Numbers of hidden layers.
    units : int, optional
        Units in all, divided as equally as can be, the wider layers first.
    parameters : int, optional
        Weights and biases in all: layers are as wide as that allows, all the same.
    outputs : int
        For the number of parameters.

    Raises
    ------
    NetworkError
        If not exactly one of units and parameters is given, it is too small for a depth, or there
        is no depth.

    Examples
    --------
    >>> found = against_depth(2, (1, 2, 4), units=16)
    >>> found.widths
    ((2, 16), (2, 8, 8), (2, 4, 4, 4, 4))
    >>> found.lower
    (137, 925, 704)
    """
    if (units is None) == (parameters is None):
        raise NetworkError("give either a number of units or a number of parameters")
    check_count(n0, "the number of inputs")
    try:
        asked = list(depths)
    except TypeError:
        raise NetworkError(f"depths must be a list of integers, got {depths!r:.80}") from None
    if not asked:
        raise NetworkError("depths must be at least one number of hidden layers, got none")
    found = []
    for depth in asked:
        check_count(depth, "the depth")
        if units is not None:
            q, r = divmod(check_count(units, "the number of units"), depth)
            widths = (n0, *(q + (i < r) for i in range(depth)))
        else:
            assert parameters is not None
            widths = _widest(n0, depth, check_count(parameters, "parameters"), outputs)
        if min(widths) < 1:
            raise NetworkError(
                f"{units or parameters} {'units' if units else 'parameters'} are too few for "
                f"{depth} layers"
            )
        found.append(widths)
    spent = f"{units} units" if units is not None else f"{parameters} parameters"
    return AgainstDepth(
        spent,
        tuple(found),
        tuple(best_fold(w) for w in found),
        tuple(refined_plane(w) for w in found),
    )


def _widest(n0: int, depth: int, parameters: int, outputs: int) -> tuple[int, ...]:
    low, high = 0, parameters + 1
    while high - low > 1:
        n = (low + high) // 2
        if n_parameters((n0, *[n] * depth), outputs) <= parameters:
            low = n
        else:
            high = n
    return (n0, *[low] * depth)

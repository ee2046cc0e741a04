"""Rectifier networks that fold a cube onto itself, and cut the folded sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

from ..bounds.counting import check_counts, check_widths, generic_cells
from ..bounds.folds import relu_pieces
from ..domains import Box
from ..errors import NetworkError
from .arrangements import relu_layer
from .construction import Construction
from .folds import (
    Fold,
    balanced,
    best_division,
    best_fold,
    fold_layer,
    montufar_fold,
    zigzag_fold,
)

__all__ = ["best_split", "folding", "zigzag"]


def folding(widths: Iterable[int]) -> Construction:
    """The folding network of Montufar, Pascanu, Cho and Bengio.

    Each layer but the last folds the unit cube: of its ``n_l`` units, ``floor(n_l / n0)`` for each
    coordinate fold that coordinate into as many pieces, each mapped onto [0, 1]. The last layer
    cuts the folded cube by hyperplanes in general position, and so all the sheets that lie on each
    other. On the unit cube there are

        ``prod_{l < L} floor(n_l / n0)^{n0} * sum_{j <= n0} C(n_L, j)``

    activation regions. Where ``n_L > n0`` the last units are never all off, so that as many regions
    are linear; units all off on both sides of a fold would merge them.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``: inputs, and units layer by layer; ``n_l >= n0`` for ``l < L``.

    Returns
    -------
    Construction
        All weights are small integers.

    Raises
    ------
    NetworkError
        If a layer is too narrow.
    UnsupportedError
        If no float64 holds a weight of the last layer exactly.

    References
    ----------
    G. Montufar, R. Pascanu, K. Cho, Y. Bengio, "On the number of linear regions of deep neural
    networks", NIPS 2014.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.folding([2, 4, 4, 3])
    >>> built.network, built.regions
    (<plica.Network 2-4-4-3-1, 11 units>, 112)
    >>> int(plica.count_regions(built.network, built.domain))
    112
    """
    sizes = check_widths(widths)
    return _equal(sizes, montufar_fold, 1, "Montufar, Pascanu, Cho and Bengio 2014")


def zigzag(widths: Iterable[int]) -> Construction:
    """The zigzag network of Serra, Tjandraatmadja and Ramalingam.

    As `folding`, but ``g = floor(n_l / n0) >= 3`` units fold a coordinate into ``g + 1`` pieces,
    one of them half as long as the others. On the unit cube, and on all of R^n0, there are

        ``prod_{l < L} (floor(n_l / n0) + 1)^{n0} * sum_{j <= n0} C(n_L, j)``

    activation regions, and as many linear regions where ``n_L > n0``.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``; ``n_l >= 3 n0`` for ``l < L``.

    Returns
    -------
    Construction

    Raises
    ------
    NetworkError, UnsupportedError
        As for `folding`.

    References
    ----------
    T. Serra, C. Tjandraatmadja, S. Ramalingam, "Bounding and counting linear regions of deep neural
    networks", ICML 2018.

    Examples
    --------
    >>> import plica
    >>> built = plica.constructions.zigzag([1, 3, 3, 2])
    >>> built.regions, int(plica.count_regions(built.network, built.domain, kind="linear"))
    (48, 48)
    """
    sizes = check_widths(widths)
    return _equal(sizes, zigzag_fold, 3, "Serra, Tjandraatmadja and Ramalingam 2018")


def best_split(widths: Iterable[int], counts: str = "activation") -> Construction:
    """The folding network whose units are divided best among the coordinates.

    Layer ``l`` folds ``d_l`` coordinates. It divides its units into ``g_1 + ... + g_{d_l}``, and
    ``g`` units fold a coordinate into ``g + 1`` pieces, or ``g`` where there are one or two. The
    largest number

        ``prod_{l < L} pieces(g_1) ... pieces(g_{d_l}) * sum_{j <= d_{L-1}} C(n_L, j)``

    over all ``n0 >= d_1 >= ... >= d_{L-1}`` and all divisions is attained on the unit cube. This is
    at least what `folding` and `zigzag` attain; there is no width that is too narrow.

    Parameters
    ----------
    widths : iterable of int
        ``[n0, n1, ..., nL]``.
    counts : {"activation", "linear"}
        Which regions. Linear regions need the same ``d < n_L`` in all layers: a coordinate that
        is folded and dropped leaves no trace in the function.

    Returns
    -------
    Construction
        Where the layers fold the same ``d < n_L`` coordinates it has as many linear regions.

    Raises
    ------
    NetworkError
        If ``counts`` is neither of the two.
    UnsupportedError
        If no float64 holds a weight of the last layer exactly.

    Examples
    --------
    >>> import plica
    >>> plica.constructions.best_split([2, 7, 3]).regions  # 4 and 5 pieces
    140
    """
    sizes = check_widths(widths)
    last = sizes[-1]
    drop = check_counts(counts) == "activation"

    def cells(d: int) -> int:
        return generic_cells(d, last) if drop or last > d else 0

    d, splits = best_division(sizes, balanced, relu_pieces, cells, drop)
    folds = [[best_fold(g) for g in split] for split in splits]
    return _folded(sizes, d, folds, "best division of the units among the coordinates")


def _equal(
    sizes: Sequence[int], fold: Callable[[int], Fold], least: int, source: str
) -> Construction:
    n, *inner, _ = sizes
    for width in inner:
        if width < least * n:
            raise NetworkError(
                f"a folding layer of {width} units is too narrow for {n} inputs: every layer but "
                f"the last needs at least {least * n}; see plica.constructions.best_split"
            )
    return _folded(sizes, n, [[fold(width // n)] * n for width in inner], source)


def _folded(
    sizes: Sequence[int], d: int, folds: Sequence[Sequence[Fold]], source: str
) -> Construction:
    n, *inner, last = sizes
    layers, read = [], 0
    for f, width in zip(folds, inner, strict=True):
        layers.append(fold_layer(f, "relu", width, read))
        read = len(f)
    layers.append(relu_layer(d, last))
    pieces = prod(fold.pieces for layer in folds for fold in layer)
    regions = pieces * generic_cells(d, last)
    same = all(len(f) == d for f in folds)
    linear = regions if (same and last > d) or not inner else None
    return Construction.of(layers, Box.cube(n, 0.0, 1.0), regions, linear, source)

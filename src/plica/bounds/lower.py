r"""Lower bounds on the largest number of regions of rectifier networks of given widths.

Each says: some network of these widths has at least so many *activation* regions. Where the last
layer has more units than coordinates are folded, it can be arranged that they are as many *linear*
regions (`counts_linear`), which is more. Otherwise it cannot always: where all units of the last
layer are off, the cells on the two sides of a fold carry the same map, and are one linear region.

For example, the bound of Montufar et al. 2014 for the widths (1, 10, 1) is 20. That is a true bound
on activation regions, but the function ``w relu(z(t)) + c`` has at most 17 linear regions: ``z``
has at most 11 pieces, so at most 12 intervals of constant sign, and each of the 6 on which the unit
is off is one linear region.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from .counting import balanced, central_cells, check_counts, check_widths, generic_cells, power
from .folds import best_fold as _best_fold
from .folds import need, relu, relu_pieces, wide

__all__ = [
    "arora_2018",
    "best_fold",
    "counts_linear",
    "montufar_2014",
    "one_layer",
    "pascanu_2013",
    "serra_2018_fold",
    "serra_2018_zonotope",
    "uneven_fold",
    "zonotope_fold",
]


def counts_linear(widths: Sequence[int], folded: int | None = None) -> bool:
    """Whether the folding bounds hold for linear regions, too.

    With one layer, and where the last layer has more units than coordinates are folded.

    Proof of the second: let ``d`` coordinates be folded, and ``n_L > d``. Any ``d + 1`` normals of
    the last layer satisfy ``sum lam_i w_i = 0``; let ``beta = sum lam_i b_i``. Turn unit ``i``
    around (``w_i, b_i`` to their negatives, which moves no hyperplane) where ``lam_i beta < 0``:
    then ``sum |lam_i| u_i = |beta| > 0``, and some unit is on everywhere. Let the readout ``c`` and
    the normals be generic. On box ``B``, which is mapped to ``[0, 1]^d`` by ``y_B``, and pattern
    ``P`` of the last layer the network is ``sum_{k in P} c_k (w_k . y_B + b_k)``. If it is the same
    for ``(B, P)`` and ``(B', P')``, then it is the same for each ``c_k``; so ``P = P'``, not empty,
    and ``w_k . (y_B - y_B') = 0``: as no entry of ``w_k`` is 0, ``y_B = y_B'``, and ``B = B'``. So
    all maps are different.

    Parameters
    ----------
    widths : sequence of int
    folded : int, optional
        Number of coordinates that are folded; all inputs if not given.
    """
    widths = check_widths(widths)
    return len(widths) == 2 or widths[-1] > (widths[0] if folded is None else folded)


def one_layer(n0: int, n1: int, biases: bool = True) -> int:
    r"""One hidden layer: the exact maximum.

    .. math:: \sum_{j=0}^{n_0} \binom{n_1}{j} \quad\text{with biases},\qquad
              2 \sum_{j=0}^{n_0 - 1} \binom{n_1 - 1}{j} \quad\text{without}

    Activation regions are the cells of ``n1`` hyperplanes in ``R^n0``, most in general position.
    They are linear regions, too, if no readout weight is 0: across hyperplane ``i`` the gradient
    changes by a multiple of ``w_i``.

    Parameters
    ----------
    n0, n1 : int
        Numbers of inputs and of units.
    biases : bool
        Whether the units have biases.

    References
    ----------
    T. Zaslavsky, Facing up to arrangements, Mem. AMS 154 (1975); for networks, Proposition 2 of R.
    Pascanu, G. Montufar and Y. Bengio, On the number of response regions of deep feed forward
    networks with piece-wise linear activations, ICLR 2014.

    Examples
    --------
    >>> one_layer(2, 3), one_layer(2, 3, biases=False)
    (7, 6)
    """
    n0, n1 = check_widths((n0, n1))
    return generic_cells(n0, n1) if biases else central_cells(n0, n1)


def pascanu_2013(widths: Sequence[int]) -> int:
    r"""Folding one coordinate after another.

    .. math:: \prod_{l=1}^{L-1} \left\lfloor \frac{n_l}{n_0} \right\rfloor
              \sum_{j=0}^{n_0} \binom{n_L}{j}

    For ``n_l >= n0`` in the layers before the last. Never above `montufar_2014`.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If a layer before the last is narrower than the input.

    References
    ----------
    Theorem 1 of R. Pascanu, G. Montufar and Y. Bengio, ICLR 2014 (arXiv 1312.6098).

    Examples
    --------
    >>> pascanu_2013((2, 6, 6))
    66
    """
    n0, *hidden, last = widths = check_widths(widths)
    wide(widths)
    return prod(n // n0 for n in hidden) * generic_cells(n0, last)


def montufar_2014(widths: Sequence[int]) -> int:
    r"""Folding all coordinates, ``floor(n_l / n0)`` times each.

    .. math:: \left(\prod_{l=1}^{L-1} \left\lfloor \frac{n_l}{n_0} \right\rfloor^{n_0}\right)
              \sum_{j=0}^{n_0} \binom{n_L}{j}

    For ``n_l >= n0`` in the layers before the last. As a bound on linear regions it needs ``n_L >
    n0`` or one layer, see `plica.bounds.lower`.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If a layer before the last is narrower than the input.

    References
    ----------
    Theorem 4 of G. Montufar, R. Pascanu, K. Cho and Y. Bengio, On the number of linear regions of
    deep neural networks, NeurIPS 2014 (Theorem 5 in arXiv 1402.1869).

    Examples
    --------
    >>> montufar_2014((2, 6, 6))
    198
    """
    n0, *hidden, last = widths = check_widths(widths)
    wide(widths)
    return prod(power(n // n0, n0) for n in hidden) * generic_cells(n0, last)


def serra_2018_fold(widths: Sequence[int]) -> int:
    r"""Zig-zags with one piece more.

    .. math:: \left(\prod_{l=1}^{L-1} \left(\left\lfloor \frac{n_l}{n_0} \right\rfloor + 1
              \right)^{n_0}\right) \sum_{j=0}^{n_0} \binom{n_L}{j}

    For ``n_l >= 3 n0`` in the layers before the last.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If a layer before the last has fewer than three times as many units as there are inputs.

    References
    ----------
    Theorem 8 of Serra, Tjandraatmadja and Ramalingam, ICML 2018.

    Examples
    --------
    >>> serra_2018_fold((2, 6, 6))
    352
    """
    n0, *hidden, last = widths = check_widths(widths)
    wide(widths, 3)
    return prod(power(n // n0 + 1, n0) for n in hidden) * generic_cells(n0, last)


def uneven_fold(widths: Sequence[int]) -> int:
    r"""Zig-zags that use the units that are left over.

    With ``n_l = q_l n0 + r_l``, ``0 <= r_l < n0``, and ``n_l >= 3 n0`` in the layers before the
    last,

    .. math:: \left(\prod_{l=1}^{L-1} (q_l + 1)^{n_0 - r_l} (q_l + 2)^{r_l}\right)
              \sum_{j=0}^{n_0} \binom{n_L}{j} .

    ``r_l`` of the coordinates are folded by ``q_l + 1`` units.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If a layer before the last has fewer than three times as many units as there are inputs.

    Examples
    --------
    >>> uneven_fold((2, 7, 6)), serra_2018_fold((2, 7, 6))
    (440, 352)
    """
    n0, *hidden, last = widths = check_widths(widths)
    wide(widths, 3)
    folds = 1
    for n in hidden:
        q, r = balanced(n, n0)
        folds *= power(q + 1, n0 - r) * power(q + 2, r)
    return folds * generic_cells(n0, last)


def best_fold(widths: Sequence[int], counts: str = "activation") -> int:
    r"""The best that folding rectifiers can do, for any widths.

    The maximum, over all layers ``k`` and all ``d_1 >= ... >= d_{k-1}`` with ``d_1 <= n0`` and
    ``d_l <= n_l``, of

    .. math:: \prod_{l=1}^{k-1} \max_{g_1 + \cdots + g_{d_l} = n_l} \prod_i f(g_i)
              \cdot \sum_{j=0}^{d_{k-1}} \binom{n_k}{j},

    where ``f(g)`` is ``g + 1`` for ``g >= 3``, else ``g``: the pieces into which ``g`` units fold a
    coordinate (`plica.bounds.folds`). Layer ``k`` cuts, the layers before it fold, those after it
    pass its values on. The inner maximum is at the most equal split. A layer may drop
    coordinates that the one before it has folded: the boxes are different activation regions all
    the same. For linear regions all layers fold the same ``d < n_k`` coordinates. Never below the
    other folding bounds.

    Parameters
    ----------
    widths : sequence of int
    counts : {"activation", "linear"}
        Which regions.

    Examples
    --------
    >>> best_fold((2, 6, 3, 2)), best_fold((2, 6, 3, 2), counts="linear")
    (192, 112)
    """
    widths = check_widths(widths)
    spare = 1 if check_counts(counts) == "linear" else None
    return _best_fold(widths, relu, generic_cells, spare)


def _cones(widths: Sequence[int]) -> int:
    """Cones of ``sum_i |a_i . x|`` with half as many ``a_i`` as the first layer has units."""
    m = widths[1] // 2
    need(m >= 1, "needs two units in the first layer")
    need(len(widths) >= 3, "needs two hidden layers")
    return 2 * generic_cells(widths[0] - 1, m - 1)


def arora_2018(widths: Sequence[int]) -> int:
    r"""A zonotope, then zig-zags.

    .. math:: 2 \sum_{j=0}^{n_0 - 1} \binom{m - 1}{j} \prod_{l=2}^{L} n_l, \qquad
              m = \lfloor n_1 / 2 \rfloor

    The first layer computes ``S(x) = sum_i |<a_i, x>|``, which has as many cones, each mapped onto
    ``[0, inf)``; every other layer folds an interval of values of ``S`` into ``n_l`` pieces. All
    the maps are different, so these are linear regions.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If there is one hidden layer only, or its first one has one unit.

    References
    ----------
    R. Arora, A. Basu, P. Mianjy and A. Mukherjee, Understanding deep neural networks with rectified
    linear units, ICLR 2018; their Theorem 2.11(i) as cited by Serra et al. 2018, for equal widths
    ``n_2 = ... = n_L``.

    Examples
    --------
    >>> arora_2018((2, 8, 3, 3))
    72
    """
    widths = check_widths(widths)
    return _cones(widths) * prod(widths[2:])


def serra_2018_zonotope(widths: Sequence[int]) -> int:
    r"""A zonotope, then zig-zags with one piece more.

    .. math:: 2 \sum_{j=0}^{n_0 - 1} \binom{m - 1}{j} \prod_{l=2}^{L} (n_l + 1), \qquad
              m = \lfloor n_1 / 2 \rfloor

    For ``n_l >= 3`` in the layers between the first and the last. Linear regions if ``n_L >= 2``.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If there is one hidden layer only, its first one has one unit, or a layer between the first
        and the last has fewer than three.

    Notes
    -----
    **As printed, the theorem is doubtful for two units a layer.** Theorem 9 of Serra et al. (ICML
    2018) says ``w >= 2`` for the width of the layers after the first. Two units cannot fold an
    interval three times (if they face each other the slope in the middle is the sum of the outer
    ones, otherwise one of the pieces is constant), and already for the widths (1, 2, 2, 2) the
    formula gives 18, while after a first layer that computes ``|x|``, as in its proof, there are at
    most ``7 + 2 * 4 = 15`` regions. So plica asks for three units, where the zig-zag exists, and
    takes `zonotope_fold` otherwise.

    References
    ----------
    Theorem 9 of Serra, Tjandraatmadja and Ramalingam, ICML 2018.

    Examples
    --------
    >>> serra_2018_zonotope((2, 8, 3, 3))
    128
    """
    widths = check_widths(widths)
    cones = _cones(widths)
    for layer, n in enumerate(widths[2:-1], start=2):
        need(
            n >= 3,
            f"needs n_l >= 3 between the first and the last layer; layer {layer} has {n}: for two "
            "units the printed theorem is doubtful (see plica.bounds.serra_2018_zonotope)",
        )
    return cones * prod(n + 1 for n in widths[2:])


def zonotope_fold(widths: Sequence[int]) -> int:
    r"""A zonotope, then the best zig-zags, for any widths.

    .. math:: 2 \sum_{j=0}^{n_0 - 1} \binom{m - 1}{j} \prod_{l=2}^{L-1} f(n_l) \, (n_L + 1),
              \qquad m = \lfloor n_1 / 2 \rfloor

    ``f(g)`` is ``g + 1`` for ``g >= 3``, else ``g``, as in `best_fold`. Never below `arora_2018`.
    Linear regions if ``n_L >= 2``.

    Parameters
    ----------
    widths : sequence of int

    Raises
    ------
    UnsupportedError
        If there is one hidden layer only, or its first one has one unit.

    Examples
    --------
    >>> zonotope_fold((2, 8, 2, 3))
    64
    """
    widths = check_widths(widths)
    return _cones(widths) * prod(map(relu_pieces, widths[2:-1])) * (widths[-1] + 1)

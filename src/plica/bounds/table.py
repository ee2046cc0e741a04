"""The table: every bound that applies to an architecture, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..errors import NetworkError
from ..units import PiecewiseLinear, named_function
from . import lower, maxout, piecewise, upper
from .counting import check_count, check_widths
from .entries import HERE, Maker, Table
from .ranks import check_ranks

__all__ = ["table"]

MONTUFAR = "Montufar, Pascanu, Cho, Bengio 2014"
SERRA = "Serra, Tjandraatmadja, Ramalingam 2018"
HU_ZHANG = "Hu, Zhang 2018"
LAYERWISE = "layer by layer from one layer (Hu, Zhang 2018)"
MRZ = "Montufar, Ren, Zhang 2022"


def table(
    widths: Sequence[int],
    activation: str | PiecewiseLinear = "relu",
    p: int | None = None,
    rank: int | None = None,
    ranks: Sequence[int] | None = None,
    biases: bool = True,
) -> Table:
    """Every bound on the largest number of regions of the networks of an architecture.

    The networks are fully connected, without skip connections; their regions are those in the
    whole input space. Upper bounds hold on every convex domain as well.

    Parameters
    ----------
    widths : sequence of int
        ``(n0, n1, ..., nL)``: inputs, then hidden layers; without the outputs.
    activation : str or PiecewiseLinear
        ``"relu"``, ``"leaky_relu"``, ``"abs"``, ``"hardtanh"``, ``"relu6"``, ``"hardsigmoid"``,
        ``"maxout"`` (with a rank), or any function.
    p : int, optional
        Instead of an activation: bounds for activations with ``p`` breakpoints. Upper
        bounds hold for all of them; deep lower bounds for a suitable one.
    rank : int, optional
        Maxout units of this rank, with or without ``activation="maxout"``.
    ranks : sequence of int, optional
        Upper bounds on the ranks of the weight matrices ``W_1, ..., W_L`` (rectifiers only). Lower
        bounds are then left out, as they need matrices of large rank.
    biases : bool
        False: all biases are zero (units that bend at 0 only).

    Returns
    -------
    Table
        Sorted by value. Its ``excluded`` says which bounds do not apply, and why.

    Raises
    ------
    NetworkError
        If an argument is out of range, or arguments contradict each other.

    Examples
    --------
    >>> import plica
    >>> found = plica.bounds.table((2, 6, 6))
    >>> found.lower(), found.upper()
    (352, 484)
    >>> print(plica.bounds.table((1, 3), p=2))
    bounds for widths 1-3, activations with 2 breakpoints
      piecewise_layer  exact  activation   7  one hidden layer
      piecewise_layer  exact  linear       7  one hidden layer
      piecewise_upper  upper  activation   7
      naive            upper  activation  27  any architecture
    """
    widths = check_widths(widths)
    if activation == "maxout":
        if rank is None:
            raise NetworkError("maxout units need a rank, the number of their pieces: rank=2")
        activation = "relu"
    if (p is not None) + (rank is not None) + (activation != "relu") > 1:
        raise NetworkError(
            "give one of activation, p and rank: they contradict each other (only the activation "
            "'maxout' goes with a rank)"
        )
    if ranks is not None and not (activation == "relu" and p is None and rank is None):
        raise NetworkError("the ranks of the weight matrices only matter for rectifiers here")
    text = "-".join(map(str, widths))
    if not biases:
        if p is not None or rank is not None:
            raise NetworkError("networks without biases: give an activation that bends at 0 only")
        made = Maker(f"widths {text}, {_label(activation)}, no biases")
        _homogeneous(made, widths, named_function(activation), ranks)
        return made.table()
    if rank is not None:
        made = Maker(f"widths {text}, maxout of rank {rank}")
        _maxout(made, widths, check_count(rank, "the rank of maxout units", 2))
    elif p is not None:
        made = Maker(f"widths {text}, activations with {p} breakpoints")
        _piecewise(made, widths, check_count(p, "the number of breakpoints"))
    else:
        function = named_function(activation)
        name = name_of(function)
        made = Maker(f"widths {text}, {_label(activation)}")
        if function.n_pieces == 1:
            raise NetworkError("the activation is affine: the network has one region")
        if name == "relu":
            _relu(made, widths, ranks)
        else:
            _function(made, widths, function, name)
    return made.table()


def _label(activation: str | PiecewiseLinear) -> str:
    if isinstance(activation, str):
        return activation
    return f"units of {activation.n_pieces} pieces"


def name_of(function: PiecewiseLinear) -> str | None:
    """Which of the named activations a function is, for the bounds' purposes."""
    slopes = function.slopes
    if function.n_pieces == 2:
        if (slopes == 0).any():
            return "relu"  # up to a reflection, which weights and biases undo
        return "abs" if (slopes[0] > 0) != (slopes[1] > 0) else "leaky_relu"
    clipped = function.n_pieces == 3 and slopes[0] == 0 == slopes[2]
    return "hardtanh" if clipped else None


def _homogeneous(
    made: Maker,
    widths: tuple[int, ...],
    function: PiecewiseLinear,
    ranks: Sequence[int] | None,
) -> None:
    if function.breakpoints.tolist() != [0.0] or function.intercept:
        raise NetworkError("without biases, the activation must bend at 0 only, and be 0 there")
    if name_of(function) == "relu":
        _relu_upper(made, widths, ranks)
    else:
        _function_upper(made, widths, function)
    made.add(
        "without_biases",
        "upper",
        "activation",
        partial(upper.without_biases, widths),
        "",
        "layer by layer from Zaslavsky 1975",
    )
    for counts in ("activation", "linear"):
        made.add(
            "one_layer",
            "exact" if len(widths) == 2 else "lower",
            counts,
            partial(lower.one_layer, widths[0], widths[1], biases=False),
            "one hidden layer" if len(widths) == 2 else "the first layer alone",
            "Zaslavsky 1975",
        )


def _relu(made: Maker, widths: tuple[int, ...], ranks: Sequence[int] | None) -> None:
    _relu_upper(made, widths, ranks)
    if ranks is None:
        _relu_lower(made, widths)


def _relu_upper(made: Maker, widths: tuple[int, ...], ranks: Sequence[int] | None) -> None:
    plain = ""
    if ranks is not None:
        caps = check_ranks(widths, ranks)
        plain = f"matrices of rank at most {', '.join(map(str, caps))}"
    up = ("upper", "activation")
    made.add("naive", *up, partial(upper.naive, widths), "any architecture", MONTUFAR)
    made.add(
        "raghu_2017",
        *up,
        partial(upper.raghu_2017, widths),
        "skip connections allowed",
        "Raghu, Poole, Kleinberg, Ganguli, Sohl-Dickstein 2017, explicit form of Theorem 1",
    )
    made.add(
        "montufar_2017", *up, partial(upper.montufar_2017, widths, ranks), plain, "Montufar 2017"
    )
    made.add(
        "serra_2018", *up, partial(upper.serra_2018, widths, ranks), plain, f"{SERRA}, Theorem 1"
    )
    made.add("refined_line", *up, partial(upper.refined_line, widths, ranks), plain, HERE)
    made.add(
        "refined_plane",
        *up,
        partial(upper.refined_plane, widths, ranks),
        plain,
        "Hinz 2021; (<= k)-set theorem: Alon, Gyori 1986, Linhart",
    )


def _relu_lower(made: Maker, widths: tuple[int, ...]) -> None:
    if len(widths) == 2:
        for counts in ("activation", "linear"):
            made.add(
                "one_layer",
                "exact",
                counts,
                partial(lower.one_layer, widths[0], widths[1]),
                "one hidden layer",
                "Zaslavsky 1975; Pascanu, Montufar, Bengio 2014, Proposition 2",
            )
        return
    linear = "linear" if lower.counts_linear(widths) else "activation"
    one = "linear" if widths[-1] > 1 else "activation"
    wide = "n_l >= {}n0 for l < L"
    for name, compute, counts, hypothesis, source in (
        (
            "pascanu_2013",
            lower.pascanu_2013,
            linear,
            wide.format(""),
            "Pascanu, Montufar, Bengio 2014, Theorem 1",
        ),
        (
            "montufar_2014",
            lower.montufar_2014,
            linear,
            wide.format(""),
            f"{MONTUFAR}, Theorem 4 (5 in arXiv)",
        ),
        (
            "serra_2018_fold",
            lower.serra_2018_fold,
            linear,
            wide.format("3 "),
            f"{SERRA}, Theorem 8",
        ),
        ("uneven_fold", lower.uneven_fold, linear, wide.format("3 "), HERE),
        (
            "arora_2018",
            lower.arora_2018,
            "linear",
            "n_1 >= 2",
            f"Arora, Basu, Mianjy, Mukherjee 2018, Theorem 2.11(i) as cited by {SERRA}",
        ),
        (
            "serra_2018_zonotope",
            lower.serra_2018_zonotope,
            one,
            "n_1 >= 2, n_l >= 3 for 1 < l < L",
            f"{SERRA}, Theorem 9, where proved",
        ),
        ("zonotope_fold", lower.zonotope_fold, one, "n_1 >= 2", HERE),
    ):
        made.add(name, "lower", counts, partial(compute, widths), hypothesis, source)
    for counts in ("activation", "linear"):
        made.add(
            "best_fold",
            "lower",
            counts,
            partial(lower.best_fold, widths, counts),
            "",
            HERE,
        )


def _piecewise(made: Maker, widths: tuple[int, ...], p: int) -> None:
    up = ("upper", "activation")
    made.add("naive", *up, partial(upper.naive, widths, p + 1), "any architecture", MONTUFAR)
    made.add("piecewise_upper", *up, partial(piecewise.piecewise_upper, widths, p), "", LAYERWISE)
    if len(widths) == 2:
        _layer(made, widths, p)
    else:
        made.add(
            "piecewise_fold",
            "lower",
            "linear",
            partial(piecewise.piecewise_fold, widths, p),
            "a suitable activation; n_l >= n0 for l < L",
            HERE,
        )


def _layer(made: Maker, widths: tuple[int, ...], p: int) -> None:
    for counts in ("activation", "linear"):
        made.add(
            "piecewise_layer",
            "exact",
            counts,
            partial(piecewise.piecewise_layer, widths[0], widths[1], p),
            "one hidden layer",
            HU_ZHANG,
        )


def _function(
    made: Maker, widths: tuple[int, ...], function: PiecewiseLinear, name: str | None
) -> None:
    _function_upper(made, widths, function)
    p = function.n_pieces - 1
    if len(widths) == 2:
        _layer(made, widths, p)
    elif name is not None:
        for counts in ("activation", "linear"):
            made.add(
                "named_fold",
                "lower",
                counts,
                partial(piecewise.named_fold, widths, name, counts),
                "",
                HERE,
            )
    else:
        made.add(
            "widest_layer",
            "lower",
            "activation",
            partial(piecewise.widest_layer, widths, p),
            "",
            HERE,
        )


def _function_upper(made: Maker, widths: tuple[int, ...], function: PiecewiseLinear) -> None:
    p = function.n_pieces - 1
    flat = int(np.count_nonzero(function.slopes == 0))
    up = ("upper", "activation")
    made.add("naive", *up, partial(upper.naive, widths, p + 1), "any architecture", MONTUFAR)
    made.add("piecewise_upper", *up, partial(piecewise.piecewise_upper, widths, p), "", LAYERWISE)
    if flat:
        made.add(
            "flat_upper",
            *up,
            partial(piecewise.flat_upper, widths, p, flat),
            f"{flat} of {p + 1} pieces flat",
            HERE,
        )


def _maxout(made: Maker, widths: tuple[int, ...], k: int) -> None:
    up = ("upper", "activation")
    made.add("naive", *up, partial(upper.naive, widths, k), "any architecture", MONTUFAR)
    made.add(
        "maxout_serra_2018",
        *up,
        partial(maxout.maxout_serra_2018, widths, k),
        "",
        f"{SERRA}, Theorem 10",
    )
    made.add("maxout_upper", *up, partial(maxout.maxout_upper, widths, k), "", MRZ)
    if len(widths) == 2:
        n0, n1 = widths
        bounds = maxout.maxout_layer_montufar_2014(n0, n1, k)
        for kind, value in zip(("lower", "upper"), bounds, strict=True):
            made.add(
                "maxout_layer_montufar_2014",
                kind,
                "activation",
                partial(int, value),
                "one hidden layer",
                MONTUFAR,
            )
        for counts in ("activation", "linear"):
            made.add(
                "maxout_layer",
                "exact",
                counts,
                partial(maxout.maxout_layer, n0, [k] * n1),
                "one hidden layer",
                MRZ,
            )
        return
    lows = (
        ("maxout_montufar_2014", maxout.maxout_montufar_2014, "n_l >= n0", MONTUFAR),
        ("kaleidoscope", maxout.kaleidoscope, "n_l >= n0 for l < L", HERE),
    )
    for name, compute, hypothesis, source in lows:
        made.add(name, "lower", "linear", partial(compute, widths, k), hypothesis, source)
    for counts in ("activation", "linear"):
        made.add(
            "maxout_fold",
            "lower",
            counts,
            partial(maxout.maxout_fold, widths, k, counts),
            "",
            f"{MRZ} for even n_l / n0; {HERE}",
        )

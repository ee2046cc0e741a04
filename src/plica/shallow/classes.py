"""Classifiers: outputs lowered by one function, so that subsets apply."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..chain import Network, Stage, require_network
from ..exact.rational import RationalChain
from ..units import Units
from .numbers import Dyadics

__all__ = ["class_shift"]


def class_shift(net: Network) -> Network:
    """The classifier with all outputs lowered by one function, such that no weight is negative.

    Differences of outputs, the arg max and the softmax stay the same at every point, exactly.

    Parameters
    ----------
    net : Network
        With several outputs, one a class. With a single output, the score of one class against
        another, the result has two, whose difference (second minus first) is that output.

    Raises
    ------
    UnsupportedError
        If a weight has digits below the smallest float.

    Notes
    -----
    Output c of a network whose last hidden layer has the units ``h_i`` is ``sum_i w_ci h_i + b_c``.
    It is lowered by ``sum_i (min_d w_di) h_i``, the same function for all outputs; what is left has
    the weights ``w_ci - min_d w_di >= 0``. If the ``h_i`` are ReLU units ``relu(g_i)``, then
    ``sum_i v_i relu(g_i) = max_S sum_{i in S} v_i g_i`` for weights ``v_i >= 0``, over all sets S
    of units. With two hidden layers every ``g_i`` is an affine function of the first layer's units:
    *every* classifier with two hidden layers of n1 and n2 ReLU units, weights of any signs, is a
    maximum of ``2**n2`` shallow functions with the first layer's n1 units.

    The difference is a stage of its own, so that no weight is rounded. Where several affine stages
    follow the last hidden layer, the weights are those of their product, in exact arithmetic.

    Examples
    --------
    >>> import plica
    >>> hidden = [([[1.0], [-1.0]], [0, 0]), ([[1, 1], [1, -1]], [0, 0])]
    >>> net = plica.Network.mlp([*hidden, ([[1, -1], [-2, 3]], [0, 1])])
    >>> shifted = plica.shallow.class_shift(net)
    >>> x = [[-2.0], [0.5]]
    >>> (net(x)[:, 0] - net(x)[:, 1]).tolist() == (shifted(x)[:, 0] - shifted(x)[:, 1]).tolist()
    True
    """
    if require_network(net).n_outputs == 1:
        net = net.after([[0.0], [1.0]])
    m, begin = net.n_outputs, net.hidden[-1] + 1 if net.depth else 0
    head, (first, *others) = net.stages[:begin], net.stages[begin:]
    weights, _ = RationalChain(Network([first, *others])).affine_on(())
    low = Dyadics.of_rows([weights.min(axis=0).tolist()], first.n_state).parts()
    p, one = len(low), Units.identity(len(low))  # the common function is the sum of p
    beside = [
        Stage(
            sp.vstack([sp.csr_array(first.A), *map(sp.csr_array, low)], format="csr"),
            np.append(first.a, np.zeros(p)),
            Units.concat([first.units, one]),
        )
    ]
    for stage in others:
        A = sp.block_diag([stage.A, sp.eye_array(p)], format="csr")
        units = Units.concat([stage.units, one])
        beside.append(Stage(A, np.append(stage.a, np.zeros(p)), units))
    less = sp.hstack([sp.eye_array(m), sp.csr_array(np.full((m, p), -1.0))], format="csr")
    return Network([*head, *beside, Stage(less, np.zeros(m))], {**net.meta, "class shift": True})

"""Classifiers as maxima of shallow functions: the class shift."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp

import plica
from plica import Network, Stage, Units
from plica.exact.rational import RationalChain
from plica.shallow import class_shift, difference_of_convex, max_of_shallow
from tests.shallow.cases import NETWORKS, rationals
from tests.twins.networks import SQUARE, he

BASE = Network.mlp(he([3, 5, 4, 3]))


def readout(W: np.ndarray) -> Network:
    """`BASE` with another readout."""
    return Network([*BASE.stages[:-1], Stage(W, BASE.stages[-1].a)])


def skipped() -> Network:
    """The last layer also reads the first layer's units and the inputs, which pass the second."""
    rng = np.random.default_rng(0)
    first = Stage(
        np.vstack([rng.normal(size=(5, 3)), np.eye(3)]),
        rng.normal(size=8) * ([1] * 5 + [0] * 3),
        Units.concat([Units.relu(5), Units.identity(3)]),
    )
    second = Stage(
        np.vstack([rng.normal(size=(4, 8)), np.eye(8)]),
        np.append(rng.normal(size=4), np.zeros(8)),
        Units.concat([Units.relu(4), Units.identity(8)]),
    )
    return Network([first, second, Stage(rng.normal(size=(3, 12)), rng.normal(size=3))])


CLASSIFIERS = {
    "random": BASE,
    "all weights negative": readout(-np.abs(BASE.stages[-1].dense())),
    "weights without a common exponent": readout(
        BASE.stages[-1].dense() * 2.0 ** np.arange(-99, 101, 66)
    ),
    "affine stages behind": BASE.after([[1, -2, 0.1], [0, 1, -1], [3, 1, 1]]).after(
        [[-1, 2, 0.3], [0.7, 0, -1]], [1, 2]
    ),
    "sparse": Network(
        [*BASE.stages[:-1], Stage(sp.csr_array(np.eye(3, 4) - np.eye(3, 4, 1)), [1, 2, 3])]
    ),
    "skips": skipped(),
    "one output": BASE.select(1),
    "leaky": Network.mlp(he([3, 5, 4, 3], seed=3), activation="leaky_relu"),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_is_a_maximum_of_shallow_functions(name: str) -> None:
    net = CLASSIFIERS[name]
    shifted = class_shift(net)
    form = max_of_shallow(shifted, method="subsets", prune=False)
    assert len(form.terms) == 2**4
    assert form.units_per_term.max() == form.distinct_units == 5
    chain = RationalChain(net)
    for x in rationals(plica.Space(3), 20):
        a, b = form.value(x), chain.value(x)
        if len(b) == 1:
            assert a[1] - a[0] == b[0]
        else:
            assert all(a[i] - a[j] == b[i] - b[j] for i, j in combinations(range(len(b)), 2))


def test_the_common_function_is_the_smallest() -> None:
    # in every column some class keeps the weight zero
    net = CLASSIFIERS["affine stages behind"]
    at = net.hidden[-1] + 1
    weights, _ = RationalChain(Network(class_shift(net).stages[at:])).affine_on(())
    before, _ = RationalChain(Network(net.stages[at:])).affine_on(())
    assert (weights.min(axis=0) == 0).all()
    assert (weights - before == (weights - before)[:1]).all()


@pytest.mark.parametrize("name", ["integer", "residual", "maxout 2", "post-activation"])
def test_classes_become_convex(name: str) -> None:
    form = difference_of_convex(NETWORKS[name], SQUARE)
    shifted = form.class_shift()
    assert all(size == 1 for _, size in shifted.sizes)
    for x in rationals(SQUARE, 20):
        a, b = shifted.value(x), form.value(x)
        assert a[1] - a[0] == (b[0] if len(b) == 1 else b[1] - b[0])
    x = np.random.default_rng(0).uniform(-1, 1, (2, 200, 2))
    middle = shifted(x.mean(axis=0))
    assert (middle <= (shifted(x[0]) + shifted(x[1])) / 2 + 1e-9).all()

"""The picture of stability."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import plica
from plica.errors import PlicaError
from tests.twins.networks import he

SQUARE = plica.Box([-1, -1], [1, 1])


def test_the_curve_is_drawn_as_it_is() -> None:
    stable = plica.stable_regions(plica.Network.mlp(he([2, 6, 4, 1])), SQUARE, refine=0)
    ax = stable.plot()
    line = ax.lines[0]
    e, counts = stable.curve()
    x, y = line.get_data()
    assert np.array_equal(x[1:-1], e)
    assert np.array_equal(y[1:-1], counts)
    assert line.get_drawstyle() == "steps-pre"  # up to a radius its count holds
    assert y[0] == len(stable)
    assert y[-1] == 0
    ax.figure.canvas.draw()


def test_linear_regions_lie_below() -> None:
    stable = plica.stable_regions(plica.Network.mlp(he([2, 6, 4, 1])), SQUARE, refine=0)
    ax = Figure().add_subplot()
    assert stable.plot(ax, linear=True, points=5, theme="light") is ax
    sizes, counts = ax.lines[1].get_data()
    assert [stable.surviving(e, "linear") for e in sizes] == list(counts)
    assert all(stable.surviving(e) >= n for e, n in zip(sizes, counts, strict=True))


def test_no_curve() -> None:
    net = plica.Network.mlp([([[1.0], [1.0]], [0, 0]), ([[1.0]], [0])], maxout=2)
    with pytest.raises(PlicaError, match="no region"):
        plica.stable_regions(net, plica.Box([-1], [1])).plot()

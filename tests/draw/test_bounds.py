import numpy as np
import pytest
from matplotlib.figure import Figure

import plica


def test_lines_are_the_bounds():
    bounds = plica.bounds.against_depth(2, range(1, 5), units=16)
    ax = bounds.plot({"random": [(1, 137), (2, 90)], "trained": [(2, 100)]})
    upper, lower = ax.get_lines()
    assert lower.get_xdata().tolist() == [1, 2, 3, 4]
    assert 10 ** lower.get_ydata() == pytest.approx(np.array(bounds.lower, dtype=float))
    assert 10 ** upper.get_ydata() == pytest.approx(np.array(bounds.upper, dtype=float))
    points = [np.asarray(c.get_offsets()) for c in ax.collections[1:]]
    assert 10 ** points[0][:, 1] == pytest.approx([137, 90])
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names[2:] == ["random", "trained"]
    assert "16 units" in ax.get_title(loc="left")


def test_own_axes_and_huge_numbers():
    bounds = plica.bounds.against_depth(50, (1, 20), parameters=400_000)
    assert bounds.upper[1] > 10**400  # no float holds it
    ax = Figure().add_subplot()
    assert bounds.plot(ax=ax, theme="light") is ax
    assert ax.get_lines()[0].get_ydata()[1] > 400

"""The paper's comparison: plain and residual, deep and shallow networks as shallow forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import plica
from plica import Network
from plica.shallow import complexity, max_of_shallow, plot_complexity, random_network, sweep
from tests.shallow.cases import assert_equal
from tests.twins.networks import SQUARE, he


def test_numbers_are_those_of_the_form() -> None:
    for residual in (False, True):
        net = random_network(2, 8, 2, residual=residual)
        found = complexity(net, SQUARE)
        form = max_of_shallow(net, SQUARE, method="patterns")
        assert (found.residual, found.depth, found.units) == (residual, 2, 8)
        assert found.regions == plica.count_regions(net, SQUARE)
        assert len(form.terms) <= found.terms <= found.regions
        assert form.total_units <= found.total_units == found.terms * found.units_per_term
        assert 0 < found.mean_penalty <= found.largest_penalty
        assert_equal(form, net, SQUARE, 10)


def test_one_hidden_layer_by_hand() -> None:
    W = he([2, 5, 1])[0][0]
    net = Network.mlp([(W, np.zeros(5)), ([[1, -2, 3, -4, 0]], [0])])
    found = complexity(net)
    # two units raise the output, two lower it, one is not heard
    assert found.all_terms == 2**3
    assert found.units_per_term == 2
    assert found.largest_penalty == 4
    assert found.mean_penalty == 3


def test_residual_is_more_complex_than_plain(tmp_path: Path) -> None:
    rows = sweep(8, (2, 4), seeds=4)
    assert len(rows) == 16

    def mean(name: str, residual: bool, depth: int) -> float:
        return float(
            np.mean([getattr(r, name) for r in rows if (r.residual, r.depth) == (residual, depth)])
        )

    for name in ("total_units", "mean_penalty", "largest_penalty"):
        for depth in (2, 4):
            assert mean(name, True, depth) > mean(name, False, depth)
    plot_complexity(rows, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_refusals() -> None:
    with pytest.raises(plica.PlicaError, match="budget"):
        complexity(random_network(2, 8, 2), SQUARE, budget=3)
    with pytest.raises(plica.PlicaError, match="divide"):
        random_network(2, 8, 3)

"""The oracles agree with one another and with the closed formulas."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

import plica
from plica.engines import reference

from . import brute_force, linear_programs
from .networks import LINE, PLANE, STAIRCASE, Case, he, integer

GENERIC = {
    "generic-6-6",
    "generic-5-5-5",
    "times-1e-4",
    "maxout-generic-3",
    "hard-sigmoid",
    "slice-through",
}


def _patterns(case: Case) -> set[tuple[int, ...]]:
    return {cell.pattern for cell in reference.enumerate_cells(case.net, case.domain)}


@pytest.mark.parametrize("case", [*PLANE, *LINE], ids=repr)
def test_reference_against_elimination(case: Case) -> None:
    cells = reference.enumerate_cells(case.net, case.domain)
    found = {cell.pattern for cell in cells}
    assert len(found) == len(cells)
    if case.activation is not None:
        assert len(cells) == case.activation
    if len(cells) <= 70:
        assert found == brute_force.patterns(case.net, case.domain)
    total = sum(reference.size(cell.vertices) for cell in cells)
    assert total == reference.size(reference.domain_vertices(case.domain))


@pytest.mark.parametrize("case", [c for c in PLANE if c.name in GENERIC], ids=repr)
def test_reference_against_linear_programs(case: Case) -> None:
    verdict = linear_programs.patterns(case.net, case.domain)
    assert verdict.accepted > 1e-7
    assert verdict.refused < -1e-7
    assert verdict.patterns == _patterns(case)


def test_generic_counts_of_the_benchmark_networks() -> None:
    net = plica.Network.mlp(he([2, 16, 16, 1]))
    assert reference.count(net, plica.Box.cube(2)) == 333


@pytest.mark.parametrize("n0", [1, 2, 3])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "hardtanh", STAIRCASE])
def test_oracles_in_more_dimensions(n0: int, activation: str | plica.PiecewiseLinear) -> None:
    net = plica.Network.mlp(he([n0, 3, 3, 1], seed=n0), activation)
    box = plica.Box.cube(n0)
    verdict = linear_programs.patterns(net, box)
    assert verdict.accepted > 1e-7
    assert verdict.refused < -1e-7
    assert verdict.patterns == brute_force.patterns(net, box)


@pytest.mark.parametrize(("d", "n"), [(1, 4), (2, 6), (3, 5)])
def test_zaslavsky(d: int, n: int) -> None:
    # the moment curve of one dimension more: in general position; the box holds all vertices
    normals = np.array([[float(t**i) for i in range(d)] for t in range(n)])
    offset = np.array([float(t**d) for t in range(n)])
    box = plica.Box.cube(d, -1e6, 1e6)
    generic = plica.Network.mlp([(normals, offset), (np.ones((1, n)), [0])])
    central = plica.Network.mlp([(normals, 0 * offset), (np.ones((1, n)), [0])])
    assert len(brute_force.patterns(generic, box)) == sum(comb(n, j) for j in range(d + 1))
    assert len(brute_force.patterns(central, box)) == 2 * sum(comb(n - 1, j) for j in range(d))


def test_elimination_decides_open_systems() -> None:
    assert brute_force.feasible({(1, 0), (-1, 1)})  # 0 < x < 1
    assert not brute_force.feasible({(1, 0), (-1, 0)})  # 0 < x < 0
    assert not brute_force.feasible({(1, 1, -2), (-1, 0, 1), (0, -1, 1)})  # x + y > 2, x, y < 1
    assert brute_force.feasible({(1, 1, -1), (-1, 0, 1), (0, -1, 1)})
    assert not brute_force.feasible({(0, 0, 0)})
    assert brute_force.feasible({(0, 0, 1)})


def test_elimination_sees_every_pattern_that_points_show() -> None:
    net = plica.Network.mlp(integer([3, 4, 3, 1], 5))
    grid = np.array(list(product(np.linspace(-0.97, 0.93, 24), repeat=3)))
    shown = {tuple(p) for p in net.pattern(grid).tolist()}
    assert shown <= brute_force.patterns(net, plica.Box.cube(3))

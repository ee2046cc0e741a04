"""Shallow forms of random, degenerate chains: exact at a point inside every region and between."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.exact import RationalChain
from plica.shallow import lattice, max_of_shallow
from tests.engines.cells import needs_cells

from . import chains
from .chains import some

LIMIT = 40
SIZES = {1: (4, 6), 2: (3, 5), 3: (3, 4)}  # layers and width for n inputs


def points(cells: list[Any]) -> list[tuple[Fraction, ...]]:
    """Witnesses of the cells, and points between each two that follow each other."""
    inside = [cell.witness for cell in cells]
    between = [
        tuple((2 * x + y) / 3 for x, y in zip(p, q, strict=True)) for p, q in pairwise(inside)
    ]
    return inside + between


@needs_cells
@pytest.mark.parametrize("method", ["auto", "patterns", "minimal"])
@pytest.mark.parametrize("n", SIZES)
@some(25)
@given(data=st.data())
def test_forms_are_the_network(n: int, method: str, data: st.DataObject) -> None:
    net, domain = chains.question(data, n, SIZES)
    cells = chains.few_cells(net, domain, LIMIT)
    form = max_of_shallow(net, domain, method=method)
    chain = RationalChain(domain.restrict(net))
    for x in points(cells):
        assert form.value(x) == chain.value(x)


@needs_cells
@some(25)
@given(data=st.data())
def test_the_chain_of_a_form_is_the_network(data: st.DataObject) -> None:
    net, domain = chains.question(data, 2, SIZES)
    cells = chains.few_cells(net, domain, LIMIT)
    chain = RationalChain(max_of_shallow(net, domain).to_network())
    deep = RationalChain(domain.restrict(net))
    for x in points(cells):
        assert chain.value(x) == deep.value(x)


@needs_cells
@some(25)
@given(data=st.data())
def test_lattices_are_the_network(data: st.DataObject) -> None:
    net, domain = chains.question(data, 2, SIZES)
    cells = chains.few_cells(net, domain, LIMIT)
    form = lattice(net, domain)
    chain = RationalChain(domain.restrict(net))
    for x in points(cells):
        assert form.value(x) == chain.value(x)[0]


def test_points_lie_in_the_domain() -> None:
    cells = chains.reference_cells.enumerate_cells(
        plica.Network.mlp([([[1.0]], [0.0]), ([[1.0]], [0.0])]), plica.Box([-1], [1])
    )
    assert points(list(cells)) == [(Fraction(-1, 2),), (Fraction(1, 2),), (Fraction(-1, 6),)]

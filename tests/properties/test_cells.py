"""The cells engine against its exact twin, and that against elimination, on random chains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines import reference_cells
from plica.exact import RationalChain
from plica.exact import linear_program as lp
from tests.engines.cells import FAST, count, needs_cells, patterns
from tests.twins import brute_force

from . import chains
from .chains import some

#: Examples with more cells than this are passed over, to save time.
LIMIT = 80
SIZES = {1: (4, 8), 2: (3, 8), 3: (3, 7), 4: (3, 5), 5: (2, 5)}  # layers and width for n inputs

each_dimension = pytest.mark.parametrize("n", SIZES)


def question(data: st.DataObject, n: int) -> tuple[plica.Network, plica.domains.Domain]:
    return chains.question(data, n, SIZES)


def cells_of(net: plica.Network, domain: plica.domains.Domain) -> list[reference_cells.Cell]:
    return chains.few_cells(net, domain, LIMIT)


@each_dimension
@some(60)
@given(data=st.data())
def test_the_twin_against_elimination(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    cells = cells_of(net, domain)
    found = {cell.pattern for cell in cells}
    assert len(found) == len(cells)
    if domain.dim <= 3 and len(found) <= 16:
        assert found == brute_force.patterns(net, domain)
    chain = RationalChain(domain.restrict(net))
    for cell in cells:
        assert chain.pattern(cell.witness) == cell.pattern


@each_dimension
@some(12)
@given(data=st.data())
def test_facets_of_the_twin(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    cells = cells_of(net, domain)
    for facet in reference_cells.facets(net, domain, cells):
        touching = [i for i, cell in enumerate(cells) if lp.contains(cell.rows, facet.point)]
        assert tuple(touching) == facet.cells


@needs_cells
@each_dimension
@some(80)
@given(data=st.data())
def test_the_cells_engine_against_the_twin(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    expected = {cell.pattern for cell in cells_of(net, domain)}
    assert patterns(net, domain, FAST) == expected
    assert count(net, domain, FAST) == len(expected)


@needs_cells
@each_dimension
@some(25)
@given(data=st.data())
def test_linear_regions(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    labels = reference_cells.linear_regions(net, domain, cells_of(net, domain))
    assert count(net, domain, FAST, "linear") == len(set(labels))

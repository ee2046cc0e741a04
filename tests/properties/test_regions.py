"""Facets, neighbours and linear regions against the exact twin, on random chains."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.engines import reference_cells
from plica.engines.outline import Outline
from tests.engines.cells import FAST

from .test_cells import cells_of, each_dimension, question, some


@each_dimension
@some(25)
@given(data=st.data())
def test_facets_and_linear_regions_against_the_twin(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    cells = cells_of(net, domain)
    atlas = plica.map_regions(net, domain, engine=FAST)
    number = {tuple(p): r for r, p in enumerate(atlas.patterns.tolist())}
    want = {
        tuple(sorted(number[cells[i].pattern] for i in facet.cells))
        for facet in reference_cells.facets(net, domain, cells)
    }
    assert sorted(map(tuple, np.sort(atlas.facets().regions).tolist())) == sorted(want)
    labels = reference_cells.linear_regions(net, domain, cells)
    found = atlas.linear_regions().labels
    pairs = {(int(found[number[c.pattern]]), k) for c, k in zip(cells, labels, strict=True)}
    assert len(pairs) == len(set(labels)) == len(set(found.tolist()))


@each_dimension
@some(15)
@given(data=st.data())
def test_the_filter_decides_nothing(n: int, data: st.DataObject) -> None:
    net, domain = question(data, n)
    atlas = plica.map_regions(net, domain, engine=FAST, budget=12)
    fast = Outline(net, domain).trace(atlas.packed, rows=True, beyond=True)
    slow = Outline(net, domain, filter_scale=np.inf).trace(atlas.packed, rows=True, beyond=True)
    assert fast.counts.tolist() == slow.counts.tolist()
    for stop, count in zip(np.cumsum(fast.counts), fast.counts, strict=True):
        part = slice(stop - count, stop)
        one, other = (
            sorted(
                (c, bytes(b), sorted(t.tolist()))
                for c, b, t in zip(
                    found.columns[part].tolist(),
                    found.beyond[part],
                    found.together[part],
                    strict=True,
                )
            )
            for found in (fast, slow)
        )
        assert one == other

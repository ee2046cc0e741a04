"""Bounds of random chains, most of them degenerate, against exact counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plica
from plica.bounds.intervals import box_of, propagate
from plica.exact import RationalChain

from . import chains
from .chains import some

SIZES = {1: (4, 8), 2: (3, 7), 3: (3, 5), 4: (2, 5)}  # layers and width for n inputs


@pytest.mark.parametrize("n", SIZES)
@some(60)
@given(data=st.data())
def test_no_network_has_more_regions_than_its_bounds(n: int, data: st.DataObject) -> None:
    net, domain = chains.question(data, n, SIZES)
    count = int(plica.count_regions(net, domain))
    tables = [
        plica.bounds.of_network(net, domain),
        plica.bounds.of_network(net, domain, units=plica.units_report(net, domain)),
    ]
    for table in tables:
        for bound in table:
            assert count <= bound.value, bound
    assert tables[1].of("stable").value <= tables[0].of("stable").value


@pytest.mark.parametrize("n", SIZES)
@some(40)
@given(data=st.data())
def test_intervals_hold_what_is_computed(n: int, data: st.DataObject) -> None:
    net, domain = chains.question(data, n, SIZES)
    low, high = box_of(domain)
    inner = domain.restrict(net)
    found = propagate(inner, low, high)
    chain = RationalChain(inner)
    rng = np.random.default_rng(0)
    inside = np.where(np.isfinite(low), low, -3.0), np.where(np.isfinite(high), high, 3.0)
    for share in [*rng.random((4, domain.dim)), np.zeros(domain.dim), np.ones(domain.dim)]:
        x = np.clip(inside[0] * (1 - share) + inside[1] * share, *inside)
        for i, interval in enumerate(found):
            values = chain.pre_at(i, x.tolist())
            pairs = zip(interval.pre[0].tolist(), values, interval.pre[1].tolist(), strict=True)
            assert all(a <= v <= b for a, v, b in pairs)

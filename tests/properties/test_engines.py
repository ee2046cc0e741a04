"""The line and plane engines against the exact twin, on random degenerate chains."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

import plica
from plica.engines import reference

from .chains import boxes, networks, segments

many = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _check(net: plica.Network, domain: plica.domains.Domain) -> None:
    cells = reference.enumerate_cells(net, domain)
    atlas = plica.map_regions(net, domain)
    patterns = [tuple(p) for p in atlas.patterns.tolist()]
    assert set(patterns) == {cell.pattern for cell in cells}
    assert len(patterns) == len(cells)
    assert plica.count_regions(net, domain) == len(cells)
    labels = reference.linear_regions(cells)
    assert plica.count_regions(net, domain, kind="linear") == len(set(labels))
    assert len(atlas.facets().unit) == len(reference.facets(cells))
    own = {cell.pattern: float(reference.size(cell.vertices)) for cell in cells}
    whole = float(reference.size(reference.domain_vertices(domain)))
    stretch = atlas.sizes.sum() / whole
    assert atlas.sizes == pytest.approx(
        [stretch * own[p] for p in patterns], abs=1e-9 * stretch * whole
    )


@many
@given(net=networks(), domain=boxes())
def test_plane(net: plica.Network, domain: plica.Box) -> None:
    _check(net, domain)


@many
@given(net=networks(layers=4), domain=segments())
def test_line(net: plica.Network, domain: plica.Segment) -> None:
    _check(net, domain)


@many
@given(net=networks(n_inputs=1, layers=4), domain=boxes())
def test_one_input(net: plica.Network, domain: plica.Box) -> None:
    _check(net, plica.Box(domain.lower[:1], domain.upper[:1]))

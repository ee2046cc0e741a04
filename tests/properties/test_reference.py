"""The reference engine against rational elimination, on random degenerate chains."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

import plica
from plica.engines import reference
from tests.twins import brute_force

from .chains import boxes, networks, segments

quick = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _check(net: plica.Network, domain: plica.domains.Domain) -> None:
    cells = reference.enumerate_cells(net, domain)
    found = {cell.pattern for cell in cells}
    assert len(found) == len(cells)
    assert found == brute_force.patterns(net, domain)
    total = sum(reference.size(cell.vertices) for cell in cells)
    assert total == reference.size(reference.domain_vertices(domain))


@quick
@given(net=networks(layers=2), domain=boxes())
def test_plane(net: plica.Network, domain: plica.Box) -> None:
    _check(net, domain)


@quick
@given(net=networks(), domain=segments())
def test_line(net: plica.Network, domain: plica.Segment) -> None:
    _check(net, domain)


@quick
@given(net=networks(n_inputs=1), domain=boxes())
def test_one_input(net: plica.Network, domain: plica.Box) -> None:
    _check(net, plica.Box(domain.lower[:1], domain.upper[:1]))

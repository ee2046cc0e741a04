"""The work that an engine does, by its own counters: seconds vary from run to run, these do not.

Networks as in the benchmarks: He-normal weights, biases N(0, 0.3^2), `default_rng(0)`, on a cube.
The numbers of regions were found by several independent methods.
"""

from __future__ import annotations

import pytest

import plica
from plica.engines.cells import Cells
from plica.engines.walk import Walk
from tests.twins.closed_forms import central, generic
from tests.twins.networks import he


def network(n: int, width: int, depth: int) -> plica.Network:
    return plica.Network.mlp(he([n, *[width] * depth, 1]))


def worked(walk: Walk | Cells) -> dict[str, float]:
    """Counters per region; the regions and the arbitrated questions as they are."""
    for _ in walk.chunks():
        pass
    assert walk.complete
    counters = walk.counters
    n = counters["regions"]
    whole = ("regions", "arbitrated")
    return {name: v if name in whole else v / n for name, v in counters.items()}


@pytest.mark.parametrize(
    ("width", "depth", "regions", "products", "updates", "tests"),
    [(16, 2, 333, 0.01, 0.5, 2.0), (32, 3, 2874, 0.15, 0.7, 1.7), (64, 3, 11285, 0.16, 0.7, 1.6)],
)
def test_the_plane_engine(
    width: int, depth: int, regions: int, products: float, updates: float, tests: float
) -> None:
    work = worked(Walk(network(2, width, depth), plica.Box.cube(2)))
    assert work["regions"] == regions
    assert work["arbitrated"] == 0
    assert work["products"] <= products
    assert work["updates"] <= updates
    assert work["tests"] <= tests


@pytest.mark.parametrize("listing", [False, True])
@pytest.mark.parametrize(
    ("n", "width", "depth", "regions", "programs", "pivots"),
    [
        (3, 16, 2, 2200, 3.7, 4.1),
        (4, 16, 2, 11286, 3.0, 4.5),
        (6, 12, 2, 34456, 1.5, 2.9),
        (8, 10, 2, 27354, 1.25, 3.1),
        (10, 20, 1, 288959, 0.8, 1.5),
        (64, 8, 2, 13934, 1.3, 8.7),
    ],
)
def test_dictionaries(
    n: int, width: int, depth: int, regions: int, programs: float, pivots: float, listing: bool
) -> None:
    columns = {"patterns": listing, "witnesses": listing}
    work = worked(Cells(network(n, width, depth), plica.Box.cube(n), form="dictionary", **columns))
    assert work["regions"] == regions
    assert work["arbitrated"] <= regions / 1000
    assert work["programs"] <= programs
    assert work["pivots"] <= pivots
    assert work["asked"] <= programs  # most regions are found without a question of their own


@pytest.mark.parametrize(
    ("sizes", "bias", "domain", "regions"),
    [
        ((4, 24, 1), 0.0, plica.Space(4), central(4, 24)),
        ((4, 24, 1), 0.0, plica.Box.cube(4), central(4, 24)),
        ((4, 16, 1), 0.3, plica.Space(4), generic(4, 16)),
    ],
)
def test_what_touches_the_apex_is_not_arbitrated(
    sizes: tuple[int, ...], bias: float, domain: plica.Domain, regions: int
) -> None:
    net = plica.Network.mlp(he(list(sizes), bias=bias))
    work = worked(Cells(net, domain, form="dictionary"))
    assert work["regions"] == regions
    assert work["arbitrated"] <= regions / 1000
    assert work["exact_pivots"] <= 0.01


@pytest.mark.parametrize(
    ("n", "width", "depth", "regions"), [(3, 16, 2, 2200), (4, 16, 2, 11286), (5, 16, 2, 62675)]
)
def test_vertices(n: int, width: int, depth: int, regions: int) -> None:
    work = worked(Cells(network(n, width, depth), plica.Box.cube(n), form="vertices"))
    assert work["regions"] == regions
    assert work["arbitrated"] <= regions / 1000
    assert work["rebuilt"] <= 0.05  # vertices solved anew
    assert work["products"] <= 0.2


def test_images() -> None:
    """Of regions over the space of the first pre-activations, floating point decides all."""
    work = worked(Cells(network(64, 8, 2), plica.Box.cube(64), form="image"))
    assert work["regions"] == 13934
    assert work["decided_in_inputs"] == 0
    assert work["beside"] <= 0.016
    assert work["programs"] <= 2.0
    assert work["pivots"] <= 1.6

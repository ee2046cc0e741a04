"""Several threads find the same regions as one, each region once."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.engines.cells import Cells
from plica.engines.running import Budget
from plica.engines.team import shared_stage
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import Case, he

SOME = [*CUBES, *DOMAINS][::5]


def patterns(case: Case, n_jobs: int) -> list[bytes]:
    walk = Cells(case.net, case.domain, patterns=True, witnesses=True, n_jobs=n_jobs)
    found = walk.collect()
    assert walk.complete
    assert found["witnesses"].shape == (walk.counters["regions"], case.domain.dim)
    return [row.tobytes() for row in found["patterns"]]


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.name)
def test_threads_divide_the_regions(case: Case) -> None:
    alone = patterns(case, 1)
    for n_jobs in (2, 3):
        together = patterns(case, n_jobs)
        assert len(together) == len(set(together)) == len(alone)
        assert set(together) == set(alone)


@pytest.mark.parametrize("case", SOME, ids=lambda case: case.name)
def test_units_of_one_stage_are_split_without_a_change(case: Case) -> None:
    net, stage = shared_stage(case.net)
    x = np.random.default_rng(0).normal(size=(50, net.n_inputs))
    assert np.array_equal(net(x), case.net(x))
    assert np.array_equal(net.pattern(x), case.net.pattern(x))
    later = sum(s.units.nonlinear.size for s in net.stages[stage + 1 :])
    assert later > 0 or case.net.n_units < 2


def test_counting_with_threads() -> None:
    rng = np.random.default_rng(1)
    net = plica.Network.mlp(
        [(rng.normal(size=(9, 3)), rng.normal(size=9))] * 1
        + [(rng.normal(size=(7, 9)), rng.normal(size=7)), (rng.normal(size=(1, 7)), [0.0])]
    )
    box = plica.Box.cube(3)
    one = plica.count_regions(net, box)
    two = plica.count_regions(net, box, n_jobs=2)
    assert int(one) == int(two)
    assert two.exact


def test_a_budget_stops_all_threads() -> None:
    net = plica.Network.mlp(he([3, 16, 16, 1]))
    walk = Cells(net, plica.Box.cube(3), n_jobs=2)
    for _ in walk.chunks(Budget(regions=100)):
        pass
    assert not walk.complete
    found = walk.counters["regions"]
    assert 100 <= found < 2200
    for _ in walk.chunks():
        pass
    assert walk.complete
    assert walk.counters["regions"] == 2200


def test_no_threads_are_refused() -> None:
    case = SOME[0]
    with pytest.raises(plica.DomainError, match="n_jobs"):
        Cells(case.net, case.domain, n_jobs=0)

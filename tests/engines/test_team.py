"""Several threads find the same regions as one, each region once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plica
from plica.engines import team
from plica.engines.cells import Cells
from plica.engines.running import Budget
from plica.engines.team import shared_stage
from tests.twins.cell_cases import CUBES, DOMAINS
from tests.twins.networks import STAIRCASE, Case, he

SOME = [*CUBES, *DOMAINS][::5]


@pytest.fixture(autouse=True)
def together_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "ALONE", 0.0)


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


@pytest.mark.parametrize(
    ("widths", "kind"),
    [
        ([3, 12, 1], "relu"),
        ([3, 2, 9, 5, 1], "relu"),
        ([2, 3, 2, 1], "abs"),
        ([3, 7, 6, 1], STAIRCASE),
    ],
)
@pytest.mark.parametrize("form", ["vertices", "dictionary"])
def test_where_the_cells_are_divided(widths: list[int], kind: Any, form: str) -> None:
    net, box = plica.Network.mlp(he(widths), kind), plica.Box.cube(widths[0])
    alone = Cells(net, box, patterns=True, form=form).collect()["patterns"]
    walk = Cells(net, box, patterns=True, n_jobs=3, form=form)
    together = walk.collect()["patterns"]
    assert sorted(map(bytes, together)) == sorted(map(bytes, alone))
    counts = Cells(net, box, n_jobs=3, form=form)
    for _ in counts.chunks():
        pass
    assert counts.counters["regions"] == len(alone)


def test_maxima_are_divided() -> None:
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in ((3, 24), (8, 12), (4, 1))]
    net = plica.Network.mlp(layers, maxout=3)
    alone = Cells(net, plica.Box.cube(3), patterns=True).collect()["patterns"]
    together = Cells(net, plica.Box.cube(3), patterns=True, n_jobs=2).collect()["patterns"]
    assert sorted(map(bytes, together)) == sorted(map(bytes, alone))


def test_stages_of_few_units_are_passed_over() -> None:
    assert shared_stage(plica.Network.mlp(he([3, 9, 5, 1])), 2) == (0, 6)
    stage, depth = shared_stage(plica.Network.mlp(he([3, 2, 9, 5, 1])), 2)
    assert depth == 0
    assert stage == 1


def test_little_work_is_done_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "ALONE", 60.0)
    walk = Cells(plica.Network.mlp(he([3, 6, 1])), plica.Box.cube(3), n_jobs=8)
    for _ in walk.chunks():
        pass
    assert walk.complete
    assert len(walk._walk._walks) == 1


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

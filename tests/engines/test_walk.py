"""The walk itself: counters, slices, the filter, storage, and real networks where at hand."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import plica
from plica.engines.walk import Budget, Walk, unpack
from plica.exact.rational import RationalChain

DATA = Path(os.environ.get("PLICA_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
SQUARE = plica.Box.cube(2)


def suite(width: int, depth: int) -> plica.Network:
    """He-normal weights, biases N(0, 0.3^2), drawn layer by layer: the benchmark's networks."""
    rng = np.random.default_rng(0)
    widths = [2, *[width] * depth, 1]
    layers = []
    for before, after in pairwise(widths):
        W = rng.normal(0.0, np.sqrt(2 / before), (after, before))
        layers.append((W, rng.normal(0.0, 0.3, after)))
    return plica.Network.mlp(layers)


def walked(walk: Walk) -> Walk:
    for _ in walk.chunks():
        pass
    return walk


# counts found by two independent programs before this one
@pytest.mark.parametrize(
    ("width", "depth", "regions"), [(16, 2, 333), (32, 3, 2874), (64, 3, 11285), (128, 4, 74246)]
)
def test_counts_of_the_benchmark_and_the_work_they_take(
    width: int, depth: int, regions: int
) -> None:
    counters = walked(Walk(suite(width, depth), SQUARE)).counters
    assert counters["regions"] == regions
    # work for each region; a change that raises these figures must say why
    assert counters["products"] <= 0.40 * regions
    assert counters["updates"] <= 0.80 * regions
    assert counters["tests"] <= 2.30 * regions
    assert counters["arbitrated"] <= 1e-3 * regions


def test_the_filter_changes_no_answer() -> None:
    net = suite(16, 2)
    fast = walked(Walk(net, SQUARE, polygons=True, sides=True))
    exact = walked(Walk(net, SQUARE, polygons=True, sides=True, filter_scale=float("inf")))
    assert exact.counters["regions"] == fast.counters["regions"]
    assert exact.counters["arbitrated"] > 100 * (fast.counters["arbitrated"] + 1)


@pytest.mark.parametrize("write", [False, True])
def test_a_walk_in_slices_is_the_same_walk(write: bool) -> None:
    net = suite(16, 2)
    whole = Walk(net, SQUARE, patterns=True, polygons=True, sides=True).collect()
    walk = Walk(net, SQUARE, patterns=write, polygons=write, sides=write)
    chunks = list(walk.chunks(size=10))
    assert walk.complete
    assert walk.counters["regions"] == 333
    assert len(chunks) >= (333 // 11 if write else 1)
    if write:
        for name in ("points", "edges", "places"):
            joined = np.concatenate([walk.shape(chunk)[name] for chunk in chunks])
            assert np.array_equal(joined, whole[name])


def test_a_walk_goes_on_after_its_budget() -> None:
    walk = Walk(suite(16, 2), SQUARE)
    for _ in walk.chunks(Budget(regions=50)):
        pass
    assert not walk.complete
    assert 50 <= walk.counters["regions"] <= 51
    walked(walk)
    assert walk.complete
    assert walk.counters["regions"] == 333


def test_ctrl_c_keeps_what_was_found() -> None:
    seen = []

    def press(found: int, _seconds: float) -> None:
        seen.append(found)
        raise KeyboardInterrupt

    atlas = plica.map_regions(suite(64, 3), SQUARE, budget=5000, progress=press)
    assert len(atlas) == seen[0] > 0
    assert atlas.count.status == "lower_bound"
    with pytest.raises(plica.BudgetError):
        atlas.facets()


def test_regions_one_after_another() -> None:
    net = suite(32, 3)
    atlas = plica.map_regions(net, SQUARE)
    patterns = [region.pattern.tobytes() for region in plica.iter_regions(net, SQUARE)]
    assert patterns == [row.tobytes() for row in atlas.patterns]


def test_a_tiny_budget_of_time_is_no_error() -> None:
    assert not plica.map_regions(suite(16, 2), SQUARE, budget=1e-9).count.complete


def test_an_atlas_on_disk(tmp_path: Path) -> None:
    net = suite(16, 2)
    for domain in (SQUARE, plica.Segment([-1, -1], [1, 0.5]), plica.Slice([0, 0], np.eye(2))):
        atlas = plica.map_regions(net, domain)
        folder = tmp_path / type(domain).__name__
        atlas.save(folder)
        again = plica.Atlas.open(folder)
        assert again.count.to_dict() == atlas.count.to_dict()
        assert again.network == net
        for name in ("packed", "offsets", "vertices", "edges", "places", "cut_units", "maps"):
            assert np.array_equal(getattr(again, name), getattr(atlas, name))
        assert np.array_equal(again.facets().regions, atlas.facets().regions)
        with pytest.raises(plica.PlicaError, match="not empty"):
            atlas.save(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(plica.LoadError, match="manifest"):
        plica.Atlas.open(folder)


@pytest.mark.parametrize(
    "file", ["convnet/Convnet_maxpool.onnx", "convnet/Convnet_avgpool.onnx", "cifar/resnet_2b.onnx"]
)
def test_lines_through_convolutional_networks(file: str) -> None:
    if not (DATA / file).is_file():
        pytest.skip("the optional real networks are not at hand")
    net = plica.load(DATA / file)
    p, q = np.random.default_rng(0).random((2, net.n_inputs))
    segment = plica.Segment(p, p + 0.2 * (q - p))
    atlas = plica.map_regions(net, segment)
    assert atlas.count.exact
    assert atlas.count.arbitrated <= 2 * len(atlas)
    assert atlas.sizes.sum() == pytest.approx(segment.length)
    ends = atlas.vertices[:, 0]
    assert (np.diff(ends) >= 0).all()
    # pieces long enough for float64 to evaluate their middle: same pattern, same values
    wide = atlas.sizes > 1e-9
    x = segment.embed(atlas.witnesses[wide])
    J, c = atlas.affine()
    values = np.einsum("nmd,nd->nm", J, atlas.witnesses)[wide] + c[wide]
    assert np.allclose(net(x), values, rtol=1e-9, atol=1e-9)
    assert (net.pattern(x) == atlas.patterns[wide]).mean() > 0.999


def shared_reads() -> plica.Network:
    """Three units on each pre-activation, all feeding the next map with the same sign."""
    rng = np.random.default_rng(5)
    n, width = 8, 24
    reads = np.repeat(np.arange(n), 3)
    units = plica.Units(
        n, np.arange(width + 1), reads, np.zeros(width), (plica.Units.relu(1).functions[0],)
    )
    widths = [2, width, width, width]
    stages = [plica.Stage(rng.random((n, w)), rng.normal(size=n), units) for w in widths]
    return plica.Network([*stages, plica.Stage(rng.random((1, width)), [0.1])])


@pytest.mark.parametrize(
    "net", [suite(16, 2), suite(12, 8), shared_reads()], ids=["2", "8", "shared"]
)
def test_the_error_bound_holds_for_the_maps(net: plica.Network) -> None:
    walk = Walk(net, SQUARE, patterns=True, polygons=True, sides=True, maps=True)
    columns = walk.collect()
    patterns = unpack(net, walk.bits, walk.words, columns["patterns"])
    exact = RationalChain(net)
    for pattern, rows in list(zip(patterns, columns["maps"], strict=True))[::25]:
        J, c = exact.affine_on(pattern.tolist())
        true = np.concatenate((J.T, c[None]))
        off = sum(
            abs(Fraction(a) - b) for a, b in zip(rows[:, 0].tolist(), true[:, 0], strict=True)
        )
        assert float(off) <= walk.counters["map_error"]

"""The gradient along a segment, against grids and against noise of known law."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import plica
from plica.gradients import (
    GradientAlong,
    autocorrelation,
    brown_and_white,
    gradient_along,
    pairs_by_creases,
)


def random_net(widths: list[int], seed: int = 0) -> plica.Network:
    rng = np.random.default_rng(seed)
    return plica.Network.mlp(
        [
            (rng.normal(0, np.sqrt(2 / a), (b, a)), rng.normal(0, 0.5, b))
            for a, b in pairwise(widths)
        ]
    )


def on_a_grid(net: plica.Network, found: GradientAlong, n: int) -> tuple[np.ndarray, np.ndarray]:
    t = (np.arange(n) + 0.5) / n
    segment = plica.Segment([-2.0] * net.n_inputs, np.linspace(2, 3, net.n_inputs))
    return t, net.affine(segment.embed(t[:, None]))[0][:, 0]


@pytest.mark.parametrize("n_inputs", [1, 3])
def test_it_is_what_a_fine_grid_sees(n_inputs: int) -> None:
    net = random_net([n_inputs, 12, 12, 1])
    segment = plica.Segment([-2.0] * n_inputs, np.linspace(2, 3, n_inputs))
    found = gradient_along(net, segment)
    n = 40_000
    t, g = on_a_grid(net, found, n)
    near = np.abs(t[:, None] - found.knots).min(axis=1) < 1e-12
    assert found(t)[~near] == pytest.approx(g[~near], abs=1e-12)
    assert found.mean == pytest.approx(g.mean(axis=0), abs=2e-3)
    assert found.variance == pytest.approx(g.var(axis=0).sum(), rel=5e-3)
    lags = np.array([0, 40, 900, 8000, 39_000])
    d = g - g.mean(axis=0)
    expected = [(d[: n - k] * d[k:]).sum() / n for k in lags]
    assert found.autocovariance(lags / n) == pytest.approx(expected, abs=0.01 * found.variance)
    assert found.autocovariance([0.0])[0] == pytest.approx(found.variance)
    assert found.autocorrelation([0.0, 1.0]) == pytest.approx([1.0, 0.0])
    assert found.lengths.sum() == pytest.approx(1)


def test_jumps_are_those_of_the_regions() -> None:
    net = random_net([1, 15, 15, 1], 3)
    found = gradient_along(net, plica.Segment([-3.0], [3.0]), merge=True)
    atlas = plica.map_regions(net, plica.Segment([-3.0], [3.0]))
    assert found.breaks == len(atlas) - 1
    assert found.n_jumps == len(atlas.linear_regions()) - 1
    assert (found.jumps > 0).all()
    assert found.jumps.sum() == pytest.approx(np.abs(np.diff(found.values[:, 0])).sum())


def test_units_that_nothing_reads_make_no_jump() -> None:
    net = plica.Network.mlp([([[1.0], [1.0], [1.0]], [0, -1, -2]), ([[1.0, 0.0, 2.0]], [0])])
    every = gradient_along(net, plica.Segment([-1.0], [4.0]))
    assert every.jumps.tolist() == [1.0, 0.0, 2.0]
    found = gradient_along(net, plica.Segment([-1.0], [4.0]), merge=True)
    assert found.breaks == 3
    assert found.n_jumps == 2
    assert found.jumps.tolist() == [1.0, 2.0]
    along = gradient_along(net, plica.Segment([4.0], [-1.0]), along=True, merge=True)
    assert along.values[:, 0].tolist() == [-3.0, -1.0, 0.0]


def test_outputs_and_their_weights() -> None:
    net = random_net([2, 8, 3], 5)
    segment = plica.Segment([-1.0, -2.0], [1.0, 3.0])
    parts = [gradient_along(net, segment, k) for k in range(3)]
    mixed = gradient_along(net, segment, [1.0, -2.0, 0.5])
    t = np.linspace(0.01, 0.99, 50)
    expected = parts[0](t) - 2 * parts[1](t) + 0.5 * parts[2](t)
    assert mixed(t) == pytest.approx(expected)
    direction = np.array([2.0, 5.0]) / np.hypot(2, 5)
    assert gradient_along(net, segment, 1, along=True)(t)[:, 0] == pytest.approx(
        parts[1](t) @ direction
    )


def test_brown_and_white_noise_have_their_roughness() -> None:
    brown, white = brown_and_white(400, networks=300, seed=1)
    squared = np.sum([(b.jumps**2).sum() for b in brown])
    assert squared / np.sum([b.variance for b in brown]) == pytest.approx(6, rel=0.1)
    assert np.mean([w.roughness for w in white]) == pytest.approx(800, rel=0.02)
    assert abs(np.mean([b.whiteness for b in brown])) < 0.1
    assert np.mean([w.whiteness for w in white]) == pytest.approx(1, abs=0.01)
    lags = np.arange(5) / 400
    x = np.array([w.values[:, 0] for w in white])
    assert white[0].autocorrelation(lags) == pytest.approx(autocorrelation(x[0], 4), abs=1e-10)
    assert white[0].half_lag() == pytest.approx(0.5 / 400, rel=0.2)
    assert 0.05 < np.mean([b.half_lag() for b in brown[:40]]) < 0.2


def test_autocorrelation_between_knots_is_affine() -> None:
    found = GradientAlong(np.array([0.0, 0.3, 1.0]), np.array([[1.0], [-1.0]]), 1)
    assert found.mean == pytest.approx([-0.4])
    a, b, middle = found.autocovariance([0.1, 0.2, 0.15])
    assert middle == pytest.approx((a + b) / 2)
    half = found.half_lag()
    assert found.autocorrelation([half])[0] == pytest.approx(0.5, abs=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_half_lag_is_the_first_of_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    K, n = int(rng.integers(2, 40)), int(rng.integers(1, 3))
    knots = np.concatenate(([0.0], np.sort(rng.uniform(size=K - 1)), [1.0]))
    if seed % 3 == 0:
        knots = np.round(knots, 1)  # pieces of length 0, many pairs at one lag
    values = rng.normal(size=(K, n)).cumsum(axis=0) + rng.normal(size=(K, n))
    found = GradientAlong(knots, values, K - 1)
    lags = np.abs(knots[:, None] - knots).ravel()  # it is affine in between
    lags = np.unique(np.concatenate((lags, [1.0])))
    r = found.autocorrelation(lags)
    k = int(np.flatnonzero(r <= 0.5)[0])
    share = (r[k - 1] - 0.5) / (r[k - 1] - r[k])
    expected = lags[k - 1] + share * (lags[k] - lags[k - 1])
    assert found.half_lag() == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr("plica.gradients.along.PAIRS", 10)
    assert found.half_lag() == pytest.approx(expected, abs=1e-12)


def test_half_lag_misses_no_dip() -> None:
    # teeth on a slow wave: the autocorrelation dips below 1/2 for a moment, and comes up again
    values = np.full(400, 1.0)
    values[200:] = -1.0
    values[::8] *= -2.0
    found = GradientAlong(np.linspace(0, 1, 401), values[:, None], 399)
    half = found.half_lag()
    assert found.autocorrelation([half])[0] == pytest.approx(0.5, abs=1e-12)
    assert (found.autocorrelation(np.linspace(0, half - 1e-9, 500)) > 0.5).all()


def test_constant_gradients() -> None:
    net = plica.Network.mlp([([[2.0], [-2.0]], [0, 0]), ([[1.0, -1.0]], [0])])  # 2 x
    found = gradient_along(net, plica.Segment([-1.0], [1.0]), merge=True)
    assert found.breaks == 1
    assert found.n_jumps == 0
    assert found.variance == 0
    assert np.isnan(found.roughness)
    assert np.isnan(found.half_lag())
    equal = GradientAlong(np.array([0, 0.3, 0.7, 1]), np.full((3, 1), 0.1), 2)
    assert equal.variance == 0
    assert np.isnan(equal.half_lag())
    assert np.isnan(found.autocorrelation([0.1])).all()


def noise_of(depth: int, norm: bool, seed: int, N: int = 60) -> GradientAlong:
    """The gradient of a random network on [-2, 2], hinges uniform, normalised on 256 points."""
    rng = np.random.default_rng(seed)
    h = np.linspace(-2, 2, 256)[:, None]
    layers = []
    for k in range(depth):
        W = rng.normal(0, np.sqrt(2 / N), (N, h.shape[1])) if k else rng.choice([-1.0, 1.0], (N, 1))
        b = np.zeros(N) if k else rng.uniform(-2, 2, N)
        z = h @ W.T + b
        if norm and k:
            W, b = W / z.std(axis=0)[:, None], (b - z.mean(axis=0)) / z.std(axis=0)
            z = h @ W.T + b
        layers.append((W, b))
        h = np.maximum(z, 0)
    layers.append((rng.normal(0, np.sqrt(2 / N), (1, N)), np.zeros(1)))
    return gradient_along(plica.Network.mlp(layers), plica.Segment([-2.0], [2.0]))


def test_batch_normalised_networks_turn_white_with_depth_and_plain_ones_hardly() -> None:
    def mean(depth: int, norm: bool) -> np.ndarray:
        runs = [noise_of(depth, norm, seed) for seed in range(4)]
        return np.mean([(r.whiteness, r.half_lag(), r.n_jumps) for r in runs], axis=0)

    shallow, plain, normalised = mean(1, False), mean(8, False), mean(8, True)
    assert abs(shallow[0]) < 0.3
    assert plain[1] > 0.3 * shallow[1]
    assert normalised[1] < 0.25 * plain[1]
    assert normalised[0] > plain[0] + 0.1
    assert shallow[2] < plain[2] < normalised[2]


def test_pairs_by_creases() -> None:
    net = random_net([2, 10, 10, 2], 2)
    x = np.random.default_rng(0).normal(size=(12, 2))
    found = pairs_by_creases(net, x, 1, pairs=[[0, 1], [3, 2], [5, 9]])
    g = net.affine(x)[0][:, 1]
    for k, (i, j) in enumerate(found.pairs):
        t = np.linspace(0, 1, 20_001)[:, None]
        seen = net.pattern((1 - t) * x[i] + t * x[j])
        assert found.creases[k] == np.any(seen[1:] != seen[:-1], axis=1).sum()
        assert found.changed[k] == (net.pattern(x[[i]]) != net.pattern(x[[j]])).sum()
        cosine = g[i] @ g[j] / np.linalg.norm(g[i]) / np.linalg.norm(g[j])
        assert found.cosine[k] == pytest.approx(cosine)
        assert found.distance[k] == pytest.approx(np.linalg.norm(x[i] - x[j]))
    many = pairs_by_creases(net, x, pairs=40, seed=1)
    assert (many.pairs[:, 0] != many.pairs[:, 1]).all()
    assert (many.creases >= many.changed - 0).mean() > 0.5
    creases, product, stderr = many.binned(4)
    assert len(creases) == len(product) == len(stderr) == 4
    assert (np.diff(creases) >= 0).all()


def test_they_say_what_is_wrong() -> None:
    net = random_net([2, 4, 2])
    segment = plica.Segment([0.0, 0.0], [1.0, 1.0])
    with pytest.raises(plica.PlicaError, match=r"plica\.Segment"):
        gradient_along(net, plica.Box.cube(2))
    with pytest.raises(plica.PlicaError, match="for 2 outputs"):
        gradient_along(net, segment, [1.0])
    with pytest.raises(plica.PlicaError, match="between 0 and 1"):
        gradient_along(net, segment).autocovariance([1.5])
    with pytest.raises(plica.PlicaError, match="along=True"):
        gradient_along(net, segment, merge=True)
    with pytest.raises(plica.DomainError):
        gradient_along(net, plica.Segment([0.0], [1.0]))
    with pytest.raises(plica.PlicaError, match="shape"):
        pairs_by_creases(net, np.ones((3, 1)))

"""The laws against their closed forms, limits, and simulated networks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

import plica
from plica.gradients import Correlation, gradient_correlation, law
from plica.gradients.laws import k0, k1


def simulate(
    architecture: str,
    depth: int,
    *,
    norm: bool = False,
    beta: float = 1.0,
    through: bool = False,
    M: int = 24,
    N: int = 256,
    networks: int = 8,
    rectifiers: int = 1,
) -> tuple[Correlation, float]:
    """Correlation over networks of the gradients at layer 0, and the gain of their variance.

    Written out in numpy, with nothing of the library but the statistic.
    """
    rng = np.random.default_rng(7)
    carry = np.sqrt(1 - 1 / depth)
    skip, scale = {"plain": (0, 1), "residual": (1, beta), "highway": (carry, depth**-0.5)}[
        architecture
    ]
    gradients, gains = [], []
    for _ in range(networks):
        h = rng.normal(size=(M, N))
        tape = []
        for _ in range(depth):
            branch, steps = h, []
            for _ in range(rectifiers):
                z, sigma = branch, np.ones(N)
                if norm:
                    sigma = z.std(axis=0)
                    z = (z - z.mean(axis=0)) / sigma
                W = rng.normal(size=(N, N)) * np.sqrt(2 / N)
                steps.append((z, sigma, W))
                branch = np.maximum(z, 0) @ W
            tape.append(steps)
            h = skip * h + scale * branch
        out = rng.normal(size=N)
        g = np.tile(out, (M, 1))
        for steps in reversed(tape):
            back = scale * g
            for z, sigma, W in reversed(steps):
                back = (back @ W.T) * (z > 0)
                if through:
                    back = back - back.mean(axis=0) - z * (back * z).mean(axis=0)
                back = back / sigma
            g = skip * g + back
        gradients.append(g)
        gains.append((g * g).sum(axis=1).mean() / (out @ out))
    return gradient_correlation(np.array(gradients)), float(np.mean(gains))


def test_arc_cosine_functions_against_sampling() -> None:
    rng = np.random.default_rng(0)
    for c in (-0.5, 0.0, 0.7):
        u = rng.normal(size=400_000)
        v = c * u + np.sqrt(1 - c * c) * rng.normal(size=u.size)
        assert k0(c) == pytest.approx(2 * np.mean((u > 0) & (v > 0)), abs=0.005)
        assert k1(c) == pytest.approx(2 * np.mean(np.maximum(u, 0) * np.maximum(v, 0)), abs=0.01)


def test_closed_forms() -> None:
    L = 12
    assert law("plain", L, "paper").correlation == 2.0**-L
    assert law("plain", L, "paper").correlations == pytest.approx(2.0 ** np.arange(-L, 1))
    assert law("residual", L, "paper").correlation == pytest.approx(0.75**L)
    assert law("residual", L, "paper").variance == 2.0**L
    assert law("highway", L, "paper").correlation == pytest.approx((1 - 1 / (2 * L)) ** L)
    for beta in (1.0, 0.3):
        z = 1 / beta**2
        found = law("residual", L, "paper_batchnorm", beta=beta)
        gamma = gammaln(L + 0.5 + z) + gammaln(1 + z) - gammaln(0.5 + z) - gammaln(L + 1 + z)
        assert found.correlation == pytest.approx(np.exp(gamma))
        assert found.variance == pytest.approx(beta**2 * L + 1)
    assert law("plain", L, "batchnorm").correlation == pytest.approx(2.0**-L)
    assert law("plain", L, "batchnorm").variance == pytest.approx((np.pi / (np.pi - 1)) ** (L - 1))
    assert law("linear", L).correlation == 1
    assert law("plain", 0).correlation == 1


def test_limits() -> None:
    def slope(kind: str, architecture: str, L: int) -> float:
        a, b = law(architecture, L, kind).correlation, law(architecture, 2 * L, kind).correlation
        return float(np.log2(b / a))

    assert slope("wide", "plain", 4000) == pytest.approx(-3, abs=0.02)
    assert slope("batchnorm", "residual", 4000) == pytest.approx(-1 / (2 - 2 / np.pi), abs=0.002)
    assert slope("paper_batchnorm", "residual", 4000) == pytest.approx(-0.5, abs=0.002)
    assert law("highway", 5000, "paper").correlation == pytest.approx(np.exp(-0.5), abs=1e-4)


def test_many_cosines_at_once() -> None:
    cosines = np.array([[0.0, 0.5], [-0.2, 1.0]])
    found = law("residual", 5, "wide", cosine=cosines, beta=0.5)
    assert found.correlation.shape == (2, 2)
    for index, c in np.ndenumerate(cosines):
        one = law("residual", 5, "wide", cosine=c, beta=0.5)
        assert found.correlation[index] == pytest.approx(one.correlation)
    assert found.correlation[1, 1] == 1
    assert law("plain", 3, "wide").coactivation[0] == pytest.approx(0.25)


@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize(
    ("architecture", "norm", "options"),
    [
        ("plain", False, {}),
        ("plain", True, {}),
        ("residual", False, {}),
        ("residual", True, {}),
        ("residual", True, {"beta": 0.3}),
        ("residual", True, {"rectifiers": 2}),
        ("residual", False, {"beta": 0.5, "rectifiers": 2}),
        ("highway", False, {}),
        ("highway", True, {}),
    ],
)
def test_wide_laws_are_met(architecture: str, norm: bool, options: dict, depth: int) -> None:
    M, N = 24, 256
    found, gain = simulate(architecture, depth, norm=norm, M=M, N=N, **options)
    expected = law(architecture, depth, "batchnorm" if norm else "wide", batch=M, **options)
    # finite width adds a relative excess of order depth / N
    layers = depth * options.get("rectifiers", 1)
    width = expected.correlation * 4 * layers / N
    assert abs(found.value - expected.correlation) < 3.5 * found.stderr + width + 2e-3
    assert gain == pytest.approx(expected.variance, rel=0.1 + 0.03 * layers)


def test_plain_networks_do_not_follow_the_papers_law() -> None:
    found, _ = simulate("plain", 10)
    assert found.value > 10 * law("plain", 10, "paper").correlation
    assert found.value > 3 * found.stderr
    assert abs(found.value - law("plain", 10).correlation) < 4 * found.stderr + 0.01


def test_corrected_law_of_residual_networks_is_nearer_than_the_papers() -> None:
    found, _ = simulate("residual", 25, norm=True, M=64, networks=6)
    corrected = law("residual", 25, "batchnorm", batch=64).correlation
    paper = law("residual", 25, "paper_batchnorm").correlation
    assert abs(found.value - corrected) < 3.5 * found.stderr + 0.015
    assert abs(found.value - paper) > 5 * found.stderr


def test_gradients_through_batch_statistics_say_nothing() -> None:
    for depth in (1, 4):
        found, _ = simulate("plain", depth, norm=True, through=True, networks=3)
        assert found.value == pytest.approx(-1 / 23, abs=1e-12)


def test_it_says_what_is_wrong() -> None:
    for wrong in (
        {"architecture": "mystery"},
        {"kind": "batch"},
        {"depth": -1},
        {"depth": 1.5},
        {"cosine": 1.1},
        {"carry": 2.0},
        {"rectifiers": 0},
        {"batch": 3},
    ):
        with pytest.raises(plica.PlicaError, match=next(iter(wrong))):
            law(**{"architecture": "plain", "depth": 3, **wrong})

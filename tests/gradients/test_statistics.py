"""Statistics of gradients against slow definitions and known noise."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.gradients import (
    autocorrelation,
    coactivation,
    effective_rank,
    gaussian_rank,
    gradient_correlation,
    gradient_covariance,
)


def pairs(g: np.ndarray) -> np.ndarray:
    gram = g @ g.T
    return gram[~np.eye(len(g), dtype=bool)]


def test_correlation_is_the_ratio_of_means_over_pairs() -> None:
    g = np.random.default_rng(0).normal(size=(7, 5)) + 0.4
    expected = pairs(g).mean() / (g * g).sum(axis=1).mean()
    assert gradient_correlation(g).value == pytest.approx(expected, abs=1e-14)
    several = np.random.default_rng(1).normal(size=(4, 7, 5)) + 0.4
    expected = np.mean([pairs(g).mean() for g in several]) / (several**2).sum(axis=2).mean()
    assert gradient_correlation(several).value == pytest.approx(expected, abs=1e-14)


def test_standard_errors_are_jackknives() -> None:
    g = np.random.default_rng(0).normal(size=(9, 5)) + 0.4
    left = [gradient_correlation(np.delete(g, i, axis=0)).value for i in range(9)]
    expected = np.sqrt(8 / 9 * ((left - np.mean(left)) ** 2).sum())
    assert gradient_correlation(g).stderr == pytest.approx(expected, rel=1e-10)
    several = np.random.default_rng(1).normal(size=(6, 7, 5)) + 0.4
    left = [gradient_correlation(np.delete(several, i, axis=0)).value for i in range(6)]
    expected = np.sqrt(5 / 6 * ((left - np.mean(left)) ** 2).sum())
    assert gradient_correlation(several).stderr == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_standard_error_covers_what_it_should(shared: float) -> None:
    rng = np.random.default_rng(3)
    mean = shared * rng.normal(size=20) / np.sqrt(20)
    found = [gradient_correlation(rng.normal(size=(30, 20)) + mean) for _ in range(400)]
    spread = np.std([r.value for r in found])
    error = np.sqrt(np.mean([r.stderr**2 for r in found]))
    assert 0.85 * spread < error < 1.6 * spread  # errs upwards where there is no correlation


def test_gradients_that_sum_to_zero_have_the_correlation_of_a_trap() -> None:
    g = np.random.default_rng(0).normal(size=(32, 6))
    assert gradient_correlation(g - g.mean(axis=0)).value == pytest.approx(-1 / 31, abs=1e-15)


def test_covariance() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2000, 3, 4)) @ np.diag([1.0, 2.0, 3.0, 1.0])
    C = gradient_covariance(noise)
    assert pytest.approx(np.einsum("nid,njd->ij", noise, noise) / 2000) == C
    assert np.diag(gradient_covariance(noise, normalise=True)) == pytest.approx(np.ones(3))
    brown = np.cumsum(rng.normal(size=(4000, 3)), axis=1)
    assert gradient_covariance(brown) == pytest.approx(
        np.minimum.outer([1, 2, 3], [1, 2, 3]), abs=0.2
    )


def test_autocorrelation_of_noise() -> None:
    rng = np.random.default_rng(0)
    white = rng.normal(size=(40, 256))
    assert abs(autocorrelation(white, 20)[1:]).max() < 0.03
    brown = autocorrelation(np.cumsum(white, axis=1), 20)
    assert brown[0] == 1
    assert brown[1] > 0.97
    assert 0.4 < brown[20] < 0.8
    x = np.array([1.0, 2.0, 4.0])
    d = x - x.mean()
    expected = [1, (d[0] * d[1] + d[1] * d[2]) / (d @ d), d[0] * d[2] / (d @ d)]
    assert autocorrelation(x) == pytest.approx(expected)
    assert np.isnan(autocorrelation(np.ones(4))).all()


@pytest.mark.parametrize("shape", [(128, 256), (32, 200), (64, 16), (16, 1500)])
def test_gaussian_noise_has_relative_rank_one(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    found = [effective_rank(rng.normal(size=shape)) for _ in range(20)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.03)


def test_effective_rank() -> None:
    assert effective_rank(np.outer([1, 2, 3], [1, 1]), relative=False) == pytest.approx(1)
    assert effective_rank(np.eye(5), relative=False) == pytest.approx(5)
    assert effective_rank(np.eye(5)) == pytest.approx(5 / gaussian_rank(5, 5))
    uneven = np.diag([100.0, 1.0, 1.0])
    assert effective_rank(uneven, relative=False) < 1.01
    assert effective_rank(uneven, relative=False, normalise_rows=True) == pytest.approx(3)
    assert np.isnan(effective_rank(np.zeros((3, 3))))


def test_coactivation_counts_pairs() -> None:
    active = np.random.default_rng(0).random((6, 11)) < 0.4
    both = [(active[i] & active[j]).mean() for i in range(6) for j in range(6) if i != j]
    found = coactivation(active)
    assert found.active == pytest.approx(active.mean())
    assert found.coactive == pytest.approx(np.mean(both))


def test_they_say_what_is_wrong() -> None:
    with pytest.raises(plica.PlicaError, match="2 or 3 axes"):
        gradient_correlation(np.ones(3))
    with pytest.raises(plica.PlicaError, match="at least 2 samples"):
        gradient_correlation(np.ones((1, 3)))
    with pytest.raises(plica.PlicaError, match="float64"):
        gradient_correlation([[1.0, np.inf], [1.0, 1.0]])
    with pytest.raises(plica.PlicaError, match="between 0 and 3"):
        autocorrelation(np.ones(4), 4)
    with pytest.raises(plica.PlicaError, match="at least 2 samples"):
        coactivation(np.ones((1, 4)))

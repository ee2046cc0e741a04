from fractions import Fraction

import pytest

import plica
from plica import bounds


def test_parameters():
    net = plica.Network.mlp(
        [([[1.0] * 2] * 3, [0] * 3), ([[1.0] * 3] * 4, [0] * 4), ([[1.0] * 4] * 2, [0] * 2)]
    )
    size = sum(stage.A.size + stage.a.size for stage in net.stages)
    assert bounds.n_parameters((2, 3, 4), outputs=2) == size == 35


def test_regions_per_parameter():
    lower, upper = bounds.regions_per_parameter((2, 8, 8))
    assert lower == Fraction(bounds.best_fold((2, 8, 8)), 105)
    assert upper == Fraction(bounds.refined_plane((2, 8, 8)), 105)


def test_rates():
    for n0, n, depth in [(2, 8, 3), (3, 12, 2), (1, 4, 5)]:
        deep, shallow = bounds.montufar_2014_rates(n0, n, depth)
        assert deep * depth * n**2 == Fraction(n, n0) ** ((depth - 1) * n0) * n**n0
        assert shallow == (depth * n) ** (n0 - 1)
    # the ratio of the exact bound to its rate stays between constants as the network grows
    ratios = []
    for n in (20, 40, 80, 160):
        deep, _ = bounds.montufar_2014_rates(2, n, 4)
        ratios.append(Fraction(bounds.montufar_2014((2, *[n] * 4)), 4 * n * n) / deep)
    assert max(ratios) < 2 * min(ratios)


@pytest.mark.parametrize("spent", [{"units": 24}, {"parameters": 200}])
def test_against_depth(spent):
    found = bounds.against_depth(2, range(1, 6), **spent)
    assert found.depths == (1, 2, 3, 4, 5)
    for widths, lower, upper in zip(found.widths, found.lower, found.upper, strict=True):
        assert lower == bounds.best_fold(widths) <= upper == bounds.refined_plane(widths)
        if "units" in spent:
            assert sum(widths[1:]) == 24
            assert max(widths[1:]) - min(widths[1:]) <= 1
        else:
            wider = (2, *(n + 1 for n in widths[1:]))
            assert bounds.n_parameters(widths) <= 200 < bounds.n_parameters(wider)
    assert found.lower[0] == found.upper[0]


def test_what_is_refused():
    with pytest.raises(plica.NetworkError, match="either"):
        bounds.against_depth(2, [1], units=3, parameters=4)
    with pytest.raises(plica.NetworkError, match="too few"):
        bounds.against_depth(2, [5], units=4)
    with pytest.raises(plica.NetworkError, match="too few"):
        bounds.against_depth(2, [5], parameters=4)
    with pytest.raises(plica.NetworkError, match="depths"):
        bounds.against_depth(2, 5, units=8)
    with pytest.raises(plica.NetworkError, match="got none"):
        bounds.against_depth(2, [], units=8)
    with pytest.raises(plica.UnsupportedError, match="at least n0 = 9"):
        bounds.montufar_2014_rates(9, 8, 3)


def test_more_inputs_than_can_be_listed():
    # beyond the units of the first layer they change nothing
    few, many = (bounds.table((n0, 4, 5, 3)) for n0 in (4, 10**30))
    assert (few.lower(), few.upper()) == (many.lower(), many.upper())

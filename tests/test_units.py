"""Scalar piecewise-linear functions and the units of a stage."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from plica import NetworkError, PiecewiseLinear, Units

FUNCTIONS = {
    "relu": (PiecewiseLinear.relu(), lambda z: np.maximum(z, 0)),
    "leaky": (PiecewiseLinear.leaky_relu(0.25), lambda z: np.where(z > 0, z, z / 4)),
    "abs": (PiecewiseLinear.absolute(), np.abs),
    "clip": (PiecewiseLinear.clip(-1, 2), lambda z: np.clip(z, -1, 2)),
    "clip below": (PiecewiseLinear.clip(-1, np.inf), lambda z: np.maximum(z, -1)),
    "clip above": (PiecewiseLinear.clip(-np.inf, 2), lambda z: np.minimum(z, 2)),
    "no clip": (PiecewiseLinear.clip(-np.inf, np.inf), lambda z: z),
    "constant": (PiecewiseLinear.clip(3, 3), lambda z: np.full_like(z, 3)),
    "linear": (PiecewiseLinear.linear(2, 1), lambda z: 2 * z + 1),
    "hard sigmoid": (PiecewiseLinear.hard_sigmoid(0.25), lambda z: np.clip(z / 4 + 0.5, 0, 1)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str) -> None:
    function, expected = FUNCTIONS[name]
    z = np.linspace(-5, 5, 81)
    np.testing.assert_array_equal(function(z), expected(z))


def test_a_breakpoint_belongs_to_the_piece_on_its_left() -> None:
    hardtanh = PiecewiseLinear.clip(-1, 1)
    z = [-2, -1, np.nextafter(-1, 0), 0, 1, np.nextafter(1, 2)]
    assert hardtanh.piece(z).tolist() == [0, 0, 1, 1, 1, 2]
    assert PiecewiseLinear.relu().piece([-0.0, 0.0, 5e-324]).tolist() == [0, 0, 1]


def test_breakpoints_without_a_bend_are_dropped() -> None:
    function = PiecewiseLinear([-1, 0, 1], [0, 0, 1, 1], 0.0)
    assert function == PiecewiseLinear.relu()
    assert hash(function) == hash(PiecewiseLinear.relu())
    assert function.n_pieces == 2
    assert PiecewiseLinear([0.0], [-0.0, 1]) == PiecewiseLinear([-0.0], [0, 1])
    assert PiecewiseLinear.leaky_relu(1.0).n_pieces == 1


def test_intercepts_are_exact() -> None:
    t, s = [0.1, 0.7], [0.3, 0.9, -0.2]
    function = PiecewiseLinear(t, s, 0.6)
    for i, at in enumerate(map(Fraction, t)):
        left = Fraction(s[i]) * at + function.exact_intercepts[i]
        assert left == Fraction(s[i + 1]) * at + function.exact_intercepts[i + 1]
    assert function.intercepts.tolist() == [float(c) for c in function.exact_intercepts]
    # a kink far out: the intercept itself needs more digits than a float has
    far = PiecewiseLinear([2.0**60], [1.0, 1.0 + 2.0**-52], 1.0)
    assert far.exact_intercepts[1] == 1 - Fraction(2) ** 8
    far = PiecewiseLinear([2.0**70 + 2.0**20], [0.0, 1.0], 1.0)
    assert far.exact_intercepts[1] == 1 - 2**70 - 2**20


def test_from_pieces() -> None:
    tent = PiecewiseLinear.from_pieces([0.5], [2, -2], [0, 2])
    assert tent([0, 0.5, 1]).tolist() == [0, 1, 0]
    with pytest.raises(NetworkError, match=r"jumps at 0\.5: 1\.0 on its left, 0\.0"):
        PiecewiseLinear.from_pieces([0.5], [2, -2], [0, 1])
    with pytest.raises(NetworkError, match="2 slopes but 1 intercepts"):
        PiecewiseLinear.from_pieces([0.5], [2, -2], [0])


def test_a_jump_of_one_rounding_error_is_a_jump() -> None:
    t = 0.1  # 3 t in float64 is not 3 t
    with pytest.raises(NetworkError, match="jumps"):
        PiecewiseLinear.from_pieces([t], [0, 3], [0, -(3 * t)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [1, 2, 3]), "1 breakpoints needs 2 slopes, got 3"),
        (([0, 1], [1]), "needs 3 slopes"),
        (([[0, 1]], [0, 1, 0]), "breakpoints needs"),
        (([0, 0], [0, 1, 2]), "increase strictly"),
        (([1, 0], [0, 1, 2]), "increase strictly"),
        (([np.nan], [0, 1]), "NaN or infinite"),
        (([np.inf], [0, 1]), "NaN or infinite"),
        (([0], [0, np.inf]), "NaN or infinite"),
        (([0], [0, 1], np.nan), "NaN or infinite"),
    ],
)
def test_bad_functions(arguments: tuple, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        PiecewiseLinear(*arguments)


@pytest.mark.parametrize("bounds", [(1, 0), (np.nan, 1), (0, np.nan)])
def test_bad_clip(bounds: tuple[float, float]) -> None:
    with pytest.raises(NetworkError, match="lower <= upper"):
        PiecewiseLinear.clip(*bounds)


@pytest.mark.parametrize("alpha", [0, -1, np.nan])
def test_bad_hard_sigmoid(alpha: float) -> None:
    with pytest.raises(NetworkError, match="alpha > 0"):
        PiecewiseLinear.hard_sigmoid(alpha)


def test_unknown_activation_names_the_known_ones() -> None:
    with pytest.raises(NetworkError, match="'gelu' is not known; use one of relu, leaky_relu"):
        Units.scalar("gelu", 3)


def test_functions_are_immutable() -> None:
    function = PiecewiseLinear.relu()
    with pytest.raises(ValueError, match="read-only"):
        function.slopes[0] = 1
    with pytest.raises(AttributeError):
        function.intercept = 1.0  # type: ignore[misc]


def test_max_units_take_the_lowest_index_at_ties() -> None:
    units = Units.max([[2, 0], [0, 1, 2]], 3)
    z = np.array([[1.0, 1, 1], [0, 0, 1], [2, 3, 3], [3, 1, 0]])
    assert units.piece(z).tolist() == [[0, 0], [0, 2], [0, 1], [1, 0]]
    assert units(z).tolist() == [[1, 1], [1, 1], [3, 3], [3, 3]]
    assert units.n_pieces.tolist() == [2, 3]


def test_a_max_of_one_is_the_identity() -> None:
    units = Units.max([[1], [0, 1]], 2)
    assert units.n_pieces.tolist() == [1, 2]
    assert units.nonlinear.tolist() == [1]
    assert units.function.tolist() == [-1, -2]


def test_concat_renumbers_reads_and_shares_functions() -> None:
    units = Units.concat(
        [
            Units.relu(2),
            Units.identity(1),
            Units.max([[1, 0]], 2),
            Units.scalar("abs", 1),
            Units.relu(1),
        ]
    )
    assert units.functions == (PiecewiseLinear.relu(), PiecewiseLinear.absolute())
    assert units.n_pre == 7
    assert units.nonlinear.tolist() == [0, 1, 3, 4, 5]
    z = np.array([[-1.0, 2, -3, 4, 5, -6, 7]])
    assert units(z).tolist() == [[0, 2, -3, 5, 6, 7]]
    assert units.piece(z).tolist() == [[0, 1, 0, 0, 0, 1]]
    assert Units.concat([]).n_out == 0


def test_linearise_reproduces_the_values() -> None:
    units = Units.concat(
        [
            Units.scalar(PiecewiseLinear([-1, 0.5], [0, 2, -1], 1.0), 2),
            Units.max([[0, 1, 2], [2, 1]], 3),
            Units.identity(1),
        ]
    )
    z = np.random.default_rng(0).normal(size=(50, 6))
    source, slope, intercept = units.linearise(units.piece(z))
    np.testing.assert_allclose(slope * np.take_along_axis(z, source, 1) + intercept, units(z))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((2, [0, 1], [0, 1], [0, 0]), "one entry more"),
        ((2, [1, 2], [0, 1], [0]), "one entry more"),
        ((2, [0, 1, 1], [0], [0, 0]), "at least one coordinate"),
        ((2, [0, 1, 3], [0, 1], [0, -2]), "at least one coordinate"),
        ((2, [0, 1, 2], [0, 2], [0, 0]), r"outside 0\.\.1"),
        ((2, [0, 1, 2], [0, -1], [0, 0]), r"outside 0\.\.1"),
        ((2, [0, 1, 2], [0, 1], [0, 1]), "not in the list"),
        ((2, [0, 1, 2], [0, 1], [0, -3]), "not in the list"),
        ((2, [0, 2], [0, 1], [0]), "only a max unit"),
        ((2, [0, 2], [0, 1], [-1]), "only a max unit"),
    ],
)
def test_bad_units(fields: tuple, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Units(*fields, (PiecewiseLinear.relu(),))


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(NetworkError, match="at least one coordinate"):
        Units.max([[0, 1], []], 2)


def test_the_arrays_given_stay_the_callers() -> None:
    start, reads, function = np.arange(3), np.arange(2), np.zeros(2, dtype=np.int64)
    Units(2, start, reads, function, (PiecewiseLinear.relu(),))
    assert all(array.flags.writeable for array in (start, reads, function))

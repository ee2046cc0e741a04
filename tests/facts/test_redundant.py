"""Units without which a network is the same function."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica import Network, Stage, Units
from tests.twins.networks import he, integer


def found(net: Network, domain: plica.Domain) -> list[int]:
    answer = plica.redundant_units(net, domain)
    assert answer.complete
    return answer.redundant.tolist()


def test_dead_and_unread_units() -> None:
    net = Network.mlp(
        [
            ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]], [0.0, 0.0, -2.5, 0.0]),
            ([[1.0, 1.0, 1.0, 0.0]], [0.0]),
        ]
    )
    assert found(net, plica.Box.cube(2)) == [2, 3]  # dead; read by nobody
    assert found(net, plica.Box([-2, -2], [2, 2])) == [3]


def test_a_unit_that_is_on_is_not_redundant() -> None:
    net = Network.mlp([([[1.0]], [5.0]), ([[1.0]], [0.0])])
    assert found(net, plica.Box([-1], [1])) == []


def test_effects_that_cancel() -> None:
    """relu(x) - relu(-x) - x = 0 keeps a unit off; so does the same without relu(x)."""
    first = Stage(
        np.array([[1.0], [-1.0], [1.0]]),
        np.zeros(3),
        Units.concat([Units.relu(2), Units.identity(1)]),
    )
    second = Stage(np.array([[1.0, -1.0, -1.0], [0.0, 0.0, 1.0]]), np.zeros(2), Units.relu(2))
    last = Stage(np.array([[1.0, 1.0]]), np.zeros(1))
    assert found(Network([first, second, last]), plica.Space(1)) == [0, 2]


def test_effects_that_are_cut_off() -> None:
    """A unit that only moves a later one where that is off."""
    net = Network.mlp([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, -1.0]], [0.0]), ([[1.0]], [0.0])])
    assert found(net, plica.Box([-1], [1])) == [1]


@pytest.mark.parametrize("seed", range(6))
def test_against_dense_sampling(seed: int) -> None:
    """Networks of small integers have large regions: a unit that matters does so on a grid."""
    layers = integer([2, 5, 4, 1], seed)
    net, box = Network.mlp(layers), plica.Box.cube(2)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 257)] * 2), axis=-1).reshape(-1, 2)
    matter = []
    for unit in range(9):
        changed = [(W.copy(), b) for W, b in layers]
        depth, column = (1, unit) if unit < 5 else (2, unit - 5)
        changed[depth][0][:, column] = 0
        if np.any(net(grid) != Network.mlp(changed)(grid)):
            matter.append(unit)
    assert found(net, box) == [unit for unit in range(9) if unit not in matter]


def test_budget() -> None:
    net = Network.mlp([([[1.0], [1.0]], [0.0, -3.0]), ([[1.0, 1.0]], [0.0])])
    answer = plica.redundant_units(net, plica.Box([-1], [1]), budget=1)
    assert not answer.complete
    assert 1 in answer.unknown.tolist()
    assert not answer.redundant.size


def test_bad_domain() -> None:
    with pytest.raises(plica.DomainError):
        plica.redundant_units(Network.mlp(he([3, 2, 1])), plica.Box.cube(2))

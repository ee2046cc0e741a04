from itertools import pairwise

import numpy as np
import pytest

import plica


def random_net(widths, seed=0):
    rng = np.random.default_rng(seed)
    pairs = [
        (rng.normal(0, np.sqrt(2 / a), (b, a)), rng.normal(0, 0.3, b)) for a, b in pairwise(widths)
    ]
    return plica.Network.mlp(pairs)


@pytest.fixture(scope="session")
def plane():
    """An atlas of a plane, one output that is positive somewhere and negative elsewhere."""
    net = random_net((2, 8, 8, 1), seed=2)
    atlas = plica.map_regions(net, plica.Box.cube(2))
    values = net(atlas.witnesses)
    assert values.min() < 0 < values.max()
    return atlas


@pytest.fixture(scope="session")
def classes():
    """An atlas of a plane, four outputs, several of which win somewhere."""
    net = random_net((2, 8, 8, 4), seed=1)
    atlas = plica.map_regions(net, plica.Box.cube(2))
    assert np.unique(net(atlas.witnesses).argmax(axis=1)).size > 1
    return atlas


@pytest.fixture(scope="session")
def line():
    """An atlas of a segment in three inputs, two outputs."""
    return plica.map_regions(
        random_net((3, 8, 8, 2), seed=2), plica.Segment([-2, 0, 1], [2, 1, -1])
    )

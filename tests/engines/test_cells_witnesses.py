"""The points that are listed with regions lie in them, exactly, in every form."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.engines.cells import Cells
from plica.exact.patterns import exact_patterns
from tests.twins.networks import STAIRCASE, he


def boxed(n: int, radius: float) -> plica.Box:
    """A box of that size, off the origin, with sides of different lengths."""
    rng = np.random.default_rng(n)
    middle = rng.normal(size=n)
    return plica.Box(
        middle - radius * rng.uniform(0.5, 1, n), middle + radius * rng.uniform(0.5, 1, n)
    )


@pytest.mark.parametrize("radius", [2.0**-10, 1.0, 8.0])
@pytest.mark.parametrize(
    ("form", "sizes", "units"),
    [
        ("vertices", [4, 11, 8, 1], "relu"),
        ("vertices", [3, 70, 5, 1], "relu"),
        ("vertices", [4, 6, 5, 1], STAIRCASE),
        ("dictionary", [7, 9, 6, 1], "relu"),
        ("dictionary", [10, 13, 1], "relu"),
        ("dictionary", [5, 6, 5, 1], STAIRCASE),
        ("image", [13, 4, 8, 1], "relu"),
        ("image", [64, 5, 8, 1], "relu"),
        ("image", [200, 6, 6, 1], "relu"),
    ],
    ids=str,
)
def test_points_have_the_patterns_they_are_listed_with(
    form: str, sizes: list[int], units: object, radius: float
) -> None:
    net = plica.Network.mlp(he(sizes, seed=2), units)
    box = boxed(sizes[0], radius)
    cells = Cells(net, box, patterns=True, witnesses=True, form=form)
    found = cells.collect()
    x, packed = found["witnesses"], found["patterns"]
    assert len(x) == plica.count_regions(net, box, engine="cells")
    assert ((box.lower <= x) & (x <= box.upper)).all()
    first, size = cells.bits.reshape(-1, 2).T
    pieces = packed[:, first // 64] >> (first % 64).astype(np.uint64)
    pieces &= ((1 << size) - 1).astype(np.uint64)
    some = np.random.default_rng(0).permutation(len(x))[:800]
    assert np.array_equal(exact_patterns(net, x[some]), pieces[some])
    assert len({tuple(pattern) for pattern in packed.tolist()}) == len(packed)


@pytest.mark.parametrize("size", [1, 37, 1000])
@pytest.mark.parametrize("sizes", [[4, 11, 8, 1], [10, 13, 1]], ids=str)
def test_chunks_are_what_is_listed_in_one_piece(sizes: list[int], size: int) -> None:
    """Regions that are found together are handed over in as many chunks as it takes."""
    net, box = plica.Network.mlp(he(sizes, seed=2)), boxed(sizes[0], 1.0)
    whole = Cells(net, box, patterns=True, witnesses=True).collect()
    cells = Cells(net, box, patterns=True, witnesses=True)
    chunks = [cells.shape(chunk) for chunk in cells.chunks(size=size)]
    assert max(len(chunk["witnesses"]) for chunk in chunks) <= size
    for name, column in whole.items():
        assert np.array_equal(np.concatenate([chunk[name] for chunk in chunks]), column)

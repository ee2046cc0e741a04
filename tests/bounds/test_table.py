import json
from itertools import pairwise

import numpy as np
import pytest

import plica
from plica import PiecewiseLinear, bounds

from .test_upper import random_net, regions

SUBJECTS = [
    ({}, "relu"),
    ({"activation": "leaky_relu"}, "leaky_relu"),
    ({"activation": "abs"}, "abs"),
    ({"activation": "hardtanh"}, "hardtanh"),
    (
        {"activation": PiecewiseLinear([-1, 0, 1], [1, 0, 2, 1])},
        PiecewiseLinear([-1, 0, 1], [1, 0, 2, 1]),
    ),
]


@pytest.mark.parametrize("widths", [(2, 4), (1, 4, 4), (2, 3, 3), (3, 2, 4)], ids=str)
@pytest.mark.parametrize(("options", "activation"), SUBJECTS, ids=lambda x: str(x)[:24])
def test_tables_bracket_counts(widths, options, activation):
    table = bounds.table(widths, **options)
    counts = [regions(random_net(widths, seed, activation=activation)) for seed in range(3)]
    assert max(counts) <= table.upper()
    assert table.lower() <= table.upper()
    values = [b.value for b in table]
    assert values == sorted(values)
    assert {b.kind for b in table} <= {"lower", "exact", "upper"}
    assert {b.counts for b in table} <= {"activation", "linear"}
    for b in table:
        assert b.source
        assert b.kind != "upper" or b.counts == "activation"
    if len(widths) == 2:  # generic weights attain the maximum
        assert min(counts) == table.upper() == table.lower("linear")


@pytest.mark.parametrize("k", [2, 3])
def test_maxout(k):
    for widths in [(2, 3), (2, 2, 2), (1, 3, 2)]:
        rng = np.random.default_rng(0)
        shapes = list(pairwise(widths))
        pairs = [(rng.normal(size=(k * b, a)), rng.normal(size=k * b)) for a, b in shapes]
        net = plica.Network.mlp([*pairs, (np.ones((1, widths[-1])), [0])], maxout=k)
        table = bounds.table(widths, rank=k)
        assert regions(net) <= table.upper()
        assert table.lower("linear") <= table.lower() <= table.upper()


def test_exact_numbers():
    one = bounds.table((3, 7))
    assert one.of("one_layer").kind == "exact"
    assert one.lower("linear") == one.upper() == 64
    line = bounds.table((1, 5, 4, 3))  # Serra et al. 2018: tight for one input
    exact = [b for b in line if b.kind == "exact"]
    assert {(b.value, b.counts) for b in exact} == {(120, "activation"), (120, "linear")}
    assert not [b for b in bounds.table((2, 5, 5)) if b.kind == "exact"]


def test_no_biases():
    table = bounds.table((2, 4, 4), biases=False)
    assert regions(random_net((2, 4, 4), 1, bias=0)) <= table.upper()
    assert table.of("without_biases").value == 64
    assert "without_biases" not in {b.name for b in bounds.table((2, 4, 4))}
    assert bounds.table((2, 4), activation="abs", biases=False).lower() == 8
    with pytest.raises(plica.NetworkError, match="0 only"):
        bounds.table((2, 4), activation="hardtanh", biases=False)


def test_what_does_not_apply_says_why():
    table = bounds.table((4, 5, 9))
    reasons = {e.name: e.reason for e in table.excluded}
    assert "layer 1 has 5 < 12" in reasons["serra_2018_fold"]
    with pytest.raises(plica.UnsupportedError, match="layer 1 has 5"):
        table.of("uneven_fold")
    with pytest.raises(plica.UnsupportedError, match="no bound"):
        table.of("something")
    with pytest.raises(plica.UnsupportedError, match="no lower bound"):
        bounds.table((2, 3, 3), ranks=(1, 1)).lower()


def test_ranks():
    table = bounds.table((3, 4, 4), ranks=(1, 2))
    assert table.upper() <= 5 * 5 < bounds.table((3, 4, 4)).upper()
    assert all(b.kind == "upper" for b in table)


def test_names_are_functions():
    tables = [
        *(bounds.table((2, 6, 6), **options) for options, _ in SUBJECTS),
        bounds.table((2, 6)),
        bounds.table((2, 6), rank=3),
        bounds.table((2, 6, 6), rank=3),
        bounds.table((2, 6, 6), p=3),
        bounds.table((2, 6), p=3),
    ]
    for table in tables:
        for b in table:
            assert callable(getattr(bounds, b.name))


def test_reflected_and_shifted_functions_are_recognised():
    mirrored = PiecewiseLinear([1.5], [-2.0, 0.0])
    assert bounds.table((2, 6, 6), mirrored)[0].name == bounds.table((2, 6, 6))[0].name
    clipped = PiecewiseLinear.clip(0.0, 6.0)
    assert [b.value for b in bounds.table((2, 4, 4), clipped)] == [
        b.value for b in bounds.table((2, 4, 4), "hardtanh")
    ]
    plateau = bounds.table((2, 4, 4), PiecewiseLinear([0, 1], [1, 0, 1]))
    assert {b.name for b in plateau} == {"naive", "piecewise_upper", "flat_upper", "widest_layer"}


def test_printed():
    table = bounds.table((2, 8, 8))
    text = str(table)
    assert text.startswith("bounds for widths 2-8-8, relu\n")
    assert "1,369" in text
    assert "| `serra_2018` | upper | activation | 1,369 |" in table.markdown()
    data = json.loads(json.dumps(table.as_dict()))
    assert [int(b["value"]) for b in data["bounds"]] == [b.value for b in table]
    assert table[0].value <= table[-1].value
    assert len(table[1:3]) == 2
    long = bounds.table((4, *[300] * 60))  # more digits than Python writes in one go
    assert len(long[-1].as_dict()["value"]) > 5000
    assert "e5" in str(long)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 2, "rank": 2}, "contradict"),
        ({"rank": 1}, "at least 2"),
        ({"p": 0}, "at least 1"),
        ({"activation": "identity"}, "affine"),
        ({"activation": "gelu"}, "not known"),
        ({"activation": "abs", "ranks": (1, 1)}, "rectifiers"),
        ({"p": 2, "biases": False}, "without biases"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(plica.NetworkError, match=message):
        bounds.table((2, 3, 3), **options)


def test_maxout_by_name() -> None:
    assert bounds.table((3, 4, 4), "maxout", rank=3) == bounds.table((3, 4, 4), rank=3)
    with pytest.raises(plica.NetworkError, match="need a rank"):
        bounds.table((3, 4, 4), "maxout")

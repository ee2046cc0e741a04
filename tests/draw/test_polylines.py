from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plica.draw.polylines import LONGEST, compound, join, straighten


def joined(segments, group=None):
    ends = np.array(segments, dtype=float).reshape(-1, 2, 2)
    group = np.zeros(len(ends), dtype=np.int64) if group is None else np.array(group)
    points, offsets, owner = join(ends, group, 1e-6)
    return [points[i:j].tolist() for i, j in pairwise(offsets)], owner.tolist()


def test_a_chain_in_any_order_and_direction():
    lines, _ = joined([((1, 0), (2, 1)), ((1, 0), (0, 0)), ((3, 0), (2, 1))])
    assert lines in ([[[0, 0], [1, 0], [2, 1], [3, 0]]], [[[3, 0], [2, 1], [1, 0], [0, 0]]])


def test_a_closed_line_ends_where_it_begins():
    (line,), _ = joined([((0, 0), (1, 0)), ((1, 1), (1, 0)), ((1, 1), (0, 0))])
    assert line[0] == line[-1]
    assert len(line) == 4


def test_crossings_and_other_groups_end_a_line():
    star = [((0, 0), (1, 0)), ((0, 0), (0, 1)), ((0, 0), (-1, -1))]
    assert len(joined(star)[0]) == 3
    lines, owner = joined([((0, 0), (1, 0)), ((1, 0), (2, 0))], [4, 7])
    assert len(lines) == 2
    assert sorted(owner) == [4, 7]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4, st.integers(0, 1)), max_size=20))
def test_every_segment_is_drawn_once(drawn):
    segments = [((a, b), (c, d)) for a, b, c, d, _ in drawn]
    group = [g for *_, g in drawn]
    lines, owner = joined(segments, group)
    found = [
        (g, *sorted((tuple(p), tuple(q))))
        for line, g in zip(lines, owner, strict=True)
        for p, q in pairwise(line)
    ]
    assert sorted(found) == sorted((g, *sorted(s)) for s, g in zip(segments, group, strict=True))


def test_runs_on_one_line_become_one_segment():
    ends = np.array([[(0, 0), (1, 1)], [(1, 1), (2, 2)], [(2, 2), (3, 3)], [(3, 3), (4, 3)]])
    straight, group = straighten(ends, np.array([5, 5, 6, 6]), np.array([0, 0, 0, 1]))
    assert straight.tolist() == [[[0, 0], [2, 2]], [[2, 2], [3, 3]], [[3, 3], [4, 3]]]
    assert group.tolist() == [5, 6, 6]
    none, _ = straighten(np.zeros((0, 2, 2)), np.zeros(0, int), np.zeros(0, int))
    assert len(none) == 0


def test_one_path_a_group_unless_it_is_long():
    n = int(3 * LONGEST)
    rows = np.array([[(0, y), (n, y)] for y in range(n)], dtype=float)
    group = np.r_[np.ones(n - 1, dtype=int), 0]
    paths, owner = compound(*join(rows, group, 1e-6))
    assert owner.tolist() == sorted(owner)
    assert owner.tolist().count(0) == 1
    assert 3 <= len(paths) - 1 <= 4
    assert sum(len(p.vertices) for p in paths) == 2 * n
    assert all(p.codes[0] == p.MOVETO for p in paths)


def test_no_lines():
    paths, owner = compound(*join(np.zeros((0, 2, 2)), np.zeros(0, dtype=np.int64), 1.0))
    assert paths == []
    assert owner.size == 0

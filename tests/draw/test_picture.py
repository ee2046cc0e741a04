import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

import plica
from plica.draw import Picture, plot_atlas
from plica.draw.pieces import scores_of, split


def length_of(lines):
    """Total length of polylines."""
    return sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines)


def pieces_of(path):
    """The polylines of a path of many."""
    starts = np.flatnonzero(path.codes == path.MOVETO)
    return np.split(path.vertices, starts[1:])


def test_plane_without_a_boundary_has_one_polygon_a_region(plane):
    picture = plot_atlas(plane, boundary=False)
    assert isinstance(picture, Picture)
    assert isinstance(picture.regions, PolyCollection)
    assert len(picture.regions.get_paths()) == len(plane)
    assert len(picture.regions.get_facecolors()) == len(plane)
    assert picture.boundary is None
    assert picture.points is None
    assert picture.artists == (picture.regions, picture.creases)


def test_polygons_are_the_regions(plane):
    picture = plot_atlas(plane, color="pattern", boundary=False)
    i, j = plane.offsets[3:5]
    drawn = picture.regions.get_paths()[3].vertices[:-1]
    assert np.array_equal(drawn, plane.vertices[i:j])


def test_boundary_cuts_fills_in_two(plane):
    picture = plot_atlas(plane)
    pieces = split(plane.vertices, plane.offsets, scores_of(*plane.affine(), True))
    assert len(picture.regions.get_paths()) == len(pieces.regions) > len(plane)
    level = plane.decision_boundary()
    lines = picture.boundary.get_segments()
    assert len(lines) < len(level.segments)
    assert np.isclose(length_of(lines), level.length)
    assert np.abs(plane.network(np.concatenate(lines))).max() < 1e-9


def test_creases_cover_the_facets_deepest_first(plane):
    picture = plot_atlas(plane)
    facets = plane.facets()
    assert isinstance(picture.creases, PathCollection)
    paths = picture.creases.get_paths()
    assert len(paths) < len(facets.unit)
    total = np.linalg.norm(facets.ends[:, 1] - facets.ends[:, 0], axis=1).sum()
    assert np.isclose(sum(length_of(pieces_of(p)) for p in paths), total)
    widths = np.array(picture.creases.get_linewidths())
    assert widths.size == len(paths)
    assert (np.diff(widths) >= 0).all()
    assert np.unique(widths.round(9)).size == 2
    assert plot_atlas(plane, edges=False).creases is None


def test_a_path_is_the_crease_of_one_unit(plane):
    # of each unit the pre-activation vanishes at all points of one of its paths
    net = plane.network
    z = [net.until(layer) for layer in (1, 2)]
    for path in plot_atlas(plane).creases.get_paths():
        values = np.concatenate([part(path.vertices) for part in z], axis=1)
        assert np.abs(values).max(axis=0).min() < 1e-9


def test_creases_that_do_not_bend_are_faint():
    # both units are read with weight 0: two creases of the pattern, none of the function
    net = plica.Network.mlp([(np.eye(2), np.zeros(2)), ([[1.0, 0.0]], [0.0])])
    atlas = plica.map_regions(net, plica.Box.cube(2))
    picture = plot_atlas(atlas)
    opacity = picture.creases.get_edgecolors()[:, 3]
    upright = np.array([np.ptp(p.vertices[:, 0]) == 0 for p in picture.creases.get_paths()])
    assert upright.tolist() in ([True, False], [False, True])
    assert opacity[upright] > 3 * opacity[~upright]


@pytest.mark.parametrize("color", ["affine", "pattern", "layer", "output"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_colouring(classes, color, theme):
    picture = plot_atlas(classes, color=color, theme=theme, output=1)
    colours = picture.regions.get_facecolors()
    assert np.isfinite(colours).all()
    assert len(np.unique(colours, axis=0)) > 2


def test_values_and_colours_a_region(plane):
    values = plot_atlas(plane, color=plane.sizes, cmap="viridis").regions
    assert len(values.get_paths()) == len(plane)
    rgba = np.random.default_rng(0).random((len(plane), 4))
    assert np.allclose(plot_atlas(plane, color=rgba).regions.get_facecolors(), rgba)


def test_a_level_and_a_pair_as_boundary(classes):
    value = float(np.median(classes.network(classes.witnesses)[:, 2]))
    level = plot_atlas(classes, boundary=value, output=2).boundary
    ends = np.concatenate(level.get_segments())
    assert np.abs(classes.network(ends)[:, 2] - value).max() < 1e-9
    i, j = np.unique(classes.network(classes.witnesses).argmax(axis=1))[:2].tolist()
    pair = plot_atlas(classes, boundary=(i, j)).boundary
    values = classes.network(np.concatenate(pair.get_segments()))
    assert np.abs(values[:, i] - values.max(axis=1)).max() < 1e-9
    assert np.abs(values[:, j] - values.max(axis=1)).max() < 1e-9


def test_points_and_labels(plane):
    points = np.random.default_rng(0).uniform(-1, 1, (7, 2))
    picture = plot_atlas(plane, points=points, labels=[0, 1, 0, 1, 0, 1, 9])
    assert np.array_equal(picture.points.get_offsets(), points)
    assert picture.ax.get_xlim() == (-1, 1)


def test_a_slice_marks_its_own_points():
    net = plica.Network.mlp([(np.eye(3), np.zeros(3)), (np.ones((1, 3)), [-1.0])])
    domain = plica.Slice.through([1, 0, 0], [0, 1, 0], [0, 0, 1])
    picture = plot_atlas(plica.map_regions(net, domain))
    assert np.array_equal(picture.points.get_offsets(), domain.points)


def test_own_axes_are_used_and_the_rest_of_the_figure_left_alone(plane):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    picture = plane.plot(right, theme="light")
    assert picture.ax is right
    assert not left.collections


def test_no_pyplot(plane):
    import subprocess
    import sys

    code = (
        "import sys, plica\n"
        "net = plica.Network.mlp([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])\n"
        "plica.map_regions(net, plica.Box.cube(2)).plot()\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_long_thin_domains_fill_the_picture(plane):
    thin = plica.map_regions(plane.network, plica.Box([-1, 0], [1, 0.01]))
    assert plot_atlas(thin).ax.get_aspect() == "auto"
    assert plot_atlas(plane).ax.get_aspect() == 1


def test_slices_are_drawn_to_scale():
    net = plica.Network.mlp([(np.eye(3), np.zeros(3)), (np.ones((1, 3)), [-1.0])])
    domain = plica.Slice([0, 0, 0], [[1, 0, 0], [0, 2, 0]])
    assert plot_atlas(plica.map_regions(net, domain)).ax.get_aspect() == 2


def test_line_is_the_exact_graph(line):
    picture = plot_atlas(line)
    segments = np.array(picture.regions.get_segments())
    assert len(segments) == 2 * len(line)
    t, y = segments[..., 0].ravel(), segments[..., 1].reshape(2, -1)
    values = line.network(line.domain.embed(t[: len(t) // 2]))
    assert np.allclose(y.T, values, atol=1e-9)
    assert len(picture.creases.get_segments()) == len(line) - 1
    values = line.network(line.domain.embed([s[0][0] for s in picture.boundary.get_segments()]))
    assert np.allclose(values[:, 0], values[:, 1], atol=1e-9)


def test_line_with_one_output_is_cut_at_its_level(line):
    one = plica.map_regions(line.network.difference(0, 1), line.domain)
    picture = plot_atlas(one)
    crossings = len(picture.boundary.get_segments())
    assert crossings > 0
    assert len(picture.regions.get_segments()) == len(one) + crossings
    assert len(plot_atlas(one, boundary=False).regions.get_segments()) == len(one)


@pytest.mark.parametrize("color", ["pattern", "layer", "output"])
def test_every_colouring_of_a_line(line, color):
    assert len(plot_atlas(line, color=color).regions.get_segments()) == 2 * len(line)


def test_affine_network_has_nothing_but_a_region():
    net = plica.Network.mlp([([[1.0, 2.0]], [3.0])])
    for domain in (plica.Box.cube(2), plica.Segment([0, 0], [1, 1])):
        picture = plot_atlas(plica.map_regions(net, domain))
        assert len(picture.regions.get_paths()) == 1
        assert len(picture.creases.get_paths()) == 0


def test_constant_network():
    net = plica.Network.mlp([(np.zeros((2, 2)), np.zeros(2)), (np.zeros((1, 2)), [0.0])])
    for domain in (plica.Box.cube(2), plica.Segment([0, 0], [1, 1])):
        for options in ({}, {"boundary": False}, {"color": "output"}, {"color": "layer"}):
            picture = plot_atlas(plica.map_regions(net, domain), **options)
            assert len(picture.regions.get_paths()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"color": "hue"}, "affine, pattern, layer, output"),
        ({"color": [1.0, 2.0]}, "regions: give shape"),
        ({"output": 1}, "output 1 does not exist"),
        ({"boundary": (0, 1)}, "not a pair of different outputs"),
        ({"boundary": float("nan")}, "must be finite"),
        ({"theme": "sepia"}, "dark, light"),
        ({"linewidth": 0}, "must be positive"),
        ({"points": [[1.0, 2.0, 3.0]]}, "own coordinates"),
        ({"labels": [1]}, "without points"),
        ({"points": [[0.0, 0.0]], "labels": [1, 2]}, "1 points but labels"),
        ({"points": [[0.0, 0.0]], "labels": [0.5]}, "whole numbers"),
    ],
)
def test_bad_options(plane, options, words):
    with pytest.raises(plica.PlicaError, match=words):
        plot_atlas(plane, **options)

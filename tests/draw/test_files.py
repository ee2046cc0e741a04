import numpy as np
import pytest

import plica
from plica.draw import draw_file, figure_of

HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", HEADS)
def test_three_formats_byte_by_byte(plane, tmp_path, kind):
    first = draw_file(plane, tmp_path / "deep" / f"a.{kind}", dpi=60)
    second = draw_file(plane, tmp_path / f"b.{kind}", dpi=60)
    assert first.read_bytes().startswith(HEADS[kind])
    assert first.read_bytes() == second.read_bytes()


def test_line_to_file(line, tmp_path):
    assert draw_file(line, tmp_path / "line.svg").stat().st_size > 1000


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def test_size_in_pixels(plane):
    figure = figure_of(plane, width=3.0)
    figure.set_dpi(50)
    assert pixels(figure).shape == (150, 150, 3)


def test_size_follows_the_domain(plane):
    wide = plica.map_regions(plane.network, plica.Box([-1, -0.5], [1, 0.5]))
    width, height = figure_of(wide, width=4.0, margin=0.1).get_size_inches()
    assert np.allclose([width, height], [4.0, 0.5 * 3.2 + 0.8])


def test_no_seams_between_regions_of_one_colour(plane):
    # were there gaps, the page would shine through as darker pixels
    white = np.ones((len(plane), 3))
    figure = figure_of(plane, color=white, edges=False, boundary=False, width=4.0, margin=0.0)
    inside = pixels(figure)[2:-2, 2:-2]
    assert inside.min() >= 252  # the page is nearly black: at most 1 % of it comes through


def test_wrong_ending(plane, tmp_path):
    with pytest.raises(plica.PlicaError, match=r"\.png, \.svg, \.pdf"):
        draw_file(plane, tmp_path / "map.jpeg")


@pytest.mark.parametrize("options", [{"dpi": 1}, {"width": 0}, {"margin": 0.5}])
def test_bad_sizes(plane, tmp_path, options):
    with pytest.raises(plica.PlicaError, match="got"):
        draw_file(plane, tmp_path / "map.png", **options)

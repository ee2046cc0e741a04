import numpy as np
import pytest

from plica.draw.raster import paint

WHITE = np.ones((1, 4))


def share(corners, width=4, height=3):
    """Covered share of every pixel by one polygon, lowest row first."""
    corners = np.array(corners, dtype=float)
    return paint(corners, np.array([0, len(corners)]), WHITE, width, height)[..., 3] / 255


def test_a_rectangle_between_pixels():
    found = share([(0.5, 0.25), (2.25, 0.25), (2.25, 2.0), (0.5, 2.0)])
    x, y = np.array([0.5, 1, 0.25, 0]), np.array([0.75, 1, 0])
    assert np.abs(found - np.outer(y, x)).max() < 1 / 255


@pytest.mark.parametrize("turn", [1, -1])
def test_a_triangle_that_turns_either_way(turn):
    found = share([(0, 0), (3, 0), (0, 3)][::turn], width=3)
    assert np.abs(found - [[1, 1, 0.5], [1, 0.5, 0], [0.5, 0, 0]]).max() < 1 / 255


def test_what_lies_outside_is_cut_off():
    # a large triangle whose long side passes through the image along x + y = 4
    found = share([(-50, -50), (54, -50), (-50, 54)])
    x, y = np.meshgrid(np.arange(4), np.arange(3))
    assert np.abs(found - np.clip((3.5 - x - y), 0, 1)).max() < 1 / 255
    assert (share([(-9, -9), (-1, -9), (-1, 9), (-9, 9)]) == 0).all()
    assert (share([(5, -9), (9, -9), (9, 9), (5, 9)]) == 0).all()
    assert (share([(-9, 4), (9, 4), (9, 8), (-9, 8)]) == 0).all()
    assert (share([(-9, -9), (9, -9), (9, 9), (-9, 9)]) == 1).all()


def slivers(n, seed):
    """The unit square in ``n`` thin triangles around an inner point."""
    rng = np.random.default_rng(seed)
    t = np.sort(np.r_[0, 1, 2, 3, rng.uniform(0, 4, n - 4)])
    side, s = t.astype(int), t % 1
    corner = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], dtype=float)
    rim = corner[side] + s[:, None] * (corner[side + 1] - corner[side])
    middle = np.broadcast_to(rng.uniform(0.2, 0.8, 2), rim.shape)
    return np.stack((middle, rim, np.roll(rim, -1, axis=0)), axis=1).reshape(-1, 2)


def test_no_seams_and_the_mean_colour_of_slivers():
    n = 5000
    vertices, offsets = slivers(n, 0) * 20 + 0.3, 3 * np.arange(n + 1)
    red = np.random.default_rng(1).random(n)
    colours = np.column_stack((red, np.full((n, 2), 0.5), np.ones(n)))
    image = paint(vertices, offsets, colours, 22, 21)
    inside = image[1:20, 1:20]
    assert (inside[..., 3] == 255).all()
    assert (inside[..., 1] == 128).all()
    # all red that is painted is the red of the polygons, by area
    p = vertices.reshape(-1, 3, 2)
    u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = 0.5 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    painted = (image[..., 0] / 255 * image[..., 3] / 255).sum()
    assert np.isclose(painted, area @ red, rtol=0.003)


def test_half_transparent_colours_stay_what_they_are():
    corners = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 1.5), (0.0, 1.5)])
    image = paint(corners, np.array([0, 4]), np.array([[0.2, 0.4, 0.6, 0.5]]), 2, 2)
    assert np.abs(image[..., :3].astype(int) - [51, 102, 153]).max() <= 1
    assert np.abs(image[..., 3].astype(int) - [[128, 128], [64, 64]]).max() <= 1

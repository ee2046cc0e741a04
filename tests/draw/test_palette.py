import numpy as np
import pytest

from plica import PlicaError
from plica.draw.palette import THEMES, hashed, oklab_to_rgb, ramp, relief, strokes, theme_of

# sRGB seen without red-green vision: Machado, Oliveira, Fernandes 2009, severity 1, linear sRGB
WITHOUT_RED_GREEN = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


def decode(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(linear):
    lms = np.cbrt(
        linear
        @ np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        ).T
    )
    return (
        lms
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )


def test_oklab_there_and_back():
    rgb = np.random.default_rng(0).random((500, 3))
    assert np.allclose(oklab_to_rgb(oklab(decode(rgb))), rgb, atol=1e-4)


def test_colours_outside_srgb_keep_lightness_and_hue():
    lab = np.array([[0.7, 0.3, 0.3], [0.3, -0.2, -0.4], [0.95, -0.4, 0.1]])
    found = oklab(decode(oklab_to_rgb(lab)))
    assert np.allclose(found[:, 0], lab[:, 0], atol=0.01)
    angle = np.arctan2(lab[:, 2], lab[:, 1]) - np.arctan2(found[:, 2], found[:, 1])
    assert np.abs(np.sin(angle)).max() < 0.02


@pytest.mark.parametrize("kind", WITHOUT_RED_GREEN)
@pytest.mark.parametrize("theme", THEMES)
def test_classes_differ_without_red_green_vision(theme, kind):
    base = relief(np.zeros((6, 2)), np.ones(6), np.arange(6), theme)
    seen = oklab(np.clip(decode(base) @ np.array(WITHOUT_RED_GREEN[kind]).T, 0, 1))
    gap = np.linalg.norm(seen[:, None] - seen[None], axis=2) + np.eye(6)
    assert gap[0, 1] > 0.15  # the two sides of one output
    assert gap.min() > 0.06


def test_relief_is_lit_from_the_upper_left():
    # a height that grows to the lower right faces the light
    rgb = relief([[1.0, -1.0], [-1.0, 1.0]], [1.0, 1.0], [1, 1])
    light = oklab(decode(rgb))[:, 0]
    assert light[0] > light[1] + 0.1


@pytest.mark.parametrize("family", [None, 0, 1])
def test_similar_slopes_have_similar_colours(family):
    rng = np.random.default_rng(0)
    slope = rng.normal(0, 1.5, (500, 2))
    near = slope + rng.normal(0, 1e-3, slope.shape)
    kind = None if family is None else np.full(500, family)
    a, b = (relief(s, np.ones(500), kind) for s in (slope, near))
    assert np.abs(a - b).max() < 0.01
    assert a.min() >= 0
    assert a.max() <= 1


def test_strokes_are_lighter_where_they_rise():
    light = oklab(decode(strokes([1.0, -1.0], [0, 0])))[:, 0]
    assert light[0] > light[1]


def test_ramp_grows_in_lightness_and_survives_odd_values():
    light = oklab(decode(ramp(np.linspace(3, 9, 50))))[:, 0]
    assert (np.diff(light) >= -1e-6).all()
    assert light[-1] > light[0] + 0.5
    grey = ramp([1.0, np.nan, 2.0, np.inf])
    assert (grey[[1, 3]] == 0.5).all()
    assert np.ptp(ramp([4.0, 4.0])) < 1
    assert (ramp([np.nan]) == 0.5).all()


def test_signed_ramp_is_lightest_at_zero():
    light = oklab(decode(ramp([-1.0, 0.0, 2.0], signed=True)))[:, 0]
    assert light[1] > light[0]
    assert light[1] > light[2]


def test_cmap_of_matplotlib():
    from matplotlib import colormaps

    assert np.allclose(ramp([0.0, 1.0], cmap="viridis")[0], colormaps["viridis"](0.0)[:3])


def test_equal_patterns_have_equal_colours():
    keys = np.random.default_rng(0).integers(0, 2, (300, 40), dtype=np.uint8)
    colours = hashed(np.concatenate((keys, keys[:1])))
    assert (colours[0] == colours[-1]).all()
    assert len(np.unique(colours.round(6), axis=0)) == 300


def test_unknown_theme():
    with pytest.raises(PlicaError, match="dark, light"):
        theme_of("sepia")

"""The picture of a unit's maps."""

from __future__ import annotations

import numpy as np
import pytest

import plica
from plica.draw import plot_unit_maps
from plica.draw.palette import diverging
from plica.errors import PlicaError
from plica.unit_maps import linear_maps
from tests.twins.networks import he


def found(constants: bool = False) -> plica.unit_maps.UnitMaps:
    net = plica.Network.mlp(he([12, 10, 8, 2]))
    return linear_maps(net, 2, 1, np.random.default_rng(0).normal(size=(300, 12)))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_images_hold_the_maps(theme: str) -> None:
    maps = found()
    figure = maps.plot(shape=(3, 4), maps=20, theme=theme)
    images = [ax.images[0].get_array() for ax in figure.axes]
    assert len(images) == 22  # and the scale
    for k in range(20):
        assert np.array_equal(images[k], maps.maps[k].reshape(3, 4))
    assert np.allclose(images[20], maps.cosines()[:20, :20])
    labels = [ax.get_xlabel() for ax in figure.axes[:20]]
    assert labels == [str(c) for c in maps.counts[:20]]
    limits = {ax.images[0].get_clim() for ax in figure.axes[:20]}
    assert len(limits) == 1
    figure.canvas.draw()


def test_scales_and_captions() -> None:
    maps = found()
    figure = plot_unit_maps(maps, (4, 3), maps=5, cosines=9, scale="own", captions=list("abcde"))
    assert [ax.get_xlabel() for ax in figure.axes[:5]] == list("abcde")
    assert len({ax.images[0].get_clim() for ax in figure.axes[:5]}) == 5
    assert figure.axes[5].images[0].get_array().shape == (9, 9)


def test_without_a_shape_it_is_a_table() -> None:
    figure = found().plot(maps=7)
    assert len(figure.axes) == 3
    assert figure.axes[0].images[0].get_array().shape == (7, 12)


def test_images_do_not_overlap() -> None:
    maps = found()
    for shape in ((3, 4), (12, 1), (1, 12), (2, 6)):
        for top in (1, 2, 7, 30):
            boxes = [ax.get_position() for ax in maps.plot(shape=shape, maps=top).axes]
            for i, a in enumerate(boxes):
                assert a.x0 >= 0
                assert a.y0 >= 0
                assert a.x1 <= 1
                assert a.y1 <= 1
                for b in boxes[:i]:
                    assert not a.shrunk(0.999, 0.999).overlaps(b.shrunk(0.999, 0.999))


def test_the_scale_of_signed_numbers() -> None:
    for theme, order in (("dark", 1), ("light", -1)):
        colours = diverging(theme)(np.linspace(0, 1, 9))[:, :3]
        light = colours @ [0.2126, 0.7152, 0.0722]
        assert (order * np.diff(light[4:]) > 0).all()
        assert (order * np.diff(light[:5]) < 0).all()
        assert (colours[0, 2] > colours[0, 0]) or theme == "dark"
        assert colours[1, 2] > colours[1, 0]
        assert colours[7, 0] > colours[7, 2]


def test_bad_options() -> None:
    maps = found()
    for shape in ((4, 4), (-3, -4), (12,), 12, "ab", (3.0, 4.0)):
        with pytest.raises(PlicaError, match="12 inputs"):
            maps.plot(shape=shape)
    with pytest.raises(PlicaError, match="scale"):
        maps.plot(scale="log")
    with pytest.raises(PlicaError, match="captions"):
        maps.plot(captions=["one"])
    with pytest.raises(PlicaError, match="at least one"):
        maps.plot(maps=0)
    dead = plica.Network.mlp([([[1.0]], [0]), ([[-1.0]], [-1]), ([[1.0]], [0])])
    nothing = linear_maps(dead, 2, 0, [[0.0], [1.0]], of="value")
    assert len(nothing) == 0
    assert nothing.off == 2
    assert nothing.maps.shape == (0, 1)
    with pytest.raises(PlicaError, match="nothing to draw"):
        nothing.plot()

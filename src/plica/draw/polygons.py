"""The artist of the filled regions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PolyCollection
from numpy.typing import NDArray

from .raster import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.backend_bases import RendererBase
    from matplotlib.path import Path

__all__ = ["Polygons"]

#: Up to so many polygons stay polygons in a vector file.
FEW = 5_000

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Polygons(PolyCollection):
    """Polygons side by side, painted as one image: without seams, however many there are.

    In a PDF or SVG file the image has the resolution of the figure, and up to 5,000 polygons stay
    polygons; there an edge of their own colour closes the gaps that viewers leave between them.

    Parameters
    ----------
    vertices : ndarray, shape (V, 2)
        In data coordinates.
    offsets : ndarray of int, shape (P + 1,)
        Polygon ``p`` is ``vertices[offsets[p]:offsets[p + 1]]``; all turn the same way.
    **kwargs
        Forwarded to `matplotlib.collections.PolyCollection`.
    """

    def __init__(self, vertices: Float, offsets: Int, **kwargs: Any) -> None:
        super().__init__([], **kwargs)
        self._corners, self._ends = vertices, offsets
        self._waiting = True

    def get_paths(self) -> Sequence[Path]:
        """One path a polygon; made when they are first asked for, as drawing needs none."""
        if self._waiting:
            self._waiting = False
            self.set_verts([self._corners[i:j] for i, j in pairwise(self._ends)])
        return super().get_paths()

    def draw(self, renderer: RendererBase) -> None:
        """Paint the image of the part that the axes show."""
        if not self.get_visible():
            return
        # image pixels to one unit of the renderer: a point, in vector files
        fine = renderer.get_image_magnification()
        if fine != 1 and len(self._ends) - 1 <= FEW:
            super().draw(renderer)
            return
        self.update_scalarmappable()
        assert self.axes is not None  # artists are drawn in their axes
        box = self.axes.bbox
        left, bottom = np.floor(fine * box.x0), np.floor(fine * box.y0)
        width, height = int(np.ceil(fine * box.x1) - left), int(np.ceil(fine * box.y1) - bottom)
        corners = fine * self.get_transform().transform(self._corners) - (left, bottom)
        colours = np.broadcast_to(self.get_facecolor(), (len(self._ends) - 1, 4))
        image = paint(corners, self._ends, colours, width, height)
        renderer.open_group("regions", self.get_gid())
        gc = renderer.new_gc()
        if self.get_clip_on():
            gc.set_clip_rectangle(self.get_clip_box())
            gc.set_clip_path(self.get_clip_path())  # type: ignore[arg-type]
        renderer.draw_image(gc, left / fine, bottom / fine, np.ascontiguousarray(image))
        gc.restore()
        renderer.close_group("regions")
        self.stale = False

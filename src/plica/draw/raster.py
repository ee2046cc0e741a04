"""Polygons painted into an image by the exact area of each pixel that they cover.

The colour of a pixel is the sum, over all polygons, of their colour times the share of the pixel
that they cover. Where polygons tile the plane the shares add up to one: there are no seams between
them, and a sliver thinner than a pixel leaves the trace that it should and no more.

By Green's theorem the shares follow from the sides alone. Going along a row of pixels, each side
that is passed adds its height in this row to all pixels behind it, and part of it to the pixel
that it crosses; so the sides write differences, and a running sum makes the image of them. (Font
rasterisers work like this, for instance R. Levien's font-rs.)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["paint"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Sides are taken up in groups that cross about this many rows of pixels together.
CHUNK = 1 << 19
#: Rows of the image that are finished at a time.
BAND = 16


def paint(
    vertices: Float, offsets: Int, colours: Float, width: int, height: int
) -> NDArray[np.uint8]:
    """An image of polygons that do not overlap.

    Parameters
    ----------
    vertices : ndarray, shape (V, 2)
        In pixels from the lower left corner of the image; what lies outside is cut off.
    offsets : ndarray of int, shape (P + 1,)
        Polygon ``p`` is ``vertices[offsets[p]:offsets[p + 1]]``; all turn the same way.
    colours : ndarray, shape (P, 4)
        RGBA in [0, 1].
    width, height : int
        Size of the image.

    Returns
    -------
    ndarray of uint8, shape (height, width, 4)
        RGBA, the lowest row first; transparent where no polygon is.
    """
    following = np.arange(1, len(vertices) + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    ends = vertices[following]
    polygon = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    turn = np.sign((vertices[:, 0] * ends[:, 1] - ends[:, 0] * vertices[:, 1]).sum())
    weights = np.concatenate((colours[:, :3] * colours[:, 3:], colours[:, 3:]), axis=1).T * turn

    # one column more than the image: what lies right of it ends there
    steps = np.zeros((4, height * (width + 1)))
    for side, row, column, passed, near in _crossed(vertices, ends, width, height):
        cell = row * (width + 1) + column
        for channel, weight in zip(steps, weights, strict=True):
            added = weight[polygon[side]] * passed
            np.add.at(channel, cell, added * near)
            np.add.at(channel, cell + 1, added * (1 - near))
    image = np.empty((height, width, 4), dtype=np.uint8)
    for low in range(0, height, BAND):  # a few rows at a time stay in the processor's cache
        rows = slice(low, low + BAND)
        band = steps.reshape(4, height, width + 1)[:, rows, :-1].cumsum(axis=2)
        band[:3] /= np.maximum(band[3], 1e-6)
        band *= 255
        band += 0.5
        image[rows] = band.clip(0, 255).transpose(1, 2, 0)
    return image


def _crossed(
    start: Float, end: Float, width: int, height: int
) -> Iterator[tuple[Int, Int, Int, Float, Float]]:
    """The pixels that sides cross, a group of sides at a time.

    Yields
    ------
    side, row, column : ndarrays of int
    passed : ndarray
        Height of the side in the pixel, positive where it goes down.
    near : ndarray
        Share of the part of the pixel's row beside the side, in this pixel, that lies behind it.
    """
    low = np.where(start[:, 1:] <= end[:, 1:], start, end)
    high = np.where(start[:, 1:] <= end[:, 1:], end, start)
    down = np.where(start[:, 1] > end[:, 1], 1.0, -1.0)
    some = np.flatnonzero((high[:, 1] > low[:, 1]) & (high[:, 1] > 0) & (low[:, 1] < height))
    rows = np.ceil(np.minimum(high[some, 1], height)) - np.floor(np.maximum(low[some, 1], 0))
    for group in np.split(
        some, np.searchsorted(rows.cumsum(), np.arange(CHUNK, rows.sum(), CHUNK))
    ):
        a, b = low[group], high[group]
        part, row, t0, t1 = _cells(a[:, 1], b[:, 1], height)
        inside = (row >= 0) & (row < height)
        part, row, t0, t1 = part[inside], row[inside], t0[inside], t1[inside]
        across = (b - a)[part, 0]
        x0, x1 = a[part, 0] + t0 * across, a[part, 0] + t1 * across
        tall = down[group][part] * (b - a)[part, 1] * (t1 - t0)
        left, right = np.minimum(x0, x1), np.maximum(x0, x1)
        piece, column, t0, t1 = _cells(left, right, width)
        inside = column < width
        piece, column, t0, t1 = piece[inside], column[inside], t0[inside], t1[inside]
        middle = left[piece] + 0.5 * (t0 + t1) * (right - left)[piece]
        # what lies left of the image counts for its first column as a whole
        near = np.where(column < 0, 1.0, column + 1 - middle)
        side = group[part[piece]]
        yield side, row[piece], np.maximum(column, 0), tall[piece] * (t1 - t0), near


def _cells(low: Float, high: Float, n: int) -> tuple[Int, Int, Float, Float]:
    """Intervals cut at the whole numbers from 0 to ``n``.

    Returns
    -------
    interval : ndarray of int
    cell : ndarray of int
        The part lies in ``[cell, cell + 1]``; -1 and ``n`` stand for all below 0 and above ``n``.
    t0, t1 : ndarrays
        Where the part begins and ends, as shares of the way from ``low`` to ``high``.
    """
    first = np.clip(np.floor(low), -1, n).astype(np.int64)
    last = np.maximum(np.clip(np.ceil(high) - 1, -1, n).astype(np.int64), first)
    count = last - first + 1
    interval = np.repeat(np.arange(low.size), count)
    cell = np.arange(interval.size) - np.repeat(count.cumsum() - count - first, count)
    length = np.where(high > low, high - low, 1.0)[interval]
    t0 = np.where(cell == first[interval], 0.0, (cell - low[interval]) / length)
    t1 = np.where(cell == last[interval], 1.0, (cell + 1 - low[interval]) / length)
    return interval, cell, t0, t1

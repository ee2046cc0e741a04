"""Domains as text: the one grammar of every ``--domain``, and the domain taken where none is given.

======================================  ========================================================
``box:L,U``                             the same bounds for every input
``box:L1,U1;L2,U2;...``                 bounds input by input; a single number fixes an input
``segment:X1,X2,...;Y1,Y2,...``         from one point to another
``segment:FILE.npy``                    the same, two rows of a file
``slice:I,J``                           the plane of inputs I and J (from 0) through the centre of
                                        the model's box, as far as the box reaches
``slice:ORIGIN;DIR;DIR``                a plane by a point and two directions, [-1, 1] along each
``slice:ORIGIN;DIR;DIR;L,U[;L,U]``      the same with bounds along the directions
``slice:FILE.npy``                      the plane through three points, three rows of a file
``space``                               all points, without bounds
======================================  ========================================================

Numbers are written as Python writes them. A model may name its box itself: the metadata entry
``plica.domain`` of an ONNX file holds a text ``box:...``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DomainError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..chain import Network
    from ..domains import Box, Domain, Slice

__all__ = ["Chosen", "choose_domain", "leading_plane", "parse_domain", "read_points", "read_rows"]

#: Points at which the Jacobian is looked at to choose a plane, and the seed that draws them.
PROBES = 32
SEED = 0


@dataclass(frozen=True)
class Chosen:
    """A domain and, in words, where it comes from."""

    domain: Domain
    why: str


def parse_domain(text: str, n_inputs: int, box: Box | None = None) -> Domain:
    """The domain that a text means.

    Parameters
    ----------
    text : str
        See the table at the top of this module.
    n_inputs : int
        Number of inputs of the network.
    box : Box, optional
        What ``slice:I,J`` lies in; ``[-1, 1]`` for every input if not given.

    Raises
    ------
    DomainError
        If the text does not follow the grammar, or does not fit the number of inputs.
    """
    if text.strip() == "space":
        from ..domains import Space

        return Space(n_inputs)
    kind, colon, rest = text.partition(":")
    readers = {"box": _box, "segment": _segment, "slice": _slice}
    if not colon or kind.strip() not in readers or not rest.strip():
        raise DomainError(
            f"domain {text!r} is not understood; write box:L,U, box:L1,U1;L2,U2;..., "
            "segment:X1,...;Y1,..., segment:FILE.npy, slice:I,J, slice:ORIGIN;DIR;DIR[;L,U[;L,U]], "
            "slice:FILE.npy or space"
        )
    return readers[kind.strip()](rest.strip(), n_inputs, box)


def _numbers(text: str, what: str) -> list[float]:
    found = []
    for word in text.split(","):
        try:
            found.append(float(word))
        except ValueError:
            raise DomainError(
                f"domain: {what} is {text!r}, but {word.strip()!r} is not a number"
            ) from None
    return found


def _point(text: str, what: str, n_inputs: int) -> list[float]:
    point = _numbers(text, what)
    if len(point) != n_inputs:
        raise DomainError(
            f"domain: {what} has {len(point)} coordinates, but the network has {n_inputs} inputs"
        )
    return point


def _bounds(text: str, what: str) -> list[float]:
    pair = _numbers(text, what)
    if len(pair) > 2:
        raise DomainError(f"domain: {what} is {text!r}; write LOWER,UPPER, or one number to fix it")
    return [pair[0], pair[-1]]


def _box(text: str, n_inputs: int, _: Box | None) -> Box:
    from ..domains import Box

    parts = text.split(";")
    if len(parts) == 1:
        pairs = [_bounds(text, "the box")] * n_inputs
    else:
        pairs = [_bounds(part, f"the box's input {i}") for i, part in enumerate(parts)]
    if len(pairs) != n_inputs:
        raise DomainError(
            f"domain: the box has bounds for {len(pairs)} inputs, but the network has {n_inputs}; "
            "write one pair for all inputs, or one for each"
        )
    return Box([p[0] for p in pairs], [p[1] for p in pairs])


def _segment(text: str, n_inputs: int, _: Box | None) -> Domain:
    from ..domains import Segment

    if text.endswith(".npy"):
        return Segment(*read_points(text, n_inputs, 2))
    parts = text.split(";")
    if len(parts) != 2:
        raise DomainError(
            f"domain: a segment has two points, X1,X2,...;Y1,Y2,..., but {text!r} has {len(parts)}"
        )
    return Segment(
        _point(parts[0], "the segment's start", n_inputs),
        _point(parts[1], "the segment's end", n_inputs),
    )


def _slice(text: str, n_inputs: int, box: Box | None) -> Domain:
    from ..domains import Box, Slice

    if text.endswith(".npy"):
        return Slice.through(*read_points(text, n_inputs, 3))
    parts = text.split(";")
    if len(parts) == 1:
        return _coordinate_plane(text, n_inputs, box or Box.cube(n_inputs))
    if len(parts) not in (3, 4, 5):
        raise DomainError(
            f"domain: the slice {text!r} has {len(parts)} parts; write I,J, or "
            "ORIGIN;DIR;DIR[;L,U[;L,U]], or the name of an .npy file with three points"
        )
    origin, *directions = (
        _point(part, what, n_inputs)
        for part, what in zip(
            parts,
            ("the slice's origin", "its first direction", "its second direction"),
            strict=False,
        )
    )
    pairs = [_bounds(part, f"bound {i} of the slice") for i, part in enumerate(parts[3:])]
    pairs = (pairs or [[-1.0, 1.0]]) * (2 if len(pairs) < 2 else 1)
    return Slice(origin, directions, Box([p[0] for p in pairs], [p[1] for p in pairs]))


def _coordinate_plane(text: str, n_inputs: int, box: Box) -> Slice:
    import numpy as np

    from ..domains import Box, Slice

    words = [word.strip() for word in text.split(",")]
    if len(words) != 2 or not all(word.isdigit() for word in words):
        raise DomainError(
            f"domain: slice:{text} names no two inputs; write slice:I,J, say slice:0,1"
        )
    i, j = (int(word) for word in words)
    if i == j or max(i, j) >= n_inputs:
        raise DomainError(
            f"domain: slice:{text} needs two different inputs from 0 to {n_inputs - 1}"
        )
    centre = (box.lower + box.upper) / 2
    directions = np.zeros((2, n_inputs))
    directions[[0, 1], [i, j]] = 1.0
    half = ((box.upper - box.lower) / 2)[[i, j]]
    return Slice(centre, directions, Box(-half, half))


def read_points(path: str, n_inputs: int, rows: int | None = None) -> NDArray[np.float64]:
    """Points of a ``.npy`` file, flattened to shape (rows, n_inputs).

    Raises
    ------
    DomainError
        If the file is missing, is no array of numbers, or has another shape.
    """
    points = read_rows(path)
    if (rows is not None and len(points) != rows) or points.shape[1] != n_inputs:
        raise DomainError(
            f"{path}: expected {rows or 'N'} points of {n_inputs} numbers each, one a row; got "
            f"{len(points)} of {points.shape[1]}"
        )
    return points


def read_rows(path: str) -> NDArray[np.float64]:
    """The array of a ``.npy`` file, every row flattened: shape (rows, numbers a row).

    Raises
    ------
    DomainError
        If the file is missing or is no array of numbers, or one of them is NaN or infinite.
    """
    import numpy as np

    where = Path(path)
    if not where.is_file():
        raise DomainError(f"{path}: no such file")
    try:
        array = np.asarray(np.load(where, allow_pickle=False), dtype=np.float64)
    except (ValueError, TypeError, EOFError) as error:
        raise DomainError(f"{path}: not a .npy file of numbers ({error})") from error
    if array.ndim < 2 or not np.isfinite(array).all():
        raise DomainError(
            f"{path}: expected finite numbers, one point a row; got an array of shape {array.shape}"
            + ("" if array.ndim < 2 else " with NaN or infinite entries")
        )
    return array.reshape(array.shape[0], -1)


# -- what is taken where nothing, or too much, is given --------------------------------------------


def choose_domain(
    net: Network, text: str | None = None, through: str | None = None, flat: bool = True
) -> Chosen:
    """The domain of a command.

    Without ``--domain``, the box that the model names in its metadata, else ``[-1, 1]`` for every
    input. If ``flat`` and the box has more than two dimensions, `leading_plane` of it.

    Raises
    ------
    DomainError
        If the texts are not understood or do not fit, or both are given.
    """
    if through is not None:
        if text is not None:
            raise DomainError("give either --domain or --through, not both")
        from ..domains import Slice

        points = read_points(through, net.n_inputs, 3)
        return Chosen(Slice.through(*points), f"the plane through the three points of {through}")
    box, why = _own_box(net)
    domain: Domain = box
    if text is not None:
        domain, why = parse_domain(text, net.n_inputs, box), f"{text}, as asked"
    if flat and domain.dim > 2:
        from ..domains import Box

        if isinstance(domain, Box):
            return Chosen(
                leading_plane(net, domain),
                f"the plane through the centre of the box ({why}) along the two directions in "
                f"which the outputs vary most: the leading right singular vectors of the Jacobians "
                f"at {PROBES} random points of the box (seed {SEED})",
            )
    return Chosen(domain, why)


def _own_box(net: Network) -> tuple[Box, str]:
    from ..domains import Box

    metadata: Any = net.meta.get("metadata")
    text = metadata.get("plica.domain") if isinstance(metadata, dict) else None
    if text is None:
        return Box.cube(net.n_inputs), "[-1, 1] for every input, since none was given"
    box = parse_domain(text, net.n_inputs)
    if not isinstance(box, Box):
        raise DomainError(
            f"the model's metadata entry plica.domain is {text!r}, but must be a box; give --domain"
        )
    return box, f"{text}, from the model's metadata"


def leading_plane(net: Network, box: Box) -> Slice:
    """The plane through a box's centre in which the outputs vary most.

    Its directions are the two leading right singular vectors of the Jacobians of the outputs (less
    their mean, where there are several: what a decision sees) at random points of the box, stacked:
    the leading active subspace (P. Constantine, *Active Subspaces*, SIAM 2015). Inputs that the box
    fixes stay fixed. The slice is the largest square about the centre along these directions that
    lies in the box.
    """
    import numpy as np

    from ..domains import Box, Slice

    free = box.free
    rng = np.random.default_rng(SEED)
    points = box.lower + rng.random((PROBES, net.n_inputs)) * (box.upper - box.lower)
    per_point = max(1, net.n_outputs * net.n_inputs)
    J = net.affine(points[: max(1, min(PROBES, (1 << 27) // per_point))])[0][:, :, free]
    if net.n_outputs > 1:
        J = J - J.mean(axis=1, keepdims=True)
    stacked = J.reshape(-1, free.size)
    _, strength, right = np.linalg.svd(stacked, full_matrices=False)
    rank = min(2, int((strength > 1e-9 * max(strength.max(initial=0.0), 1e-300)).sum()))
    found = right[:rank]
    # where the outputs vary along fewer than two directions, coordinate axes fill up
    for axis in np.argsort((found**2).sum(axis=0), kind="stable"):
        if len(found) == 2:
            break
        e = np.zeros(free.size)
        e[axis] = 1.0
        e = e - found.T @ (found @ e)
        found = np.vstack((found, e / np.linalg.norm(e)))
    largest = np.abs(found).argmax(axis=1)
    found = found * np.sign(found[[0, 1], largest])[:, None]  # svd leaves the signs open
    directions = np.zeros((2, net.n_inputs))
    directions[:, free] = found
    half = (box.upper - box.lower)[free] / 2
    reach = float((half / np.maximum(np.abs(found).sum(axis=0), 1e-300)).min())
    return Slice((box.lower + box.upper) / 2, directions, Box.cube(2, -reach, reach))

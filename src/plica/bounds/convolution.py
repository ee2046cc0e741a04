r"""Bounds for convolutional rectifier networks.

A layer with ``m`` filters has, at every position ``i``, ``m`` units that read the same field
``S_i`` of inputs. The weights are shared, but for generic filters that costs no region.

H. Xiong, L. Huang, M. Yu, L. Liu, F. Zhu and L. Shao, On the number of linear regions of
convolutional neural networks, ICML 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

from ..errors import NetworkError
from .counting import binomials, check_count, generic_cells, power
from .folds import need

__all__ = ["Convolution", "convolution_lower", "convolution_upper", "fields_layer"]

#: Vectors of dimensions that the count over fields that are no intervals may look at.
WORK = 2_000_000


@dataclass(frozen=True)
class Convolution:
    """A convolutional layer without padding.

    Parameters
    ----------
    filters : int
    kernel : int or sequence of int
        Its extent in each direction of the image.
    stride : int or sequence of int
    """

    filters: int
    kernel: int | Sequence[int]
    stride: int | Sequence[int] = 1

    def along(self, extents: Sequence[int]) -> list[tuple[int, int]]:
        """``(kernel, stride)`` in each direction of an image.

        Raises
        ------
        NetworkError
            If the layer does not fit the image.
        """
        found = []
        for name in ("kernel", "stride"):
            value = getattr(self, name)
            each = list(value) if isinstance(value, Sequence) else [value] * len(extents)
            if len(each) != len(extents):
                raise NetworkError(f"{name} {value} is not one number for each of {len(extents)}")
            found.append([check_count(v, f"the {name} of a convolution") for v in each])
        for size, kernel in zip(extents, found[0], strict=True):
            if kernel > size:
                raise NetworkError(f"a kernel of {kernel} is larger than the image, {size}")
        check_count(self.filters, "the number of filters")
        return list(zip(*found, strict=True))

    def positions(self, extents: Sequence[int]) -> tuple[int, ...]:
        """Extents of the image that it writes."""
        pairs = zip(extents, self.along(extents), strict=True)
        return tuple((n - k) // s + 1 for n, (k, s) in pairs)

    def fields(self, shape: Sequence[int]) -> list[frozenset[int]]:
        """Inputs that each position reads, for an image of shape ``(channels, *extents)``."""
        channels, *extents = shape
        steps = self.along(extents)
        found = []
        for position in product(*map(range, self.positions(extents))):
            axes = [range(i * s, i * s + k) for i, (k, s) in zip(position, steps, strict=True)]
            field = set()
            for place in product(*axes):
                at = 0
                for i, n in zip(place, extents, strict=True):
                    at = at * n + i
                field |= {at * channels + c for c in range(channels)}
            found.append(frozenset(field))
        return found


def fields_layer(fields: Iterable[Iterable[int]], filters: int) -> int:
    r"""One layer of units with given fields: the exact maximum.

    .. math:: \sum_{t \in K} \prod_i \binom{m}{t_i}, \qquad
              K = \{t : \textstyle\sum_{i \in J} t_i \le |\bigcup_{i \in J} S_i| \text{ for all }
              J\}

    for ``m`` units at each position ``i``, which read the inputs ``S_i``. By Hall's theorem ``t``
    is in ``K`` if every position ``i`` can be given ``t_i`` inputs of its field, no input twice.

    Parameters
    ----------
    fields : iterable of iterable of int
        The inputs ``S_i``.
    filters : int
        Units at each position.

    Raises
    ------
    UnsupportedError
        If there are too many positions for a count: more than about a dozen that overlap, unless
        their fields are intervals none of which contains another one (as in one direction), for
        which it is quick.

    Notes
    -----
    Theorem 2 of Xiong et al. 2020; also the number for almost all filters and biases. Positions
    whose fields are connected by overlaps are counted together, others multiply. Intervals are
    served from left to right, each by the first inputs that are free: the count follows how far
    that reaches. Otherwise vectors ``t`` are built position by position, with augmenting paths.

    Examples
    --------
    >>> fields_layer([{0, 1}, {1, 2}], filters=2), fields_layer([{0, 1}], filters=3)
    (15, 7)
    """
    sets = [frozenset(field) for field in fields]
    m = check_count(filters, "the number of filters")
    if not sets or not all(sets):
        raise NetworkError("every position needs a field of at least one input")
    units: dict[frozenset[int], int] = {}
    for field in sets:  # positions with the same field are one with more units
        units[field] = units.get(field, 0) + m
    found = 1
    for part in _connected(list(units)):
        counts = [units[field] for field in part]
        by_intervals = _intervals(part)
        if by_intervals is not None:
            order, spans = by_intervals
            found *= _served(spans, [counts[i] for i in order])
        else:
            found *= _matched(part, counts)
    return found


def _connected(fields: list[frozenset[int]]) -> list[list[frozenset[int]]]:
    parts: list[tuple[set[int], list[frozenset[int]]]] = []
    for field in fields:
        touching = [part for part in parts if part[0] & field]
        parts = [part for part in parts if not part[0] & field]
        inputs, members = set(field), [field]
        for other, more in touching:
            inputs |= other
            members += more
        parts.append((inputs, members))
    return [members for _, members in parts]


def _intervals(fields: list[frozenset[int]]) -> tuple[list[int], list[tuple[int, int]]] | None:
    """Order and ends of the fields if they are intervals, none inside another."""
    spans = [(min(f), max(f) + 1) for f in fields]
    if any(end - start != len(f) for f, (start, end) in zip(fields, spans, strict=True)):
        return None
    order = sorted(range(len(fields)), key=spans.__getitem__)
    spans = [spans[i] for i in order]
    proper = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(spans))
    return (order, spans) if proper else None


def _served(spans: Sequence[tuple[int, int]], units: Sequence[int]) -> int:
    """``first[x]``: weight of the choices so far that use inputs up to ``x`` at the most."""
    first = {0: 1}
    for (start, end), m in zip(spans, units, strict=True):
        after: dict[int, int] = {}
        choose = list(binomials(m, end - start))
        for used, ways in first.items():
            free = max(used, start)
            for t, c in enumerate(choose[: end - free + 1]):
                after[free + t] = after.get(free + t, 0) + ways * c
        first = after
    return sum(first.values())


def _matched(fields: Sequence[frozenset[int]], units: Sequence[int]) -> int:
    """The sum over all feasible ``t``, by augmenting paths from a matching that is kept."""
    work = prod(min(m, len(f)) + 1 for f, m in zip(fields, units, strict=True))
    need(
        work <= WORK,
        f"{len(fields)} positions overlap and their fields are no intervals: too many to count",
    )

    def rest(i: int, owner: dict[int, int]) -> int:
        if i == len(fields):
            return 1
        total = 0
        owner = dict(owner)
        for c in binomials(units[i], len(fields[i])):
            total += c * rest(i + 1, owner)
            if not _augment(fields, owner, i):
                break
        return total

    return rest(0, {})


def _augment(fields: Sequence[frozenset[int]], owner: dict[int, int], i: int) -> bool:
    """Give position ``i`` one more input, perhaps by moving others; False if that cannot be."""
    came: dict[int, int | None] = {}
    queue: list[tuple[int, int | None]] = [(x, None) for x in fields[i]]
    while queue:
        x, before = queue.pop()
        if x in came:
            continue
        came[x] = before
        if x not in owner:
            # the free input goes to the owner of the one before it, and so on back to i
            at: int | None = x
            while at is not None:
                previous = came[at]
                owner[at] = i if previous is None else owner[previous]
                at = previous
            return True
        queue += [(y, x) for y in fields[owner[x]] if y not in came]
    return False


def _shapes(
    shape: Sequence[int], layers: Sequence[Convolution]
) -> list[tuple[int, tuple[int, ...]]]:
    """``(channels, extents)`` of the input and of what every layer writes."""
    channels, *extents = (check_count(n, "an extent of the image") for n in shape)
    if not extents or not layers:
        raise NetworkError("give the shape (channels, height, width) and at least one layer")
    found = [(channels, tuple(extents))]
    for layer in layers:
        found.append((layer.filters, layer.positions(found[-1][1])))
    return found


def convolution_upper(shape: Sequence[int], layers: Sequence[Convolution]) -> int:
    r"""Upper bound on the activation regions of a convolutional rectifier network.

    .. math:: R_1 \prod_{l=2}^{L} \sum_{j=0}^{n_0} \binom{n_l}{j}

    with the number ``R_1`` of the first layer (`fields_layer`), ``n_0`` inputs and ``n_l`` units of
    layer ``l``.

    Parameters
    ----------
    shape : sequence of int
        Of the input, ``(channels, *extents)``.
    layers : sequence of Convolution

    Raises
    ------
    UnsupportedError
        If the first layer cannot be counted.

    References
    ----------
    Theorem 5 of Xiong et al. 2020.

    Examples
    --------
    >>> convolution_upper((1, 4), [Convolution(2, 2), Convolution(2, 2)])
    880
    """
    shapes = _shapes(shape, layers)
    n0 = prod(shape)
    first = fields_layer(layers[0].fields(shape), layers[0].filters)
    return first * prod(generic_cells(n0, m * prod(extents)) for m, extents in shapes[2:])


def convolution_lower(shape: Sequence[int], layers: Sequence[Convolution]) -> int:
    r"""Lower bound on the maximal number of activation regions of a convolutional network.

    .. math:: R' \prod_{l=1}^{L-1} \left\lfloor \frac{m_l}{m_0} \right\rfloor^{p_l m_0}

    with ``m_l`` filters at ``p_l`` positions in layer ``l``, ``m_0`` channels of the input and
    ``m_l >= m_0`` in the layers before the last; ``R'`` is the number of the last layer alone, if
    the image that it reads had ``m_0`` channels. The layers before it pick one pixel a position and
    fold its channels.

    Parameters
    ----------
    shape : sequence of int
        Of the input, ``(channels, *extents)``.
    layers : sequence of Convolution

    Raises
    ------
    UnsupportedError
        If a layer before the last has fewer filters than the input has channels, or the last one
        cannot be counted.

    References
    ----------
    Theorem 5 of Xiong et al. 2020, stated there for linear regions; here for activation regions, as
    cells of the last layer without active units may be one linear region.

    Examples
    --------
    >>> convolution_lower((1, 4), [Convolution(2, 2), Convolution(2, 2)])
    120
    """
    shapes = _shapes(shape, layers)
    m0 = shapes[0][0]
    folds = 1
    for i, (m, extents) in enumerate(shapes[1:-1], start=1):
        need(m >= m0, f"needs as many filters as channels; layer {i} has {m} < {m0}")
        folds *= power(m // m0, prod(extents) * m0)
    last = layers[-1]
    return folds * fields_layer(last.fields((m0, *shapes[-2][1])), last.filters)

"""A shallow form's own file: exact numbers as bytes, no pickle."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LoadError
from ..storage import opened, write
from .form import MaxOfShallow
from .numbers import Dyadics

__all__ = ["load", "save"]

#: Grows when a file can no longer be read by what read the files before it.
FORMAT = 1


def save(form: MaxOfShallow, path: str | os.PathLike[str]) -> None:
    """See `MaxOfShallow.save`."""
    header = {"format": FORMAT, "kind": "max of shallow", "complete": form.complete}
    header["meta"] = form.meta
    arrays: dict[str, NDArray[Any]] = {"start": form.start, "reads": form.reads}
    for name in ("affine", "hidden", "weights"):
        numbers: Dyadics = getattr(form, name)
        arrays[f"{name}.ints"] = _bytes(numbers.ints)
        arrays[f"{name}.exponents"] = numbers.exponents
        arrays[f"{name}.shape"] = np.array(numbers.shape, dtype=np.int64)
    write(path, header, arrays)


def load(path: str | os.PathLike[str]) -> MaxOfShallow:
    """See `MaxOfShallow.load`."""
    with opened(path, "shallow form", FORMAT) as (header, data):
        if header.get("kind") != "max of shallow":
            raise LoadError(f"{path}: a file of plica, but not a shallow form")
        affine, hidden, weights = (_numbers(data, n) for n in ("affine", "hidden", "weights"))
        start, reads = data["start"], data["reads"]
        fits = start.size == affine.shape[0] + 1 and start[-1] == reads.size
        fits &= weights.shape == (reads.size, affine.shape[1])
        if not fits or (reads.size and not 0 <= reads.min() <= reads.max() < len(hidden.ints)):
            raise LoadError(f"{path}: its arrays do not fit each other; it is damaged")
        return MaxOfShallow(
            affine, hidden, start, reads, weights, header["meta"], header["complete"]
        )


def _bytes(ints: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers of any size, little-endian two's complement, one a row."""
    flat = [int(i) for i in ints.reshape(-1)]
    width = max((i.bit_length() // 8 + 1 for i in flat), default=1)
    joined = b"".join(i.to_bytes(width, "little", signed=True) for i in flat)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(flat), width)


def _numbers(data: Any, name: str) -> Dyadics:
    raw, shape = data[f"{name}.ints"], tuple(data[f"{name}.shape"].tolist())
    ints = np.empty(raw.shape[0], dtype=object)
    ints[:] = [int.from_bytes(row.tobytes(), "little", signed=True) for row in raw]
    return Dyadics(ints.reshape(shape), data[f"{name}.exponents"])

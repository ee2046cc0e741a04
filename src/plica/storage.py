"""A network's own file, and the hash of its content."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .chain import Network, Stage
from .errors import LoadError
from .units import PiecewiseLinear, Units

if TYPE_CHECKING:
    import os

__all__ = ["digest", "load", "opened", "save", "write"]

#: Grows when a file can no longer be read by what read the files before it.
FORMAT = 1


def digest(stages: Iterable[Stage]) -> str:
    """SHA-256, hexadecimal, of weights and units; see `Network.id`.

    Dense and sparse maps with the same entries are the same content, and so are 0 and -0.
    """
    found = hashlib.sha256(b"plica chain 1")
    for stage in stages:
        A = sp.csr_array(stage.A)
        A.sort_indices()
        u = stage.units
        scalars = [np.array([f.intercept]) for f in u.functions]
        for part in (
            np.array([stage.n_pre, stage.n_state, u.n_out, len(u.functions)]),
            A.indptr.astype("<i8"),
            A.indices.astype("<i8"),
            A.data + 0.0,
            stage.a + 0.0,
            u.start,
            u.reads,
            u.function,
            *(f.breakpoints for f in u.functions),
            *(f.slopes for f in u.functions),
            *scalars,
        ):
            found.update(np.int64(part.size).astype("<i8").tobytes())
            found.update(np.ascontiguousarray(part.astype(part.dtype.newbyteorder("<"))).tobytes())
    return found.hexdigest()


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """See `Network.save`."""
    header = {"format": FORMAT, "stages": len(net.stages), "id": net.id, "meta": net.meta}
    arrays: dict[str, NDArray[Any]] = {}
    for i, s in enumerate(net.stages):
        if s.sparse:
            arrays[f"{i}.A.data"], arrays[f"{i}.A.indices"] = s.A.data, s.A.indices
            arrays[f"{i}.A.indptr"], arrays[f"{i}.A.shape"] = s.A.indptr, np.array(s.A.shape)
        else:
            arrays[f"{i}.A"] = s.A
        arrays[f"{i}.a"] = s.a
        u = s.units
        arrays[f"{i}.start"], arrays[f"{i}.reads"] = u.start, u.reads
        arrays[f"{i}.function"] = u.function
        arrays[f"{i}.n_functions"] = np.array(len(u.functions))
        for j, f in enumerate(u.functions):
            arrays[f"{i}.f{j}.breakpoints"] = f.breakpoints
            arrays[f"{i}.f{j}.slopes"] = f.slopes
            arrays[f"{i}.f{j}.intercept"] = np.array(f.intercept)
    write(path, header, arrays)


def load(path: str | os.PathLike[str]) -> Network:
    """See `Network.load`."""
    with opened(path, "plica network file", FORMAT) as (header, data):
        net = Network([_stage(data, i) for i in range(header["stages"])], header["meta"])
        if net.id != header["id"]:
            raise LoadError(f"{path}: the content does not match its id; it is damaged")
    return net


def write(
    path: str | os.PathLike[str], header: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    """Write an ``.npz`` file of arrays and a header, which holds its ``"format"``."""
    text = np.frombuffer(json.dumps(header, default=str).encode(), dtype=np.uint8)
    with Path(path).open("wb") as file:
        np.savez_compressed(file, header=text, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], what: str, newest: int) -> Iterator[tuple[Any, Any]]:
    """The header and the arrays of a file that `write` made, while it is open.

    Parameters
    ----------
    path : str or PathLike
    what : str
        What the file should be, for the errors.
    newest : int
        The newest format that can be read.

    Raises
    ------
    LoadError
        If the file is missing or of a newer format, and in place of any error while it is read.
    """
    path = Path(path)
    if not path.is_file():
        raise LoadError(f"{path}: no such file")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            header = json.loads(bytes(data["header"]))
            if header["format"] > newest:
                raise LoadError(
                    f"{path}: written in format {header['format']}, this plica reads up to "
                    f"{newest}; use a newer plica"
                )
            yield header, data
    except LoadError:
        raise
    except Exception as error:  # zip, zlib, json and numpy each have their own
        raise LoadError(f"{path}: not a {what}, or damaged ({error})") from error


def _stage(data: Any, i: int) -> Stage:
    if f"{i}.A" in data:
        A: Any = data[f"{i}.A"]
    else:
        parts = (data[f"{i}.A.data"], data[f"{i}.A.indices"], data[f"{i}.A.indptr"])
        A = sp.csr_array(parts, shape=tuple(data[f"{i}.A.shape"]))
    functions = tuple(
        PiecewiseLinear(
            data[f"{i}.f{j}.breakpoints"],
            data[f"{i}.f{j}.slopes"],
            float(data[f"{i}.f{j}.intercept"]),
        )
        for j in range(int(data[f"{i}.n_functions"]))
    )
    units = Units(
        A.shape[0], data[f"{i}.start"], data[f"{i}.reads"], data[f"{i}.function"], functions
    )
    return Stage(A, data[f"{i}.a"], units, f"stage {i}")

"""An atlas on disk: a folder of ``.npy`` columns, the network, and a manifest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..chain import Network
from ..domains import Box, Domain, Polytope, Segment, Slice
from ..errors import LoadError, PlicaError
from .atlas import Atlas
from .count import Count

__all__ = ["open_atlas", "save"]

FORMAT = 1
COLUMNS = ("packed", "bits", "offsets", "vertices", "edges", "places", "cut_units", "maps")
#: Arrays that say what a domain is.
DOMAINS: dict[str, tuple[type[Domain], tuple[str, ...]]] = {
    "box": (Box, ("lower", "upper")),
    "polytope": (Polytope, ("A", "b")),
    "segment": (Segment, ("start", "end")),
    "slice": (Slice, ("origin", "directions", "bounds", "points")),
}


def save(atlas: Atlas, folder: str | os.PathLike[str]) -> None:
    """See `Atlas.save`."""
    path = Path(folder)
    if path.exists() and any(path.iterdir()):
        raise PlicaError(f"{path}: the folder is not empty; choose a new one")
    path.mkdir(parents=True, exist_ok=True)
    kind = next(name for name, (cls, _) in DOMAINS.items() if isinstance(atlas.domain, cls))
    for name in COLUMNS:
        column = getattr(atlas, name)
        if column is not None:
            np.save(path / f"{name}.npy", column, allow_pickle=False)
    for name in DOMAINS[kind][1]:
        np.save(path / f"domain.{name}.npy", np.asarray(getattr(atlas.domain, name)))
    atlas.network.save(path / "network.npz")
    manifest = {
        "format": FORMAT,
        "network": atlas.network.id,
        "domain": kind,
        "regions": len(atlas),
        "count": {**atlas.count.__dict__, "value": int(atlas.count)},
        "map_error": atlas.map_error,
        "columns": [name for name in COLUMNS if getattr(atlas, name) is not None],
    }
    # written last: a folder without a manifest is an atlas that was not finished
    (path / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def open_atlas(folder: str | os.PathLike[str]) -> Atlas:
    """See `Atlas.open`.

    Raises
    ------
    LoadError
        If the folder is not a finished atlas, of a newer format, or damaged.
    """
    path = Path(folder)
    if not (path / "manifest.json").is_file():
        raise LoadError(f"{path}: not an atlas, or one that was not finished: no manifest.json")
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        if manifest["format"] > FORMAT:
            raise LoadError(
                f"{path}: written in format {manifest['format']}, this plica reads up to {FORMAT}"
            )
        columns: dict[str, Any] = {
            name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in manifest["columns"]
        }
        cls, names = DOMAINS[manifest["domain"]]
        domain = cls(*(np.load(path / f"domain.{name}.npy") for name in names))
        count = Count(**{"value": manifest["regions"], **manifest["count"]})
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise LoadError(f"{path}: the atlas is damaged ({error})") from error
    network = Network.load(path / "network.npz")
    if network.id != manifest["network"] or len(columns["offsets"]) != manifest["regions"] + 1:
        raise LoadError(f"{path}: the atlas is damaged: its parts do not belong together")
    return Atlas(
        network,
        domain,
        count,
        **{name: columns.get(name) for name in COLUMNS},  # type: ignore[arg-type]
        map_error=manifest["map_error"],
    )

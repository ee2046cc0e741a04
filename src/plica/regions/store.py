"""An atlas on disk: a folder of ``.npy`` columns, the network, and a manifest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..chain import Network
from ..domains import Box, Domain, Polytope, Segment, Slice, Space
from ..errors import LoadError, PlicaError
from .atlas import Atlas
from .cells import CellAtlas
from .count import Count
from .polygons import PolygonAtlas

__all__ = ["open_atlas", "save"]

FORMAT = 1
#: Kinds of atlases, and their columns besides those that all have.
SHARED = ("packed", "bits", "maps")
KINDS: dict[str, tuple[type[Atlas], tuple[str, ...]]] = {
    "polygons": (PolygonAtlas, ("offsets", "vertices", "edges", "places", "cut_units")),
    "cells": (CellAtlas, ("inside",)),
}
#: Arrays that say what a domain is.
DOMAINS: dict[str, tuple[type[Domain], tuple[str, ...]]] = {
    "box": (Box, ("lower", "upper")),
    "polytope": (Polytope, ("A", "b")),
    "segment": (Segment, ("start", "end")),
    "slice": (Slice, ("origin", "directions", "bounds", "points")),
    "space": (Space, ("n",)),
}


def save(atlas: Atlas, folder: str | os.PathLike[str]) -> None:
    """See `Atlas.save`."""
    path = Path(folder)
    if path.exists() and any(path.iterdir()):
        raise PlicaError(f"{path}: the folder is not empty; choose a new one")
    path.mkdir(parents=True, exist_ok=True)
    domain = next(name for name, (cls, _) in DOMAINS.items() if isinstance(atlas.domain, cls))
    kind = next(name for name, (cls, _) in KINDS.items() if isinstance(atlas, cls))
    columns = [name for name in (*SHARED, *KINDS[kind][1]) if getattr(atlas, name) is not None]
    for name in columns:
        np.save(path / f"{name}.npy", getattr(atlas, name), allow_pickle=False)
    for name in DOMAINS[domain][1]:
        np.save(path / f"domain.{name}.npy", np.asarray(getattr(atlas.domain, name)))
    atlas.network.save(path / "network.npz")
    manifest = {
        "format": FORMAT,
        "network": atlas.network.id,
        "kind": kind,
        "domain": domain,
        "regions": len(atlas),
        "count": {**atlas.count.__dict__, "value": int(atlas.count)},
        "map_error": atlas.map_error,
        "columns": columns,
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
        domain = _domain(path, manifest["domain"])
        kind, names = KINDS[manifest.get("kind", "polygons")]  # the first format had no other
        missing = {"packed", "bits", *names} - set(columns)
        if missing:
            raise LoadError(f"{path}: the atlas is damaged: no {', '.join(sorted(missing))}")
        count = Count(**{"value": manifest["regions"], **manifest["count"]})
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise LoadError(f"{path}: the atlas is damaged ({error})") from error
    network = Network.load(path / "network.npz")
    if network.id != manifest["network"] or len(columns["packed"]) != manifest["regions"]:
        raise LoadError(f"{path}: the atlas is damaged: its parts do not belong together")
    return kind(network, domain, count, **columns, map_error=manifest["map_error"])


def _domain(path: Path, kind: str) -> Domain:
    cls, names = DOMAINS[kind]
    parts = [np.load(path / f"domain.{name}.npy") for name in names]
    return cls(*(part.item() if part.ndim == 0 else part for part in parts))

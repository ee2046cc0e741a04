"""``plica shatter``: whether the gradients of a torch module shatter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .common import say

PICTURES = (".png", ".svg", ".pdf")


@click.command()
@click.argument("model")
@click.option(
    "--data", required=True, metavar="FILE", help="A batch of inputs, one a row: .npy, .npz or .pt."
)
@click.option("--samples", default=128, show_default=True, help="Rows of the data to take.")
@click.option(
    "--wrt",
    type=click.Choice(["activations", "parameters"]),
    default="activations",
    show_default=True,
    help="What the gradients are taken with respect to.",
)
@click.option(
    "--bn",
    type=click.Choice(["frozen", "eval", "through"]),
    default="frozen",
    show_default=True,
    help="Batch normalisation: by the batch and held constant, by the running statistics, or "
    "differentiated (which measures nothing).",
)
@click.option("--draws", default=4, show_default=True, help="Random readouts of the outputs.")
@click.option("--seed", default=0, show_default=True, help="Of the random readouts.")
@click.option("--float64/--own-type", default=True, help="Measure a copy in float64 (default).")
@click.option(
    "--trust", is_flag=True, help="Load a pickled module. It can run any code: only of your own."
)
@click.option("--plot", metavar="FILE", help="Draw the correlation by layer, as .png, .svg, .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def shatter(
    model: str,
    data: str,
    samples: int,
    wrt: str,
    bn: str,
    draws: int,
    seed: int,
    float64: bool,
    trust: bool,
    plot: str | None,
    as_json: bool,
) -> None:
    """Say whether the gradients of different samples still agree in MODEL, layer by layer.

    MODEL is a torch module: ``package.module:name`` of a module or of a function that makes one, or
    a file that torch.save wrote of a whole module (with --trust).
    """
    from ..errors import PlicaError

    try:
        import torch
    except ImportError as error:
        raise PlicaError("this needs torch: pip install 'plica[torch]'") from error
    from ..gradients import diagnose

    if samples < 2:
        raise PlicaError(f"--samples must be at least 2, got {samples}")
    if plot is not None and Path(plot).suffix.lower() not in PICTURES:
        raise PlicaError(f"--plot {plot}: pictures are written as {', '.join(PICTURES)}")
    module = _module(torch, model, trust)
    batch = _batch(torch, data)[:samples]
    if float64:
        import copy

        module = copy.deepcopy(module).double()
    report = diagnose(module, batch, wrt=wrt, bn=bn, draws=draws, seed=seed)
    if as_json:
        click.echo(report.to_json())
    else:
        click.echo(str(report))
    if plot is not None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        report.plot(figure.subplots())
        figure.savefig(plot)
        if not as_json:
            say(f"{plot}: the correlation by layer")


def _module(torch: Any, model: str, trust: bool) -> Any:
    import importlib
    import sys

    from ..errors import LoadError

    if Path(model).is_file():
        if not trust:
            raise LoadError(
                f"{model} holds pickled code, which can do anything when it is loaded: pass "
                "--trust if it is your own, or name a function that makes the module, as "
                "package.module:name"
            )
        found = _load(torch, model, weights_only=False)
    else:
        place, colon, name = model.partition(":")
        if not colon or not name:
            raise LoadError(f"{model} is neither a file nor of the form package.module:name")
        sys.path.insert(0, "")  # as python -m does
        try:
            found = getattr(importlib.import_module(place), name, None)
        except ImportError as error:
            raise LoadError(f"{place} cannot be imported: {error}") from error
        finally:
            sys.path.remove("")
        if found is None:
            raise LoadError(f"{place} has no {name}")
        if not isinstance(found, torch.nn.Module) and callable(found):
            found = found()
    if not isinstance(found, torch.nn.Module):
        raise LoadError(
            f"{model} is a {type(found).__name__}, not a torch module: a state dict has weights "
            "only; name a function that makes the module and loads them"
        )
    return found


def _load(torch: Any, file: str, weights_only: bool) -> Any:
    import pickle

    from ..errors import LoadError

    try:
        return torch.load(file, map_location="cpu", weights_only=weights_only)
    except (AttributeError, EOFError, ImportError, RuntimeError, pickle.UnpicklingError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LoadError(f"{file} cannot be loaded by torch.load: {what}") from error


def _batch(torch: Any, data: str) -> Any:
    import numpy as np

    from ..errors import LoadError

    suffix = Path(data).suffix.lower()
    if suffix == ".pt":
        found = _load(torch, data, weights_only=True)
        if not isinstance(found, torch.Tensor):
            raise LoadError(f"{data} holds a {type(found).__name__}, not a tensor")
        return found
    if suffix not in (".npy", ".npz"):
        raise LoadError(f"{data}: a batch is read from .npy, .npz or .pt")
    try:
        found = np.load(data, allow_pickle=False)
        if suffix == ".npz":
            if len(found.files) != 1:
                raise LoadError(f"{data} must hold one array, has {', '.join(found.files)}")
            found = found[found.files[0]]
        return torch.as_tensor(found)
    except (ValueError, TypeError) as error:
        raise LoadError(f"{data} cannot be read: {error}") from error

"""``plica report``: what a network is, and what it does on a line or plane."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import Interrupt, budget_of, domain_options, load_model, map_polygons

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from ..chain import Network
    from ..regions.count import Count
    from ..regions.polygons import PolygonAtlas
    from ..units import PiecewiseLinear
    from .domain import Chosen

__all__ = ["describe", "describe_count", "describe_domain", "report", "sentence"]

#: What a loader notes in ``net.meta`` about the comparison with the original.
CHECKS = ("checked_against", "error", "relative_error", "tolerance", "points")
#: Units beyond which a report leaves out the upper bound: it takes seconds.
MANY = 2000
#: Version of the JSON; grows when a field changes its meaning or goes.
SCHEMA = 1


@click.command()
@click.argument("model")
@domain_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def report(
    model: str,
    domain: str | None,
    through: str | None,
    budget: str | None,
    input_shape: str | None,
    as_json: bool,
) -> None:
    """Say what MODEL is: architecture, regions on a line or plane, idle units."""
    limit = budget_of(budget)
    net, warnings = load_model(model, input_shape)
    from .domain import choose_domain

    chosen = choose_domain(net, domain, through)
    with Interrupt() as interrupt:
        atlas = map_polygons(net, chosen, limit)
        found = describe(atlas, chosen, model, warnings)
        if as_json:
            import json

            click.echo(json.dumps(found, indent=2))
        else:
            from rich.console import Console

            _print(found, Console(highlight=False))
    interrupt.leave()


# -- what the report says ------------------------------------------------------------------------


def describe(
    atlas: PolygonAtlas, chosen: Chosen, model: str, warnings: list[str]
) -> dict[str, Any]:
    """The report as plain numbers, texts, lists and dicts: what ``--json`` prints."""
    import plica

    net = atlas.network
    return {
        "schema": SCHEMA,
        "plica": plica.__version__,
        "model": {
            "file": str(model),
            "id": net.id,
            "inputs": net.n_inputs,
            "outputs": net.n_outputs,
            "units": net.n_units,
            "layers": _layers(net),
        },
        "check": {key: _plain(net.meta.get(key)) for key in CHECKS},
        "domain": describe_domain(chosen),
        "regions": {
            **describe_count(atlas.count),
            "activation": int(atlas.count),
            "linear": len(atlas.linear_regions()) if atlas.count.complete else None,
            "upper_bound": _upper_bound(net, chosen),
        },
        "sizes": _sizes(atlas),
        "idle": _idle(atlas),
        "warnings": warnings,
    }


def _upper_bound(net: Network, chosen: Chosen) -> dict[str, str] | None:
    """The least bound on the number of regions, in digits: it may be longer than a float."""
    from ..bounds import of_network

    if net.n_units > MANY:
        return None
    least = min(of_network(net, chosen.domain), key=lambda bound: bound.value)
    return {key: least.as_dict()[key] for key in ("name", "value")}


def describe_count(count: Count) -> dict[str, Any]:
    """A count as a dict."""
    return {
        "value": int(count),
        "kind": count.kind,
        "status": str(count.status),
        "exact": bool(count.exact),
        "complete": bool(count.complete),
        "engine": count.engine,
        "arbitrated": int(count.arbitrated),
        "seconds": float(count.seconds),
    }


def describe_domain(chosen: Chosen) -> dict[str, Any]:
    """A domain as a dict, complete enough to make it again."""
    from dataclasses import fields

    domain = chosen.domain
    found: dict[str, Any] = {
        "kind": type(domain).__name__.lower(),
        "text": repr(domain),
        "why": chosen.why,
        "inputs": domain.n_inputs,
        "dimension": domain.dim,
    }
    for field in fields(domain):  # type: ignore[arg-type]
        value = getattr(domain, field.name)
        if field.name == "box":
            found["lower"], found["upper"] = value.lower.tolist(), value.upper.tolist()
        else:
            found[field.name] = value if isinstance(value, int) else value.tolist()
    return found


def sentence(count: Count) -> str:
    """A count in words."""
    many = f"{int(count):,} {count.kind} regions"
    if not count.complete:
        many = f"at least {many} (stopped early)"
    how = "exact" if count.exact else str(count.status).replace("_", " ")
    return (
        f"{many}, {how}, {count.engine} engine, {count.seconds:.3g} s, "
        f"{count.arbitrated:,} questions decided in rational arithmetic"
    )


def _plain(value: Any) -> Any:
    """A loader's note as JSON can hold it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _layers(net: Network) -> list[dict[str, Any]]:
    """Hidden layers and the readout: units, their functions, weights since the layer before."""
    found: list[dict[str, Any]] = []
    weights = 0
    for i, stage in enumerate(net.stages):
        weights += stage.nnz
        units = stage.units
        if i not in net.hidden:
            continue
        kinds: dict[str, int] = {}
        for k in units.nonlinear:
            f = int(units.function[k])
            name = name_of(units.functions[f]) if f >= 0 else f"max of {units.n_pieces[k]}"
            kinds[name] = kinds.get(name, 0) + 1
        found.append(
            {
                "layer": len(found) + 1,
                "units": int(units.nonlinear.size),
                "activations": kinds,
                "passed": units.n_out - int(units.nonlinear.size),
                "weights": weights,
            }
        )
        weights = 0
    found.append(
        {
            "layer": "output",
            "units": net.n_outputs,
            "activations": {},
            "passed": 0,
            "weights": weights,
        }
    )
    return found


def name_of(f: PiecewiseLinear) -> str:
    """The usual name of a scalar function."""
    t, s = f.breakpoints.tolist(), f.slopes.tolist()
    if t == [0.0] and f.intercept == 0.0:
        if s == [0.0, 1.0]:
            return "relu"
        if s == [-1.0, 1.0]:
            return "abs"
        if s[1] == 1.0:
            return f"leaky relu {s[0]:.3g}"
    if len(t) == 2 and s == [0.0, 1.0, 0.0] and f.intercept == t[0]:
        return f"clip {t[0]:.3g} to {t[1]:.3g}"
    return f"{f.n_pieces} linear pieces"


def _sizes(atlas: PolygonAtlas) -> dict[str, Any]:
    import numpy as np

    sizes = atlas.sizes
    return {
        "measure": "length" if atlas.dim == 1 else "area",
        "total": float(sizes.sum()),
        "largest": float(sizes.max()),
        "smallest": float(sizes.min()),
        "mean": float(sizes.mean()),
        "median": float(np.median(sizes)),
    }


def _idle(atlas: PolygonAtlas) -> list[dict[str, Any]]:
    """By layer: units that stay on one piece all over the domain."""
    import numpy as np

    net = atlas.network
    still, first = atlas.fixed_units()
    slope = _slopes(net, first)
    layers = np.asarray(net.unit_layers)
    found = []
    for layer in range(1, net.depth + 1):
        here = layers == layer
        dead = here & still & (slope == 0)
        found.append(
            {
                "layer": layer,
                "units": int(here.sum()),
                "dead": int(dead.sum()),
                "always_on": int((here & still).sum() - dead.sum()),
                "folding": int((here & ~still).sum()),
            }
        )
    return found


def _slopes(net: Network, pattern: NDArray[Any]) -> NDArray[np.float64]:
    """Slope of every unit on its piece; 1 for a max, which passes one of its inputs on."""
    import numpy as np

    found = []
    column = 0
    for i in net.hidden:
        units = net.stages[i].units
        for k in units.nonlinear:
            f = int(units.function[k])
            found.append(float(units.functions[f].slopes[int(pattern[column])]) if f >= 0 else 1.0)
            column += 1
    return np.array(found)


# -- how it is shown -----------------------------------------------------------------------------


def _print(found: dict[str, Any], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from ..bounds.counting import rounded

    def table(title: str, *columns: str) -> Table:
        made = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
        for i, column in enumerate(columns):
            made.add_column(column, justify="left" if i == 0 else "right")
        return made

    model, regions, sizes = found["model"], found["regions"], found["sizes"]
    parts = (
        _many(model["inputs"], "input"),
        f"{_many(model['units'], 'unit')} in {_many(len(model['layers']) - 1, 'hidden layer')}",
        _many(model["outputs"], "output"),
    )
    console.print(f"[bold]{escape(Path(model['file']).name)}[/]: {', '.join(parts)}")
    console.print(_check_line(found["check"]), markup=False)
    for warning in found["warnings"]:
        console.print(f"[yellow]note:[/] {escape(warning)}")
    console.print()

    shape = table("Architecture", "layer", "units", "activation", "carried along", "weights")
    for row in model["layers"]:
        kinds = row["activations"]
        one = len(kinds) == 1
        text = ", ".join(name if one else f"{n:,} {name}" for name, n in kinds.items())
        carried = f"{row['passed']:,}" if row["passed"] else ""
        shape.add_row(
            str(row["layer"]), f"{row['units']:,}", text or "affine", carried, f"{row['weights']:,}"
        )
    console.print(shape)

    domain = found["domain"]
    console.print("[bold]Domain[/]")
    console.print(f"  {domain['text']}", markup=False)
    console.print(f"  {domain['why']}", markup=False)
    if domain["kind"] == "slice":
        sides = (
            f"[{a:.4g}, {b:.4g}]" for a, b in zip(domain["lower"], domain["upper"], strict=True)
        )
        console.print(f"  along its directions: {' x '.join(sides)}", markup=False)
    console.print()

    bound = "" if regions["complete"] else "at least "
    what = table("Regions", "", "")
    what.show_header = False
    what.add_row("activation regions", f"{bound}{regions['activation']:,}")
    linear = regions["linear"]
    what.add_row("linear regions", "not all found" if linear is None else f"{linear:,}")
    if upper := regions["upper_bound"]:
        what.add_row("upper bound (plica bounds)", rounded(int(upper["value"])))
    for key in ("largest", "smallest", "mean", "median"):
        what.add_row(f"{key} {sizes['measure']}", f"{sizes[key]:.4g}")
    what.add_row(f"total {sizes['measure']}", f"{sizes['total']:.6g}")
    console.print(what)

    idle = table("Units over the domain", "layer", "fold", "always on", "dead")
    for row in found["idle"]:
        idle.add_row(*(f"{row[key]:,}" for key in ("layer", "folding", "always_on", "dead")))
    console.print(idle)

    how = "exact" if regions["exact"] else regions["status"].replace("_", " ")
    if not regions["complete"]:
        how += ", stopped early: sizes and units are those of the regions found"
    console.print(
        f"[bold]{how}[/]; {regions['engine']} engine, {regions['seconds']:.3g} s, "
        f"{regions['arbitrated']:,} questions decided in rational arithmetic"
    )


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _check_line(check: dict[str, Any]) -> str:
    if check["error"] is None:
        return f"chain compared with {check['checked_against'] or 'nothing: it is the original'}"
    return (
        f"chain compared with {check['checked_against']} at {check['points']} random points: "
        f"largest difference {check['error']:.2g}, relative {check['relative_error']:.2g} (allowed "
        f"{check['tolerance']:.0e})"
    )

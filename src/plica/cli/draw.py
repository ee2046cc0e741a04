"""``plica draw``: the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .common import Interrupt, budget_of, domain_options, load_model, map_model, say

if TYPE_CHECKING:
    from numpy.typing import NDArray


@click.command()
@click.argument("model")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="The picture: .png, .svg or .pdf."
)
@domain_options
@click.option(
    "--color",
    type=click.Choice(["affine", "pattern", "layer", "output"]),
    default="affine",
    show_default=True,
    help="What the colour of a region tells.",
)
@click.option(
    "--boundary",
    default="auto",
    show_default=True,
    metavar="auto|none|LEVEL|I,J",
    help="Where the largest output changes, nothing, a level of output 0, or between I and J.",
)
@click.option("--creases/--no-creases", default=True, help="Draw the creases.  [default: creases]")
@click.option(
    "--points",
    metavar="FILE.npy",
    help="Data points in the domain's own coordinates, one a row; the class may follow.",
)
@click.option("--theme", type=click.Choice(["dark", "light"]), default="dark", show_default=True)
@click.option("--width", type=float, default=8.0, show_default=True, help="Longer side, in inches.")
@click.option(
    "--dpi",
    type=float,
    default=300.0,
    show_default=True,
    help="Resolution of a PNG, and of the colours in a PDF or SVG of many regions.",
)
def draw(
    model: str,
    output: str,
    domain: str | None,
    through: str | None,
    budget: str | None,
    input_shape: str | None,
    color: str,
    boundary: str,
    creases: bool,
    points: str | None,
    theme: str,
    width: float,
    dpi: float,
) -> None:
    """Draw the regions of MODEL on a line or plane."""
    from ..draw.files import check_path

    check_path(output)  # before the work, not after it
    limit, border = budget_of(budget), boundary_of(boundary)
    net, warnings = load_model(model, input_shape)
    for warning in warnings:
        say(f"note: {warning}")
    from .domain import choose_domain

    chosen = choose_domain(net, domain, through)
    marks, labels = (None, None) if points is None else _points(points, chosen.domain.dim)
    say(f"domain: {chosen.domain!r}: {chosen.why}")
    from ..draw import draw_file
    from .report import sentence

    with Interrupt() as interrupt:
        atlas = map_model(net, chosen, limit)
        draw_file(
            atlas,
            output,
            color=color,
            boundary=border,
            edges=creases,
            points=marks,
            labels=labels,
            theme=theme,
            width=width,
            dpi=dpi,
        )
        click.echo(f"{output}: {sentence(atlas.count)}")
    interrupt.leave()


def boundary_of(text: str) -> bool | float | tuple[int, int]:
    """The ``boundary`` of `plica.draw.plot_atlas` that a text means."""
    from ..errors import PlicaError

    word = text.strip().lower()
    if word in ("auto", "none"):
        return word == "auto"
    try:
        if "," in word:
            i, j = (int(part) for part in word.split(","))
            return i, j
        return float(word)
    except ValueError:
        raise PlicaError(
            f"boundary {text!r} is not understood; write auto, none, a number, or two outputs I,J"
        ) from None


def _points(path: str, dim: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    from ..errors import PlicaError
    from .domain import read_rows

    table = read_rows(path)
    if table.shape[1] not in (dim, dim + 1):
        raise PlicaError(
            f"{path}: expected {dim} columns, the domain's own coordinates, or {dim + 1} with the "
            f"class; got shape {table.shape}"
        )
    return table[:, :dim], table[:, dim] if table.shape[1] > dim else None

"""``plica bounds``: how many regions there can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from ..bounds.table import Table

WIDTHS = re.compile(r"\d+(?:[-,x]\d+)*")


@click.command()
@click.argument("subject", metavar="WIDTHS|MODEL")
@click.option(
    "--activation",
    metavar="NAME",
    help="relu, leaky_relu, abs, hardtanh, relu6 or hardsigmoid; relu if not given.",
)
@click.option("--p", type=int, metavar="P", help="Activations with P breakpoints instead.")
@click.option("--rank", type=int, metavar="K", help="Maxout units of rank K instead.")
@click.option("--no-biases", is_flag=True, help="Networks whose biases are all zero.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def bounds(
    subject: str,
    activation: str | None,
    p: int | None,
    rank: int | None,
    no_biases: bool,
    as_json: bool,
) -> None:
    """Bounds on the number of regions.

    WIDTHS, say 2-16-16-16, are the number of inputs and the widths of the hidden layers: bounds on
    the largest number of regions that any such network has.
    """
    if not WIDTHS.fullmatch(subject):
        raise click.UsageError(f"{subject!r} are no widths; write them as 2-16-16-16")
    import plica

    widths = tuple(int(n) for n in re.split("[-,x]", subject))
    found = plica.bounds.table(widths, activation or "relu", p=p, rank=rank, biases=not no_biases)
    _show(found, as_json)


def _show(found: Table, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        click.echo(str(found))

"""``plica bounds``: how many regions there can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from .common import load_model, say

if TYPE_CHECKING:
    from ..bounds.entries import Table

#: Widths, as opposed to the name of a file.
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
@click.option(
    "--domain",
    metavar="DOMAIN",
    help="For a MODEL: box:-1,1 | slice:... | segment:...; all of the input space if not given.",
)
@click.option(
    "--input-shape", metavar="C,H,W", help="For a MODEL: shape of one input, where it is open."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def bounds(
    subject: str,
    activation: str | None,
    p: int | None,
    rank: int | None,
    no_biases: bool,
    domain: str | None,
    input_shape: str | None,
    as_json: bool,
) -> None:
    """Bounds on the number of regions.

    WIDTHS, say 2-16-16-16, are the number of inputs and the widths of the hidden layers: bounds on
    the largest number of regions that any such network has. MODEL is a file: upper bounds on the
    number that this network has.
    """
    import plica

    if WIDTHS.fullmatch(subject):
        if domain or input_shape:
            raise click.UsageError("a domain or input shape is for a MODEL, not for widths")
        widths = tuple(int(n) for n in re.split("[-,x]", subject))
        found = plica.bounds.table(
            widths, activation or "relu", p=p, rank=rank, biases=not no_biases
        )
        _show(found, as_json)
        return
    if activation or p is not None or rank is not None or no_biases:
        raise click.UsageError("a MODEL has its own activations and biases; leave the options out")
    net, warnings = load_model(subject, input_shape)
    where = None
    if domain is not None:
        from .domain import choose_domain

        where = choose_domain(net, domain, None, flat=False).domain
    if not as_json:
        for warning in warnings:
            say(f"note: {warning}")
    _show(plica.bounds.of_network(net, where), as_json)


def _show(found: Table, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        click.echo(str(found))

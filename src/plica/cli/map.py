"""``plica map``: the atlas of a network, saved."""

from __future__ import annotations

import click

from .common import Interrupt, budget_of, domain_options, load_model, map_model, say


@click.command("map")
@click.argument("model")
@domain_options
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the atlas goes.")
def map_(
    model: str,
    domain: str | None,
    through: str | None,
    budget: str | None,
    input_shape: str | None,
    output: str,
) -> None:
    """Save every region of MODEL as an atlas: .npy columns in a folder."""
    limit = budget_of(budget)
    net, warnings = load_model(model, input_shape)
    for warning in warnings:
        say(f"note: {warning}")
    from .domain import choose_domain

    chosen = choose_domain(net, domain, through, flat=domain is None)
    say(f"domain: {chosen.domain!r}: {chosen.why}")
    from .report import sentence

    with Interrupt() as interrupt:
        atlas = map_model(net, chosen, limit)
        atlas.save(output)
        click.echo(f"{output}: {sentence(atlas.count)}")
    interrupt.leave()

"""``plica count``: how many regions."""

from __future__ import annotations

import click

from .common import Interrupt, budget_of, domain_options, load_model, say, watch


@click.command()
@click.argument("model")
@domain_options
@click.option(
    "--kind",
    type=click.Choice(["activation", "linear"]),
    default="activation",
    show_default=True,
    help="Regions of one activation pattern, or maximal regions of one affine map.",
)
@click.option("--jobs", default=1, show_default=True, help="Threads, in three dimensions and more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def count(
    model: str,
    domain: str | None,
    through: str | None,
    budget: str | None,
    input_shape: str | None,
    kind: str,
    jobs: int,
    as_json: bool,
) -> None:
    """Count the regions of MODEL.

    On the domain that is given, of any dimension; without one, on a plane that is chosen as by
    `plica report`.
    """
    limit = budget_of(budget)
    net, warnings = load_model(model, input_shape)
    from .domain import choose_domain

    chosen = choose_domain(net, domain, through, flat=domain is None)
    import plica

    if not as_json:
        for warning in warnings:
            say(f"note: {warning}")
        say(f"domain: {chosen.domain!r}: {chosen.why}")
    with Interrupt() as interrupt:
        with watch("counting", chosen) as progress:
            found = plica.count_regions(
                net, chosen.domain, kind=kind, budget=limit, n_jobs=jobs, progress=progress
            )
        if as_json:
            import json

            from .report import describe_count, describe_domain

            answer = {
                "plica": plica.__version__,
                "model": str(model),
                "domain": describe_domain(chosen),
                "count": describe_count(found),
                "warnings": warnings,
            }
            click.echo(json.dumps(answer, indent=2))
        else:
            click.echo(f"{int(found)}" if found.complete else f">= {int(found)}")
            from .report import sentence

            say(sentence(found))
    interrupt.leave()

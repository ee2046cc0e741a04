"""``plica shallow``: a network as a maximum of functions with one hidden layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .common import Interrupt, budget_of, domain_options, load_model, say, watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..chain import Network
    from ..domains import Domain
    from ..errors import BudgetError
    from ..shallow import MaxOfShallow

#: Points at which the form is compared with the network: in float64, and exactly.
POINTS, EXACT_POINTS, SEED = 2000, 5, 0


@click.command()
@click.argument("model")
@domain_options
@click.option(
    "--method",
    type=click.Choice(["auto", "patterns", "subsets", "minimal"]),
    default="auto",
    show_default=True,
    help="A term for each activation pattern, each set of later units, or each linear region.",
)
@click.option("--output", type=int, help="One output of the network only, from 0.")
@click.option(
    "--class-shift",
    "shift",
    is_flag=True,
    help="Lower all outputs by one function: differences and the arg max stay the same.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Print the sizes, and build nothing.")
@click.option(
    "-o", "--out", metavar="FILE", help="Save the form: exactly (.npz), or rounded as ONNX (.onnx)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def shallow(
    model: str,
    domain: str | None,
    through: str | None,
    budget: str | None,
    input_shape: str | None,
    method: str,
    output: int | None,
    shift: bool,
    only_plan: bool,
    out: str | None,
    as_json: bool,
) -> None:
    """Write MODEL as a maximum of functions with one hidden layer.

    On the domain that is given, of any dimension; without one, on a plane that is chosen as by
    `plica report`. The form is in the domain's own coordinates. Where the budget runs out, or on
    Ctrl-C, the terms found so far are saved: a lower bound of the network. The exit code is then
    not 0.
    """
    import plica

    if out is not None and not out.endswith((".npz", ".onnx")):
        raise plica.PlicaError(f"{out}: the form is saved as .npz or .onnx")
    limit = budget_of(budget)
    net, warnings = load_model(model, input_shape)
    from ..shallow import class_shift
    from ..shallow.convert import build
    from ..shallow.plan import Setting
    from .domain import choose_domain
    from .report import describe_domain

    chosen = choose_domain(net, domain, through, flat=domain is None)
    net = class_shift(net) if shift else net
    net = net if output is None else net.select(output)
    if not as_json:
        for warning in warnings:
            say(f"note: {warning}")
        say(f"domain: {chosen.domain!r}: {chosen.why}")
    stopped: BudgetError | None = None
    with Interrupt() as interrupt:
        with watch("mapping", chosen) as progress:
            setting = Setting(net, chosen.domain, method, True, limit, progress)
            sizes = setting.plan
        answer: dict[str, Any] = {
            "plica": plica.__version__,
            "model": str(model),
            "domain": describe_domain(chosen),
            "plan": sizes.__dict__,
            "warnings": warnings,
        }
        if not as_json:
            click.echo(str(sizes))
        if not only_plan and not interrupt.pressed:
            form: MaxOfShallow | None
            try:
                with watch("building", chosen, "steps") as setting.clock.progress:
                    form = build(setting)  # of the regions that the plan has mapped
            except plica.BudgetError as error:
                form, stopped = _lower_bound(error), error
                if form is None:
                    interrupt.leave()
                    raise
            answer["form"] = _described(form)
            answer["check"] = None if stopped else _check(form, net, chosen.domain)
            if out is not None:
                form.to_onnx(out) if out.endswith(".onnx") else form.save(out)
            if not as_json:
                _print(answer, out)
        if as_json:
            import json

            click.echo(json.dumps(answer, indent=2))
    interrupt.leave()
    if stopped is not None:
        raise stopped


def _lower_bound(error: BudgetError) -> MaxOfShallow | None:
    """The form of what was found when the budget ran out or Ctrl-C was pressed."""
    from ..shallow import MaxOfShallow, Unfinished

    found = error.partial
    if isinstance(found, Unfinished):
        return found.form()
    return found if isinstance(found, MaxOfShallow) else None


def _described(form: MaxOfShallow) -> dict[str, Any]:
    each = form.units_per_term
    return {
        "terms": len(form.terms),
        "units_per_term": [int(each.min()), float(each.mean()), int(each.max())],
        "total_units": form.total_units,
        "distinct_units": form.distinct_units,
        "complete": form.complete,
    }


def _print(answer: dict[str, Any], out: str | None) -> None:
    form, check = answer["form"], answer["check"]
    state = "built" if form["complete"] else "incomplete, a lower bound"
    least, mean, most = form["units_per_term"]
    click.echo(
        f"{state}: {form['terms']:,} terms of {least:,} to {most:,} hidden units "
        f"(mean {mean:.1f}), {form['total_units']:,} in all, {form['distinct_units']:,} distinct"
    )
    if check is not None:
        click.echo(_checked(check))
    if out is not None:
        how = "rounded to float64" if out.endswith(".onnx") else "exactly"
        click.echo(f"saved: {out} ({how})")


def _checked(check: dict[str, Any]) -> str:
    return (
        f"checked: equal in exact arithmetic at {check['exact_points']} points; in float64 "
        f"largest difference {check['error']:.2g} (relative {check['relative_error']:.2g}) at "
        f"{check['points']:,} points"
    )


def _check(form: MaxOfShallow, net: Network, domain: Domain) -> dict[str, Any]:
    """Compare the form with the network at random points of the domain."""
    import numpy as np

    from ..errors import PlicaError
    from ..exact.rational import RationalChain

    own = domain.restrict(net)
    x = _points(domain, POINTS)
    y = own(x)
    error = float(np.abs(form(x) - y).max())
    chain = RationalChain(own)
    for point in x[:EXACT_POINTS].tolist():
        if form.value(point) != chain.value(point):
            raise PlicaError(
                f"the form differs from the network at {point}; this is a defect of plica: please "
                "report the network and the domain"
            )
    return {
        "points": len(x),
        "exact_points": min(EXACT_POINTS, len(x)),
        "error": error,
        "relative_error": error / float(max(np.abs(y).max(), np.finfo(float).tiny)),
    }


def _points(domain: Domain, n: int) -> NDArray[np.float64]:
    """Random points of a domain, shape (n, dim), in own coordinates."""
    import numpy as np

    from ..domains import Box, Segment, Slice

    rng = np.random.default_rng(SEED)
    if isinstance(domain, (Box, Segment, Slice)):
        low, high = domain.bounds
        return np.clip(low + (high - low) * rng.random((n, domain.dim)), low, high)
    return rng.normal(size=(n, domain.dim))  # the whole space; the command line has no polytopes

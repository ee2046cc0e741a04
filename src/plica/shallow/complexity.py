"""How complex a network is as a shallow one: plain against residual, deep against shallow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from ..chain import Network, Stage
from ..domains import Domain
from ..engines.running import Budget
from ..errors import PlicaError
from ..units import IDENTITY, Units
from .plan import Setting

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Complexity", "complexity", "plot_complexity", "random_network", "sweep"]


@dataclass(frozen=True)
class Complexity:
    """Sizes of a network's shallow form by the method of patterns.

    Attributes
    ----------
    residual : bool
        Whether a hidden layer carries coordinates past its units.
    depth : int
        Hidden layers.
    units : int
        Units with more than one piece.
    all_terms : int
        Terms where nothing is known about the regions: the size that a formula gives.
    terms : int
        Terms for the patterns that occur on the domain.
    units_per_term : int
        Hidden units of each of them, before any are merged.
    total_units : int
        Of all terms together.
    regions : int
        Activation regions on the domain.
    largest_penalty : float
        The largest K.
    mean_penalty : float
        Mean of K over the breakpoints and outputs that have one.
    """

    residual: bool
    depth: int
    units: int
    all_terms: int
    terms: int
    units_per_term: int
    total_units: int
    regions: int
    largest_penalty: float
    mean_penalty: float


def complexity(
    net: Network,
    domain: Domain | None = None,
    *,
    budget: Budget | int | float | None = None,
) -> Complexity:
    """The size of a network's shallow form, as numbers to compare networks by.

    Parameters
    ----------
    net : Network
    domain : Domain, optional
        All of the input space if not given.
    budget : int, float or Budget, optional
        Regions (int) or seconds (float) for finding the patterns.

    Raises
    ------
    BudgetError
        If the budget ran out: the numbers would be those of a part.
    """
    setting = Setting(net, domain, "patterns", True, budget)
    setting.all_regions()
    sizes = setting.plan
    penalties = [
        k
        for of_stage in setting.bends
        for bend in of_stage
        for kink in bend.kinks
        for k in kink.penalty
        if k
    ]
    return Complexity(
        _residual(net),
        net.depth,
        net.n_units,
        sizes.all_terms,
        sizes.terms,
        sizes.units_per_term,
        sizes.total_units,
        sizes.regions,
        max(penalties, default=0.0),
        float(np.mean(penalties)) if penalties else 0.0,
    )


def _residual(net: Network) -> bool:
    return any((net.stages[i].units.function == IDENTITY).any() for i in net.hidden)


def random_network(
    n_inputs: int, units: int, depth: int, *, residual: bool = False, seed: int = 0
) -> Network:
    """A random ReLU network with a given number of units in ``depth`` equal hidden layers.

    Weights are normal with variance 2 / fan-in, biases normal with deviation 0.3. A residual one
    has blocks ``x + V relu(W x + b)`` on the input space, V of the same variance.

    Raises
    ------
    PlicaError
        If the units do not divide into the layers.
    """
    if depth < 1 or units < depth or units % depth:
        raise PlicaError(f"{units} units do not divide into {depth} equal layers")
    rng, width, n = np.random.default_rng(seed), units // depth, n_inputs

    def weights(rows: int, columns: int) -> Any:
        return rng.normal(0, math.sqrt(2 / columns), (rows, columns))

    stages: list[Stage] = []
    if residual:
        carry = sp.eye_array(n, format="csr")
        for _ in range(depth):
            A = sp.vstack([sp.csr_array(weights(width, n)), carry], format="csr")
            a = np.concatenate([rng.normal(0, 0.3, width), np.zeros(n)])
            units_of = Units.concat([Units.relu(width), Units.identity(n)])
            stages.append(Stage(A, a, units_of))
            stages.append(Stage(np.hstack([weights(n, width), np.eye(n)]), np.zeros(n)))
    else:
        for _ in range(depth):
            stages.append(Stage(weights(width, n), rng.normal(0, 0.3, width), Units.relu(width)))
            n = width
    return Network([*stages, Stage(weights(1, n), rng.normal(0, 0.3, 1))])


def sweep(
    units: int = 12,
    depths: Sequence[int] = (1, 2, 3, 4, 6),
    domain: Domain | None = None,
    *,
    n_inputs: int = 2,
    seeds: int = 5,
) -> list[Complexity]:
    """Random plain and residual networks with the same number of units, of several depths.

    Parameters
    ----------
    units : int
        Of each network; every depth must divide it.
    depths : sequence of int
    domain : Domain, optional
        All of the input space if not given.
    n_inputs : int
    seeds : int
        Networks of each kind and depth.

    Returns
    -------
    list of Complexity
        ``2 * len(depths) * seeds`` of them.
    """
    return [
        complexity(random_network(n_inputs, units, depth, residual=residual, seed=seed), domain)
        for residual in (False, True)
        for depth in depths
        for seed in range(seeds)
    ]


def plot_complexity(rows: Iterable[Complexity], path: str | Path) -> None:
    """Draw terms and hidden units of the shallow form against depth, as means over the rows.

    Parameters
    ----------
    rows : iterable of Complexity
        What `sweep` finds.
    path : str or Path
        An image file; its suffix says the format.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    rows = list(rows)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    names = ("terms", "total_units", "mean_penalty")
    titles = ("terms on the domain", "hidden units of all terms", "mean penalty")
    for panel, name, title in zip(panels, names, titles, strict=True):
        for residual, label, mark in ((False, "plain", "o"), (True, "residual", "s")):
            some = [row for row in rows if row.residual == residual]
            depths = sorted({row.depth for row in some})
            values = [np.mean([getattr(r, name) for r in some if r.depth == d]) for d in depths]
            panel.plot(depths, values, marker=mark, label=label)
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter("{x:g}")
        panel.set_xlabel("hidden layers")
        panel.set_title(title)
    panels[0].legend()
    figure.savefig(path)

"""From deep to shallow: the maximum of shallow functions that a network is."""

from __future__ import annotations

from typing import Any

from ..chain import Network
from ..domains import Domain
from ..engines.running import Budget, Clock, Progress
from ..errors import BudgetError
from .form import MaxOfShallow
from .plan import Setting
from .unfinished import Unfinished

__all__ = ["build", "max_of_shallow"]


def max_of_shallow(
    net: Network,
    domain: Domain | None = None,
    *,
    method: str = "auto",
    prune: bool = True,
    budget: Budget | int | float | None = None,
    progress: Progress | None = None,
) -> MaxOfShallow:
    """A network of any depth as a maximum of functions with one hidden layer.

    Parameters
    ----------
    net : Network
        Any chain: fully connected, residual, convolutional; any scalar piecewise-linear or max
        units; one output or several, which then share hidden units.
    domain : Domain, optional
        Where both are the same function, in its own coordinates; everywhere if not given.
    method : {"auto", "patterns", "subsets", "minimal"}
        ``"patterns"``: a term for each activation pattern, for any network. ``"subsets"``: a
        term for each set of active units behind the first hidden layer, with the units of the
        first layer as its hidden units; where no later unit enters with the wrong sign.
        ``"minimal"``: a term for each convex piece of a linear region at most, with hidden units
        for its facets only; terms that are the network on several pieces serve all of these. A
        linear region that is not convex is divided, not always into the fewest convex pieces. In
        one dimension a single term with one hidden unit a breakpoint. On boxes of more than eight
        dimensions every pair of pieces takes a linear program of some milliseconds: hundreds of
        pieces at most are practical there; `plan` says how many programs. ``"auto"``: minimal in
        one dimension, else subsets where they apply, else patterns.
    prune : bool
        Keep only patterns that occur on the domain, and drop what is constant or linear there.
        Without, all patterns are taken, and the form is exact everywhere.
    budget : int, float or Budget, optional
        Regions (int) that are looked for, or seconds (float) for all of the work. The method of
        subsets can do without the regions: when its budget runs out it takes all subsets. Give it
        one where the regions are too many, as for images. Ctrl-C does the same as a budget.
    progress : callable, optional
        Called about ten times a second with (regions found, seconds), then with (steps of the
        work on the terms, seconds).

    Returns
    -------
    MaxOfShallow
        In the domain's own coordinates.

    Raises
    ------
    SizeError
        If the form would be too large, before it is built; see `plan`.
    BudgetError
        If the budget ran out before all patterns were known; ``partial`` is then the form of those
        that were found, a lower bound of the network everywhere (for the minimal form, the
        regions). If it ran out later, ``partial`` is an `Unfinished`: its ``resume`` goes on, its
        ``form`` is a lower bound of the network on the domain.
    UnsupportedError
        If the method of subsets is asked for and does not apply, or a penalty is beyond the largest
        float.

    Notes
    -----
    S. An, F. Boussaid, M. Bennamoun, J. Hu, "From Deep to Shallow: Transformations of Deep
    Rectifier Networks", 2017.

    Examples
    --------
    >>> import plica
    >>> net = plica.Network.mlp([([[1], [1]], [0, -1]), ([[1, -2]], [0]), ([[1]], [0])])
    >>> form = plica.shallow.max_of_shallow(net)
    >>> len(form.terms), form.total_units, form([[-1.0], [1.0], [4.0]]).ravel().tolist()
    (1, 3, [0.0, 1.0, 0.0])
    """
    return build(Setting(net, domain, method, prune, budget, progress))


def build(setting: Setting) -> MaxOfShallow:
    """The form in a setting whose plan may be known already; see `max_of_shallow`."""
    setting.plan.require()
    meta: dict[str, Any] = {
        "method": setting.method,
        "network": setting.original.id,
        "domain": repr(setting.domain),
        "prune": setting.prune,
    }
    if setting.method == "minimal" and setting.domain.dim == 1:
        from .line import on_line

        return on_line(setting, meta)
    nothing = setting.method == "patterns" and not len(setting.patterns)
    if setting.method == "minimal" or nothing:
        setting.all_regions()
    # where the budget ended the search for regions, the form of those is built all the same
    form = Unfinished(setting, meta).run(setting.clock if setting.complete else Clock())
    if not form.complete:
        raise BudgetError(
            f"stopped after {len(setting.atlas)} activation regions; the form of these is a lower "
            "bound of the network, in the error's .partial: raise the budget, or take a smaller "
            "domain",
            partial=form,
        )
    return form

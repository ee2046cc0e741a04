"""From deep to shallow: a network as a maximum of functions with one hidden layer."""

from __future__ import annotations

from .classes import class_shift
from .complexity import Complexity, complexity, plot_complexity, random_network, sweep
from .convert import max_of_shallow
from .form import MaxOfShallow, Term
from .lattice import MaxMin, lattice
from .plan import Plan, plan
from .tropical import DifferenceOfConvex, difference_of_convex
from .unfinished import Unfinished

__all__ = [
    "Complexity",
    "DifferenceOfConvex",
    "MaxMin",
    "MaxOfShallow",
    "Plan",
    "Term",
    "Unfinished",
    "class_shift",
    "complexity",
    "difference_of_convex",
    "lattice",
    "max_of_shallow",
    "plan",
    "plot_complexity",
    "random_network",
    "sweep",
]

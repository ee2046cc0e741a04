"""From deep to shallow: a network as a maximum of functions with one hidden layer."""

from __future__ import annotations

from .convert import class_shift, max_of_shallow
from .form import MaxOfShallow, Term
from .plan import Plan, plan

__all__ = ["MaxOfShallow", "Plan", "Term", "class_shift", "max_of_shallow", "plan"]

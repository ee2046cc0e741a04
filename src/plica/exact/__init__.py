"""Rational arithmetic: the chain as the exact function over the rationals that it is."""

from __future__ import annotations

from .rational import Dyadic, RationalChain, intersect

__all__ = ["Dyadic", "RationalChain", "intersect"]

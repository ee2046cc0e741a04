"""Folding: which inputs the layers of a network identify.

A layer that maps several parts of the input space onto the same place folds them onto each other:
whatever later layers do, they do on all the sheets at once.
"""

from __future__ import annotations

from .preimage import Preimage
from .preimages import Preimages, folded, identified, preimages

__all__ = ["Preimage", "Preimages", "folded", "identified", "preimages"]

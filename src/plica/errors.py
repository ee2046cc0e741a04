"""The errors that plica raises: each says what was wrong, where, and what to do."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BudgetError",
    "DomainError",
    "LoadError",
    "NetworkError",
    "PlicaError",
    "SizeError",
    "UnsupportedError",
]


class PlicaError(Exception):
    """Base class of all errors that plica raises on purpose."""


class NetworkError(PlicaError, ValueError):
    """A network that is not well formed: shapes, NaN or infinite weights, discontinuous units."""


class DomainError(PlicaError, ValueError):
    """A domain that is empty, degenerate, or of the wrong dimension."""


class LoadError(PlicaError):
    """A model that cannot be read, or whose chain disagrees with the original."""


class UnsupportedError(PlicaError):
    """A model, layer or question outside what plica handles, such as a smooth activation."""


class SizeError(PlicaError, MemoryError):
    """An array that would not fit; raised before anything is allocated."""


class BudgetError(PlicaError):
    """A budget that ran out where only a complete answer makes sense.

    Attributes
    ----------
    partial : object
        What was found until then.
    """

    def __init__(self, message: str, partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial

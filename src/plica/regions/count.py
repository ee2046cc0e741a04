"""The answer to "how many?": an integer that knows how it was found."""

from __future__ import annotations

from typing import Any

__all__ = ["Count"]


class Count(int):
    """A number of regions, and how it was found.

    Attributes
    ----------
    kind : {"activation", "linear"}
        What was counted.
    complete : bool
        Whether the whole domain was searched. If not, the integer is a certified lower bound for
        activation regions.
    exact : bool
        Whether the integer is the number of regions, in exact arithmetic.
    arbitrated : int
        Questions that floating point could not decide and exact arithmetic did.
    seconds : float
        Wall-clock time of the search.
    engine : str
        Which engine answered.
    dim : int
        Dimension of the domain.
    """

    kind: str
    complete: bool
    arbitrated: int
    seconds: float
    engine: str
    dim: int

    def __new__(
        cls,
        value: int,
        *,
        kind: str = "activation",
        complete: bool = True,
        arbitrated: int = 0,
        seconds: float = 0.0,
        engine: str = "",
        dim: int = 0,
    ) -> Count:
        self = super().__new__(cls, value)
        self.kind, self.complete, self.arbitrated = kind, complete, arbitrated
        self.seconds, self.engine, self.dim = seconds, engine, dim
        return self

    @property
    def exact(self) -> bool:
        """Whether this is the number of regions, and not only a bound."""
        return self.complete

    @property
    def status(self) -> str:
        """``"exact"``, or ``"lower_bound"`` where a budget or Ctrl-C ended the search."""
        return "exact" if self.complete else "lower_bound"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "value": int(self),
            "kind": self.kind,
            "status": self.status,
            "exact": self.exact,
            "arbitrated": self.arbitrated,
            "seconds": self.seconds,
            "engine": self.engine,
            "dim": self.dim,
        }

    def __repr__(self) -> str:
        sign = "" if self.complete else ">= "
        return f"<{sign}{int(self)} {self.kind} regions, {self.status}, {self.engine} engine>"

    def __str__(self) -> str:
        return str(int(self))

    def __reduce__(self) -> Any:
        return _count, (int(self), self.__dict__)


def _count(value: int, fields: dict[str, Any]) -> Count:
    return Count(value, **fields)

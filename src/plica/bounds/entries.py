"""Bounds as entries of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from ..errors import UnsupportedError
from .counting import check_counts, decimal, rounded

__all__ = ["HERE", "Bound", "Excluded", "Maker", "Table"]

_ORDER = {"lower": 0, "exact": 1, "upper": 2}
#: The source of what is proved in plica's own documentation.
HERE = "plica, proof in the documentation"


@dataclass(frozen=True)
class Bound:
    """One bound.

    Attributes
    ----------
    name : str
        The function of `plica.bounds` that computes it.
    kind : {"lower", "exact", "upper"}
        A lower bound says that some network has at least so many regions, an upper bound that
        none has more, an exact one that this is the largest number.
    value : int
    counts : {"activation", "linear"}
        Which regions are meant. As there are never more linear than activation regions, an
        upper bound on the one bounds the other, and so does a lower bound on linear regions.
    hypothesis : str
        What it asks for beyond a fully connected network of these widths.
    source : str
    """

    name: str
    kind: str
    value: int
    counts: str
    hypothesis: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """The bound as plain numbers and texts; the value as a string of digits."""
        return {**self.__dict__, "value": decimal(self.value)}


@dataclass(frozen=True)
class Excluded:
    """A bound that does not apply.

    Attributes
    ----------
    name, kind, counts, source : str
        As of a `Bound`.
    reason : str
        Which hypothesis fails.
    """

    name: str
    kind: str
    counts: str
    reason: str
    source: str


@dataclass(frozen=True, repr=False)
class Table(Sequence[Bound]):
    """Bounds in the order of their values, and those that do not apply.

    Attributes
    ----------
    subject : str
        What the bounds are about.
    bounds : tuple of Bound
    excluded : tuple of Excluded
    """

    subject: str
    bounds: tuple[Bound, ...]
    excluded: tuple[Excluded, ...] = ()

    @overload
    def __getitem__(self, i: int) -> Bound: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Bound, ...]: ...
    def __getitem__(self, i: int | slice) -> Bound | tuple[Bound, ...]:
        return self.bounds[i]

    def __len__(self) -> int:
        return len(self.bounds)

    def __iter__(self) -> Iterator[Bound]:
        return iter(self.bounds)

    def of(self, name: str) -> Bound:
        """The first bound of this name.

        Raises
        ------
        UnsupportedError
            If there is none, with the reason.
        """
        for bound in self.bounds:
            if bound.name == name:
                return bound
        for other in self.excluded:
            if other.name == name:
                raise UnsupportedError(f"{name} does not apply: {other.reason}")
        raise UnsupportedError(f"the table has no bound {name!r}")

    def upper(self) -> int:
        """The least upper bound (on activation regions, hence on both)."""
        return min(b.value for b in self.bounds if b.kind != "lower" and b.counts == "activation")

    def lower(self, counts: str = "activation") -> int:
        """The largest lower bound on the maximum: on activation regions, or on linear ones.

        Raises
        ------
        UnsupportedError
            If there is none.
        """
        check_counts(counts)
        found = [
            b.value
            for b in self.bounds
            if b.kind != "upper" and (counts == "activation" or b.counts == "linear")
        ]
        if not found:
            raise UnsupportedError(
                f"no lower bound on {counts} regions is known for {self.subject}"
            )
        return max(found)

    def as_dict(self) -> dict[str, Any]:
        """The table as plain numbers, texts, lists and dicts."""
        return {
            "subject": self.subject,
            "bounds": [b.as_dict() for b in self.bounds],
            "excluded": [dict(e.__dict__) for e in self.excluded],
        }

    def markdown(self) -> str:
        """The bounds as a table in Markdown."""
        rows = ["| bound | kind | regions | value |", "| --- | --- | --- | ---: |"]
        rows += [
            f"| `{b.name}` | {b.kind} | {b.counts} | {rounded(b.value)} |" for b in self.bounds
        ]
        return "\n".join(rows) + "\n"

    def __repr__(self) -> str:
        return f"<plica.bounds.Table of {len(self)} bounds for {self.subject}>"

    def __str__(self) -> str:
        cells = [(b.name, b.kind, b.counts, rounded(b.value), b.hypothesis) for b in self.bounds]
        wide = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = [f"bounds for {self.subject}"]
        for name, kind, counts, value, hypothesis in cells:
            lines.append(
                f"  {name:{wide[0]}}  {kind:{wide[1]}}  {counts:{wide[2]}}  {value:>{wide[3]}}"
                f"  {hypothesis}".rstrip()
            )
        if self.excluded:
            lines.append("not applicable:")
            lines += [f"  {e.name} ({e.kind}): {e.reason}" for e in self.excluded]
        return "\n".join(lines)


class Maker:
    """Collects bounds; those whose hypotheses fail are listed apart."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.bounds: list[Bound] = []
        self.excluded: list[Excluded] = []

    def add(
        self,
        name: str,
        kind: str,
        counts: str,
        compute: Callable[[], int],
        hypothesis: str,
        source: str,
    ) -> None:
        """Compute a bound, or note why it does not apply."""
        try:
            value = compute()
        except UnsupportedError as reason:
            self.excluded.append(Excluded(name, kind, counts, str(reason), source))
            return
        self.bounds.append(Bound(name, kind, value, counts, hypothesis, source))

    def meet(self) -> None:
        """Where the best bounds agree, the maximum is known."""
        for counts in ("activation", "linear"):
            low = [
                b for b in self.bounds if b.kind == "lower" and counts in ("activation", b.counts)
            ]
            high = [b for b in self.bounds if b.kind == "upper"]
            if any(b.kind == "exact" and b.counts == counts for b in self.bounds):
                continue
            if low and high:
                best, least = max(low, key=_value), min(high, key=_value)
                if best.value == least.value:
                    why = f"{best.name} and {least.name} agree"
                    self.bounds.append(
                        Bound("maximum", "exact", best.value, counts, why, best.source)
                    )

    def table(self) -> Table:
        """All bounds, by value."""
        self.meet()
        order = sorted(self.bounds, key=lambda b: (b.value, _ORDER[b.kind], b.counts, b.name))
        return Table(self.subject, tuple(order), tuple(self.excluded))


def _value(bound: Bound) -> int:
    return bound.value

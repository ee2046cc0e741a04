"""The report of `diagnose`: a table, a verdict in words, JSON, a plot."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LayerGradients", "ShatterReport"]


@dataclass(frozen=True)
class LayerGradients:
    """Gradients of a batch at one place of a network.

    Attributes
    ----------
    name : str
        Of the module, or what the operation is.
    kind : {"input", "rectifier", "sum", "fork", "parameters"}
        Gradients are taken with respect to the input; to what enters a rectifier; to a sum of
        branches; to the place where branches part; to a layer's parameters.
    shape : tuple of int
        Of one sample; the number of parameters.
    norm : float
        Root of the mean over samples (and readouts) of ``|g_i|^2``.
    correlation, stderr : float
        Mean pair correlation, and its standard error over samples; see `gradient_correlation`.
        Another network of the same kind differs by more: by about ``1 / sqrt(width)`` a layer.
    cosine : float
        Mean cosine between the gradients of two samples: each sample counts alike, while in the
        correlation those with long gradients count more.
    rank : float
        Effective rank relative to Gaussian noise: about 1 if gradients are independent.
    row_rank : float
        The same of gradients scaled to length 1.
    active, coactive : float or None
        Shares of active units, and of units that are active for both of two samples.
    from_coactivation : float or None
        The correlation that follows from the measured co-activation; None where the network is not
        of a kind for which it is known.
    from_law : float or None
        The correlation by the law that applies to the architecture.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    norm: float
    correlation: float
    stderr: float
    cosine: float
    rank: float
    row_rank: float
    active: float | None
    coactive: float | None
    from_coactivation: float | None
    from_law: float | None


@dataclass(frozen=True)
class ShatterReport:
    """Whether and where the gradients of a network shatter; `diagnose` makes it.

    Attributes
    ----------
    layers : tuple of LayerGradients
        The input first, then in the order of execution; or all parameters first, then layer by
        layer.
    samples, readouts : int
        Size of the batch; number of readouts that were averaged over.
    bn : str
        How batch normalisation was treated.
    structure : str
        What the network is made of.
    law, why : str
        The law that applies, or "none", and the reason.
    state : {"shattered", "fading", "coherent", "unknown"}
        ``shattered``: the correlation of the first row is within 3 standard errors of 0, or below
        0.02; ``fading``: below 0.25; ``coherent``: above; ``unknown``: the measurement cannot
        tell.
    notes : tuple of str
        Warnings.
    """

    layers: tuple[LayerGradients, ...]
    samples: int
    readouts: int
    bn: str
    structure: str
    law: str
    why: str
    state: str
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """What was found, in words."""
        first = self.layers[0]
        where = "over all parameters" if first.kind == "parameters" else "at the input"
        level = f"{first.correlation:.3g} +- {first.stderr:.1g}"
        if self.state == "unknown":
            words = f"Undecided: the correlation {where} is {level}, which means nothing here."
        else:
            words = {
                "shattered": f"Shattered: {where}, the gradients of different samples have a "
                f"mean correlation of {level}. Averaging them over a batch averages noise away.",
                "fading": f"Fading: {where}, the gradients of different samples still have a "
                f"mean correlation of {level}.",
                "coherent": f"Coherent: {where}, the gradients of different samples have a "
                f"mean correlation of {level}.",
            }[self.state]
            words += f" Their effective rank is {first.rank:.3g} of that of Gaussian noise"
            words += f" ({first.row_rank:.3g} if all have the same length)."
        words += self._size()
        if first.from_coactivation is not None:
            words += (
                f" The co-activation that was measured predicts {first.from_coactivation:.3g}"
                " for random weights."
            )
        if self.law == "none":
            words += f" No law applies: {self.why}."
        elif first.from_law is not None:
            words += f" The law of {self.law} networks gives {first.from_law:.3g}: {self.why}."
            words += _apart(first.from_coactivation, first.from_law)
        return words

    def _size(self) -> str:
        ends = [layer.norm for layer in self.layers[1:] if layer.kind != "parameters"]
        if len(ends) < 2 or not min(ends[0], ends[-1]) > 0:
            return ""
        ratio = ends[0] / ends[-1]
        if 0.01 < ratio < 100:
            return ""
        words, by = ("explode", ratio) if ratio > 1 else ("vanish", 1 / ratio)
        change = "grows" if ratio > 1 else "shrinks"
        return (
            f" Gradients {words}: from the last layer to the first their norm {change} by a factor "
            f"of {by:.2g}."
        )

    def table(self) -> str:
        """The layers as a table of text."""
        head = ("layer", "at", "norm", "corr", "+-", "cosine", "rank", "active", "co-act")
        rows: list[tuple[str, ...]] = [(*head, "by co-act", "by law")]
        for layer in self.layers:
            values = (
                layer.norm, layer.correlation, layer.stderr, layer.cosine, layer.rank,
                layer.active, layer.coactive, layer.from_coactivation, layer.from_law,
            )  # fmt: skip
            rows.append((layer.name, layer.kind, *(_short(v) for v in values)))
        wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = []
        for row in rows:
            cells = [row[0].ljust(wide[0]), row[1].ljust(wide[1])]
            cells += [cell.rjust(w) for cell, w in zip(row[2:], wide[2:], strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def __str__(self) -> str:
        head = (
            f"{self.structure}; {self.samples} samples, {self.readouts} "
            f"readout{'s' * (self.readouts > 1)}, batch normalisation: {self.bn}"
        )
        notes = "".join(f"\nnote: {note}" for note in self.notes)
        return f"{head}\n\n{self.table()}\n\n{self.verdict}{notes}"

    def __repr__(self) -> str:
        first = self.layers[0]
        return (
            f"<plica.gradients.ShatterReport: {self.state}, correlation {first.correlation:.3g} "
            f"+- {first.stderr:.1g} at {first.name}, {len(self.layers)} places>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, with None in the place of NaN."""
        found = asdict(self)
        found["verdict"] = self.verdict
        for layer in found["layers"]:
            for key, value in layer.items():
                if isinstance(value, float) and not math.isfinite(value):
                    layer[key] = None
        return found

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the correlation by layer, with what was predicted, and the effective rank.

        Parameters
        ----------
        ax : matplotlib axes, optional
            A new figure, if not given.

        Returns
        -------
        matplotlib axes
        """
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(7, 4), layout="constrained").subplots()
        at = range(len(self.layers))
        ax.axhline(0.0, color="0.8", linewidth=1, zorder=0)
        branches = any(layer.kind == "sum" for layer in self.layers)
        stream = [k for k in at if not branches or self.layers[k].kind != "rectifier"]
        inner = [k for k in at if k not in stream]
        for places, label, line, face in (
            (stream, "correlation, measured", "-", None),
            (inner, "the same, before rectifiers", "none", "none"),
        ):
            if places:
                ax.errorbar(
                    places,
                    [self.layers[k].correlation for k in places],
                    [self.layers[k].stderr for k in places],
                    color="#1f4e9c", marker="o", markersize=4, linewidth=1.4, capsize=2,
                    linestyle=line, markerfacecolor=face, zorder=3, label=label,
                )  # fmt: skip
        for field, label, colour, dashes in (
            ("from_coactivation", "from co-activation", "#d1741f", (0, (4, 2))),
            ("from_law", f"law: {self.law}", "#3a8f4d", (0, (1, 1.5))),
        ):
            known = [k for k in stream if getattr(self.layers[k], field) is not None]
            if known:
                values = [getattr(self.layers[k], field) for k in known]
                ax.plot(known, values, color=colour, linestyle=dashes, linewidth=1.6, label=label)
        ax.plot(
            stream, [self.layers[k].row_rank for k in stream],
            color="0.6", linewidth=1, label="effective rank / Gaussian",
        )  # fmt: skip
        ax.set_xlabel("place, from the input on")
        ax.set_ylabel("between gradients of samples")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_title(f"{self.state}: {self.structure}", fontsize=10, loc="left")
        ax.legend(frameon=False, fontsize=8)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        return ax


def _apart(measured: float | None, law: float) -> str:
    """A word on predictions from co-activation and from the law that differ widely."""
    if measured is None or max(measured, law) < max(0.02, 2 * min(measured, law)):
        return ""
    more = "more" if measured > law else "fewer"
    return (
        f" The law does not describe this network: its samples share {more} active units than in "
        "wide random layers with He's weights and no biases. Go by the measured co-activation."
    )


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    return f"{value:.3f}" if 0.01 <= abs(value) < 1000 or value == 0 else f"{value:.1e}"

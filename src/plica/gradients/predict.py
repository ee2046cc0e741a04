"""What theory says of a network that was measured: from its co-activation, and from its design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .graph import Rectifier, Structure, all_relu
from .laws import Law, law
from .trace import Site, Trace

__all__ = ["Applied", "apply_law", "from_coactivation"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Applied:
    """A law applied to a network: which, why, and what it gives for each site (by position)."""

    name: str
    why: str
    correlations: dict[int, float]


def _mean_pair(C: Float) -> float:
    own = float(np.trace(C))
    return float((C.sum() - own) / ((len(C) - 1) * own)) if own > 0 else float("nan")


def from_coactivation(seen: Trace) -> dict[int, float]:
    """Correlations at sites that follow from the units that samples share, by site position.

    Gradients are taken to be independent of the units that pass them on (what the laws assume,
    too), but which units do is measured, pair by pair. A rectifier multiplies the covariance of a
    pair by its share of co-active units. At a fork, what comes back from the branch is added to
    what comes back by the other path, with the variances that were measured. Sites before the last
    place where the network is not of this kind are left out.
    """
    structure = seen.structure
    if not structure.simple or structure.others or not all_relu(structure.rectifiers):
        return {}
    at = {id(s.rectifier or s.block): k for k, s in enumerate(seen.sites) if s.kind != "fork"}
    position = {id(s): k for k, s in enumerate(seen.sites)}
    found: dict[int, float] = {}
    C = np.ones((seen.M, seen.M))

    def passed(C: Float, r: Rectifier) -> Float:
        P = r.shares
        C = C * P / (np.trace(P) / len(P) or 1.0)
        if id(r) in at:
            found[at[id(r)]] = _mean_pair(C)
        return C

    events: list[tuple[int, Rectifier | None, int | None]]
    events = [(r.order, r, None) for r in structure.outside]
    events += [(b.order, None, k) for k, b in enumerate(structure.blocks)]
    for _, r, k in sorted(events, key=lambda e: -e[0]):
        if r is not None:
            C = passed(C, r)
            continue
        assert k is not None
        block, fork = structure.blocks[k], seen.forks[k]
        found[at[id(block)]] = _mean_pair(C)
        branch = C
        for inner in reversed(block.rectifiers):
            branch = passed(branch, inner)
        if fork is None or not fork.own.size or not seen.skips[k] > 0:
            return found
        extra = max(0.0, fork.variance / seen.skips[k] - 1.0)
        size = float(np.trace(branch))
        if size > 0:
            C = C + extra * branch * (float(np.trace(C)) / size)
        found[position[id(fork)]] = _mean_pair(C)
    found[0] = _mean_pair(C)
    return found


def apply_law(seen: Trace, bn: str) -> Applied:
    """The law for the network's architecture, with the reason, and what it gives."""
    s = seen.structure
    if s.others:
        return Applied("none", f"the network has other operations: {', '.join(s.others)}", {})
    if not s.rectifiers:
        return Applied("linear", "there is no activation: the network is linear", {0: 1.0})
    if seen.sites[0].correlation.value > 1 - min(1e-5, 1e4 * seen.eps):  # up to rounding
        why = (
            "all samples have the same gradient: the network is one affine map on this batch, as a "
            "looks-linear network is at initialisation"
        )
        return Applied("linear", why, {0: 1.0})
    if not all_relu(s.rectifiers):
        names = sorted({r.what for r in s.rectifiers} - {"relu", "crelu"})
        what = ", ".join(names) if names else "activations across samples"
        return Applied("none", f"the laws are for rectifiers; the network has {what}", {})
    if bn == "through":
        return Applied("none", "gradients through batch statistics sum to zero over a batch", {})
    # a rectifier behind the last block is taken as it was measured
    within = [r for b in s.blocks for r in b.rectifiers] or s.rectifiers
    normalised = [r.normalised and bn != "eval" for r in within]
    where = "frozen batch statistics" if bn == "frozen" else "running statistics"
    if any(normalised) and not all(normalised):
        mixed = f"{sum(normalised)} of {len(normalised)} rectifiers follow a batch normalisation"
        return Applied("none", f"{mixed}; the laws are for all or none of them", {})
    kind = "batchnorm" if all(normalised) else "wide"
    aside = ""
    if s.other_norms:
        aside = "; layer and group normalisation is left out of account"
    elif bn == "eval" and s.norms:
        aside = f"; batch normalisation by {where} normalises no batch"
    elif s.norms and kind == "wide":
        return Applied("none", "batch normalisation stands elsewhere than before rectifiers", {})
    if not s.blocks:
        return _plain(seen, kind, aside)
    return _residual(seen, kind, aside)


def _plain(seen: Trace, kind: str, aside: str) -> Applied:
    rectifiers = seen.structure.rectifiers
    L = len(rectifiers)
    if kind == "batchnorm":
        found = law("plain", L, kind, batch=max(4, seen.M))
        why = (
            f"{L} rectifier layers in a row, each after a batch normalisation, which keeps samples "
            "apart: two of them are both active at a quarter of the units, and each layer halves "
            "the correlation"
        )
        values = found.correlations
    else:
        values = _from_first(rectifiers[0], L)
        why = (
            f"{L} rectifier layers in a row without batch normalisation: samples align with depth "
            "and are both active at more than a quarter of the units, so that the correlation "
            f"decays like a power of depth and not like 2^-{L} = {2.0**-L:.2g}, which is the "
            "paper's law and needs batch normalisation"
        )
    name = "plain, batch-normalised" if kind == "batchnorm" else "plain, wide"
    first = rectifiers[0].order
    return Applied(name, why + aside, _spread(seen, values, first))


def _from_first(r: Rectifier, L: int) -> Float:
    """The wide law, averaged over pairs that start from their measured co-activation."""
    P = r.shares
    pairs = P[np.triu_indices(len(P), 1)]
    cosine = -np.cos(2 * np.pi * np.clip(pairs, 0.0, 0.5))
    return np.asarray(law("plain", L, "wide", cosine=cosine).correlations.mean(axis=1))


def _spread(seen: Trace, values: Float, first: int) -> dict[int, float]:
    found = {}
    layer = 0
    for k, site in enumerate(seen.sites):
        if site.rectifier is not None and site.order >= first:
            found[k] = float(values[layer])
            layer += 1
    found[0] = float(values[0])
    return found


def _residual(seen: Trace, kind: str, aside: str) -> Applied:
    s = seen.structure
    L = len(s.blocks)
    inner = {len(b.rectifiers) for b in s.blocks}
    in_a_row = all(b.fork is a.node for a, b in zip(s.blocks, s.blocks[1:], strict=False)) and all(
        b.skip is None and b.fork is not None for b in s.blocks
    )
    stem = [r for r in s.outside if r.order < s.blocks[0].fork_order]
    tail = [r for r in s.outside if r.order > s.blocks[-1].order]
    if not s.simple or not in_a_row or len(inner) != 1 or 0 in inner or stem:
        why = (
            "the network has sums of branches, but is not a stream to which blocks with equally "
            "many rectifiers are added: there is a rectifier or a projection on the stream, or "
            "branches are nested or unequal"
        )
        return Applied("none", why + aside, {})
    fork = seen.forks[0]
    last = next(x for x in seen.sites if x.block is s.blocks[-1])
    assert fork is not None
    growth = fork.variance / last.variance if last.variance > 0 else 1.0
    rectifiers = inner.pop()
    batch = max(4, seen.M) if kind == "batchnorm" else None
    beta, found = _fit(L, kind, growth, batch, rectifiers)
    ends = 1.0
    for r in tail:
        share = r.mean_shares
        ends *= share.coactive / share.active if share.active else 1.0
    values = {}
    position = {id(x): k for k, x in enumerate(seen.sites)}
    values[position[id(fork)]] = float(found.correlations[0]) * ends
    for l, b in enumerate(s.blocks):
        k = next(k for k, x in enumerate(seen.sites) if x.block is b)
        values[k] = float(found.correlations[l + 1]) * ends
    values[0] = float(found.correlations[0]) * ends
    norm = "with" if kind == "batchnorm" else "without"
    why = (
        f"{L} residual blocks of {rectifiers} rectifier layer{'s' * (rectifiers > 1)} {norm} batch "
        f"normalisation on a stream; weight of the branches relative to the stream that "
        f"enters, from the measured growth of the gradients by {growth:.3g}: beta = {beta:.2f}"
    )
    if kind == "batchnorm":
        why += (
            ". The stream's variance grows by a share 1 - 1/pi of beta^2 a block, since the next "
            "normalisation removes means: the decay is a little faster than the paper's"
        )
    else:
        why += ". Samples align with depth, so that the decay is slower than the paper's (3/4)^L"
    name = "residual, batch-normalised" if kind == "batchnorm" else "residual, wide"
    return Applied(name, why + aside, values)


def _fit(L: int, kind: str, growth: float, batch: int | None, rectifiers: int) -> tuple[float, Law]:
    """The weight of the branches for which the variance of the gradients grows so much."""
    low, high = 0.0, 64.0
    for _ in range(60):
        beta = (low + high) / 2
        found = law("residual", L, kind, beta=beta, batch=batch, rectifiers=rectifiers)
        if found.variance < growth:
            low = beta
        else:
            high = beta
    return beta, found


def structure_words(s: Structure) -> str:
    """A line on what the network is made of."""
    kinds: dict[str, int] = {}
    for r in s.rectifiers:
        kinds[r.what] = kinds.get(r.what, 0) + 1
    words = [f"{n} {what}" for what, n in kinds.items()] or ["no activations"]
    if s.blocks:
        words.append(f"{len(s.blocks)} sum{'s' * (len(s.blocks) > 1)} of branches")
    if s.norms:
        words.append(f"{s.norms} batch normalisation{'s' * (s.norms > 1)}")
    if s.other_norms:
        words.append(f"{s.other_norms} layer or group normalisation{'s' * (s.other_norms > 1)}")
    return ", ".join(words)


def mean_shares(site: Site) -> tuple[float | None, float | None]:
    """Shares of active and co-active units at a site, None where there is no rectifier."""
    if site.rectifier is None or site.rectifier.active is None:
        return None, None
    return site.rectifier.mean_shares

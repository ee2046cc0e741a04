"""Statistics of gradients: covariance, correlation, autocorrelation, effective rank."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import PlicaError

__all__ = [
    "Coactivation",
    "Correlation",
    "autocorrelation",
    "coactivation",
    "correlation_of",
    "effective_rank",
    "gaussian_rank",
    "gradient_correlation",
    "gradient_covariance",
    "pair_correlation",
]

Float = NDArray[np.float64]


class Correlation(NamedTuple):
    """A mean pair correlation and its standard error."""

    value: float
    stderr: float


class Coactivation(NamedTuple):
    """Shares of active and of co-active units."""

    active: float
    coactive: float


def _array(values: Any, what: str, ndim: tuple[int, ...]) -> Float:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    a = np.asarray(values, dtype=np.float64)
    if a.ndim not in ndim or a.size == 0:
        wanted = " or ".join(str(n) for n in ndim)
        raise PlicaError(f"{what} must be an array of {wanted} axes, got shape {a.shape}")
    if not np.isfinite(a).all():
        raise PlicaError(
            f"{what}: an entry is NaN or infinite; gradients of deep batch-normalised networks "
            "overflow float32: use float64"
        )
    return a


def gradient_covariance(gradients: ArrayLike, *, normalise: bool = False) -> Float:
    """Covariance over networks of the gradients at different inputs.

    ``C[i, j] = mean over networks of <g_i, g_j>``: the mean over random weights is zero, so that
    nothing is subtracted (Balduzzi et al., ICML 2017).

    Parameters
    ----------
    gradients : array_like, shape (networks, M) or (networks, M, d)
        Gradient of each network at each of M inputs, a number or a vector of d.
    normalise : bool
        Divide by ``sqrt(C[i, i] C[j, j])``: correlations. Where ``C[i, i]`` is 0 they are NaN.

    Returns
    -------
    ndarray, shape (M, M)

    Raises
    ------
    PlicaError
        If the array has another shape, or an entry that is not finite.

    Examples
    --------
    >>> from plica.gradients import gradient_covariance
    >>> gradient_covariance([[1.0, 1.0], [1.0, -1.0]]).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    g = _array(gradients, "gradients", (2, 3))
    rows = g[..., None] if g.ndim == 2 else g
    rows = rows.transpose(1, 0, 2).reshape(rows.shape[1], -1)
    C: Float = rows @ rows.T / g.shape[0]
    if not normalise:
        return C
    size = np.sqrt(np.diag(C))
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: Float = C / np.outer(size, size)
    return scaled


def gradient_correlation(gradients: ArrayLike) -> Correlation:
    r"""Mean correlation between the gradients of different samples, with its standard error.

    .. math:: R = \frac{\sum_{i \ne j} \langle g_i, g_j \rangle}{(M - 1) \sum_i |g_i|^2}
                = \frac{|\sum_i g_i|^2 - \sum_i |g_i|^2}{(M - 1) \sum_i |g_i|^2}

    It takes O(M d): no pair is formed. The standard error is the jackknife's. For one network,
    samples are left out: the error then says how R varies with the inputs, and errs upwards (by up
    to sqrt 2) where R is 0. For several networks, networks are left out, which is the error to use
    when R is compared with a law.

    Parameters
    ----------
    gradients : array_like, shape (M, d) or (networks, M, d)

    Returns
    -------
    Correlation
        ``value`` and ``stderr``; ``stderr`` is NaN where there are fewer than 3 samples to leave
        one out of. Both are NaN if all gradients are 0.

    Raises
    ------
    PlicaError
        If the array has another shape, fewer than 2 samples, or an entry that is not finite.

    Examples
    --------
    >>> from plica.gradients import gradient_correlation
    >>> gradient_correlation([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    Correlation(value=1.0, stderr=0.0)
    """
    g = _array(gradients, "gradients", (2, 3))
    if g.shape[-2] < 2:
        raise PlicaError("gradients: a correlation needs at least 2 samples")
    if g.ndim == 2 or g.shape[0] == 1:
        g = g.reshape(g.shape[-2:])
        return pair_correlation(np.einsum("id,id->i", g, g), g @ g.sum(axis=0))
    own = np.einsum("nid,nid->n", g, g)
    total = g.sum(axis=1)
    pairs = np.einsum("nd,nd->n", total, total) - own
    one_less = (pairs.sum() - pairs) / _or_nan(own.sum() - own)
    value = pairs.sum() / _or_nan(own.sum())
    n = own.size
    spread = np.sqrt((n - 1) / n * ((one_less - one_less.mean()) ** 2).sum())
    scale = g.shape[1] - 1
    return Correlation(float(value / scale), float(spread / scale))


def _or_nan(x: Any) -> Any:
    return np.where(np.asarray(x) > 0, x, np.nan)


def pair_correlation(own: ArrayLike, with_sum: ArrayLike) -> Correlation:
    """`gradient_correlation` from ``|g_i|^2`` and ``<g_i, sum_j g_j>``, both of shape (M,).

    Sums of these over several readouts of a network are those of the stacked gradients.
    """
    n, s = np.asarray(own, dtype=np.float64), np.asarray(with_sum, dtype=np.float64)
    M = n.size
    pairs, squares = s.sum() - n.sum(), n.sum()
    if not squares > 0:
        return Correlation(float("nan"), float("nan"))
    value = float(pairs / ((M - 1) * squares))
    if M < 3:
        return Correlation(value, float("nan"))
    one_less = (pairs - 2 * (s - n)) / ((M - 2) * _or_nan(squares - n))
    stderr = np.sqrt((M - 1) / M * ((one_less - one_less.mean()) ** 2).sum())
    return Correlation(value, float(stderr))


def correlation_of(gram: ArrayLike) -> Correlation:
    """`gradient_correlation` of gradients of which only the inner products are known.

    Parameters
    ----------
    gram : array_like, shape (M, M)
        ``<g_i, g_j>``; see `parameter_grams`.

    Raises
    ------
    PlicaError
        If the matrix is not square, or smaller than 2 by 2.
    """
    G = _array(gram, "gram", (2,))
    if G.shape[0] != G.shape[1] or G.shape[0] < 2:
        raise PlicaError(f"gram must be a square matrix of 2 samples or more, got {G.shape}")
    return pair_correlation(np.diag(G), G.sum(axis=1))


def autocorrelation(signal: ArrayLike, lags: int | None = None) -> Float:
    r"""Autocorrelation function of signals on a regular grid.

    .. math:: r_k = \frac{\sum_t (x_t - \bar x)(x_{t + k} - \bar x)}{\sum_t (x_t - \bar x)^2}

    Several signals (runs) are pooled: numerators and denominators are added. `gradient_along`
    gives the exact function of a network on a segment, without a grid.

    Parameters
    ----------
    signal : array_like, shape (T,) or (runs, T)
    lags : int, optional
        Largest lag; all, if not given.

    Returns
    -------
    ndarray, shape (lags + 1,)
        NaN if the signals are constant.

    Raises
    ------
    PlicaError
        If the array has another shape, or there are not so many lags.
    """
    x = np.atleast_2d(_array(signal, "signal", (1, 2)))
    T = x.shape[1]
    lags = T - 1 if lags is None else int(lags)
    if not 0 <= lags < T:
        raise PlicaError(f"lags must be between 0 and {T - 1} for {T} points, got {lags}")
    x = x - x.mean(axis=1, keepdims=True)
    sums = np.array([(x[:, : T - k] * x[:, k:]).sum() for k in range(lags + 1)])
    return np.asarray(sums / _or_nan(sums[0]), dtype=np.float64)


def effective_rank(
    gradients: ArrayLike, *, relative: bool = True, normalise_rows: bool = False
) -> float:
    r"""Effective (stable) rank of a matrix of gradients, relative to Gaussian noise.

    :math:`r(A) = \|A\|_F^2 / \|A\|_2^2` (Vershynin, 2012). Gradients that point all ways have the
    rank of a Gaussian matrix of the same shape; gradients that agree have rank 1.

    Parameters
    ----------
    gradients : array_like, shape (M, d)
    relative : bool
        Divide by `gaussian_rank`, so that independent directions give 1.
    normalise_rows : bool
        Scale every row to length 1 first. In deep networks the lengths of the rows are
        heavy-tailed, and a few long rows hide the rank of the others.

    Returns
    -------
    float
        NaN if all gradients are 0.

    Raises
    ------
    PlicaError
        If the array has another shape, or an entry that is not finite.
    """
    A = _array(gradients, "gradients", (2,))
    if normalise_rows:
        size = np.linalg.norm(A, axis=1, keepdims=True)
        A = A / np.where(size > 0, size, 1.0)
    square = float((A * A).sum())
    if square == 0:
        return float("nan")
    small = A @ A.T if A.shape[0] <= A.shape[1] else A.T @ A
    rank = square / float(np.linalg.eigvalsh(small)[-1])
    return rank / gaussian_rank(*A.shape) if relative else rank


def gaussian_rank(M: int, d: int) -> float:
    """Effective rank of a Gaussian matrix, ``M d / E |Y|_2^2``.

    The mean of the largest squared singular value is Johnstone's (2001): centre and scale of the
    Tracy-Widom law of order 1, whose mean is -1.2065.
    """
    if min(M, d) == 1:
        return 1.0
    n, p = max(M, d), min(M, d)
    edge = np.sqrt(n - 1) + np.sqrt(p)
    scale = edge * (1 / np.sqrt(n - 1) + 1 / np.sqrt(p)) ** (1 / 3)
    return float(M * d / (edge**2 - 1.2065335745820 * scale))


def coactivation(active: ArrayLike) -> Coactivation:
    """Shares of units that are active for a sample, and for both of two different samples.

    Takes O(M units): a unit that is active for n of M samples is co-active for n (n - 1) of the
    M (M - 1) ordered pairs.

    Parameters
    ----------
    active : array_like of bool, shape (M, units)

    Returns
    -------
    Coactivation
        ``active`` and ``coactive``.

    Raises
    ------
    PlicaError
        If the array has another shape or fewer than 2 samples.

    Examples
    --------
    >>> from plica.gradients import coactivation
    >>> coactivation([[True, True], [True, False]])
    Coactivation(active=0.75, coactive=0.5)
    """
    a = _array(active, "active", (2,)) != 0
    M = a.shape[0]
    if M < 2:
        raise PlicaError("active: co-activation needs at least 2 samples")
    n = a.sum(axis=0, dtype=np.float64)
    return Coactivation(float(n.mean() / M), float((n * (n - 1)).mean() / (M * (M - 1))))

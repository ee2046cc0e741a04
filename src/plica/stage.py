"""A stage of a chain: an affine map followed by units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from .errors import NetworkError, SizeError
from .units import Units

__all__ = ["Stage"]

Float = NDArray[np.float64]
Matrix = Any  # ndarray, or scipy.sparse.csr_array

#: Largest array, in bytes, that a sparse affine map may become when it is made dense.
DENSE_LIMIT = 2 << 30


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _matrix(A: Any, where: str) -> Matrix:
    """``A`` as a read-only float64 array or canonical CSR array, with finite entries."""
    if sp.issparse(A):
        A = sp.csr_array(A, dtype=np.float64, copy=True)
        A.sum_duplicates()
        A.eliminate_zeros()
        values = A.data
        for array in (A.data, A.indices, A.indptr):
            _frozen(array)
    else:
        A = _frozen(np.array(A, dtype=np.float64, order="C"))
        values = A
        if A.ndim != 2:
            raise NetworkError(f"{where}: the affine map must be a matrix, got shape {A.shape}")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise NetworkError(
            f"{where}: {bad} of the weights are NaN or infinite; plica needs finite weights"
        )
    return A


@dataclass(frozen=True, eq=False)
class Stage:
    """``h -> units(A @ h + a)``.

    Parameters
    ----------
    A : ndarray or scipy sparse array, shape (n_pre, n_state)
    a : array_like, shape (n_pre,)
    units : Units, optional
        Identity units if not given.

    Raises
    ------
    NetworkError
        If shapes do not fit, or an entry is NaN or infinite.
    """

    A: Matrix
    a: Float
    units: Units

    def __init__(
        self, A: Any, a: ArrayLike, units: Units | None = None, name: str = "stage"
    ) -> None:
        A = _matrix(A, name)
        a = _frozen(np.array(a, dtype=np.float64).reshape(-1))
        if a.shape != (A.shape[0],):
            raise NetworkError(
                f"{name}: the matrix has {A.shape[0]} rows but the bias has {a.size} entries"
            )
        if not np.isfinite(a).all():
            bad = int((~np.isfinite(a)).sum())
            raise NetworkError(f"{name}: {bad} of the biases are NaN or infinite")
        units = Units.identity(A.shape[0]) if units is None else units
        if units.n_pre != A.shape[0]:
            raise NetworkError(
                f"{name}: the affine map writes {A.shape[0]} coordinates but the units read from "
                f"{units.n_pre}"
            )
        object.__setattr__(self, "A", A)
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "units", units)

    @property
    def n_state(self) -> int:
        """Number of coordinates before the stage."""
        return int(self.A.shape[1])

    @property
    def n_pre(self) -> int:
        """Number of pre-activations."""
        return int(self.A.shape[0])

    @property
    def n_out(self) -> int:
        """Number of coordinates after the stage."""
        return self.units.n_out

    @property
    def sparse(self) -> bool:
        """Whether the affine map is kept as a sparse matrix."""
        return bool(sp.issparse(self.A))

    @property
    def nnz(self) -> int:
        """Number of stored weights (all entries, where the map is dense)."""
        return int(self.A.nnz) if self.sparse else int(self.A.size)

    @cached_property
    def spectral_bound(self) -> float:
        """Upper bound on the largest singular value of the affine map."""
        if not self.sparse and min(self.A.shape) <= 512:
            # the computed value is off by far less than this margin
            return float(np.linalg.norm(self.A, 2)) * (1 + 1e-8)
        size = abs(self.A)
        rows, columns = size.sum(axis=1).max(initial=0), size.sum(axis=0).max(initial=0)
        largest = float(size.max()) if size.shape[0] and size.shape[1] else 0.0
        if largest == 0.0:
            return 0.0
        size = size / largest  # squares neither overflow nor underflow to nothing
        frobenius = largest * float(np.sqrt((size * size).sum()))
        return min(float(np.sqrt(rows) * np.sqrt(columns)), frobenius) * (1 + 1e-8)

    def dense(self, limit: int = DENSE_LIMIT) -> Float:
        """The affine map as a dense array.

        Raises
        ------
        SizeError
            If it would take more than ``limit`` bytes; nothing has been allocated then.
        """
        if not self.sparse:
            return self.A  # type: ignore[no-any-return]
        size = 8 * self.n_pre * self.n_state
        if size > limit:
            raise SizeError(
                f"the affine map of {self.n_pre} x {self.n_state} would take "
                f"{size / 2**30:.1f} GiB as a dense array (limit {limit / 2**30:.1f} GiB); keep it "
                "sparse, or take a slice of the input space first"
            )
        return self.A.toarray()  # type: ignore[no-any-return]

    def pre(self, h: Float) -> Float:
        """Pre-activations, shape (N, n_pre), for states of shape (N, n_state)."""
        z = (self.A @ h.T).T if self.sparse else h @ self.A.T
        z = np.ascontiguousarray(z)
        z += self.a
        return z

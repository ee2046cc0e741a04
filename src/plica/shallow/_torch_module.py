"""The torch module of a shallow form; imports torch, so that nothing else here has to."""

from __future__ import annotations

import torch

__all__ = ["MaxOfShallowModule"]


class MaxOfShallowModule(torch.nn.Module):
    """``x -> max over terms of (A x + a + V relu(U x + u))``.

    Parameters
    ----------
    terms : int
    U, u, A, a : torch.Tensor
        Shapes (h, n), (h,), (terms * m, n) and (terms * m,).
    V : torch.Tensor
        Weights of all hidden units, shape (terms * m, h); or, with one more argument, the units
        that each term reads, shape (terms, k).
    W : torch.Tensor, optional
        Weights of the units that are read, shape (terms, k, m).
    """

    U: torch.Tensor
    u: torch.Tensor
    A: torch.Tensor
    a: torch.Tensor
    V: torch.Tensor
    W: torch.Tensor | None

    def __init__(
        self,
        terms: int,
        U: torch.Tensor,
        u: torch.Tensor,
        A: torch.Tensor,
        a: torch.Tensor,
        V: torch.Tensor,
        W: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.terms = terms
        for name, value in {"U": U, "u": u, "A": A, "a": a, "V": V, "W": W}.items():
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values, shape (N, m), for inputs of shape (N, n)."""
        h = torch.relu(x @ self.U.T + self.u)
        values = (x @ self.A.T + self.a).reshape(x.shape[0], self.terms, -1)
        if self.W is None:
            values = values + (h @ self.V.T).reshape(values.shape)
        else:
            values = values + torch.einsum("ptk,tkm->ptm", h[:, self.V], self.W)
        return values.amax(dim=1)

"""The torch module of a shallow form; imports torch, so that nothing else here has to."""

from __future__ import annotations

import torch

__all__ = ["MaxOfShallowModule"]


class MaxOfShallowModule(torch.nn.Module):
    """``x -> max over terms of (A x + a + V relu(U x + u))``.

    Parameters
    ----------
    U, u, V, A, a : torch.Tensor
        Shapes (h, n), (h,), (terms * m, h), (terms * m, n) and (terms * m,).
    terms : int
    """

    U: torch.Tensor
    u: torch.Tensor
    V: torch.Tensor
    A: torch.Tensor
    a: torch.Tensor

    def __init__(
        self,
        U: torch.Tensor,
        u: torch.Tensor,
        V: torch.Tensor,
        A: torch.Tensor,
        a: torch.Tensor,
        terms: int,
    ) -> None:
        super().__init__()
        self.terms = terms
        for name, value in {"U": U, "u": u, "V": V, "A": A, "a": a}.items():
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values, shape (N, m), for inputs of shape (N, n)."""
        h = torch.relu(x @ self.U.T + self.u)
        values = x @ self.A.T + self.a + h @ self.V.T
        return values.reshape(x.shape[0], self.terms, -1).amax(dim=1)

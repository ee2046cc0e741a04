"""Layers: `Maxout`, `CReLU`, `Residual`."""

from __future__ import annotations

import torch

from ..errors import NetworkError

__all__ = ["CReLU", "Maxout", "Residual"]


class Maxout(torch.nn.Module):
    """The maximum over groups of ``k`` consecutive channels.

    Goodfellow, Warde-Farley, Mirza, Courville and Bengio, *Maxout Networks*, ICML 2013.

    Parameters
    ----------
    k : int
        Channels in a group; a maxout unit has ``k`` pieces.
    dim : int
        Axis of the channels. The input's ``n`` channels become ``n / k``.

    Raises
    ------
    NetworkError
        If ``k`` is not positive, or the channels do not split into groups of ``k``.

    Examples
    --------
    >>> import torch, plica
    >>> plica.nn.Maxout(2)(torch.tensor([[1.0, 4.0, 3.0, 2.0]])).tolist()
    [[4.0, 3.0]]
    """

    def __init__(self, k: int, dim: int = 1) -> None:
        super().__init__()
        if int(k) != k or k < 1:
            raise NetworkError(f"Maxout: k must be a positive integer, got {k}")
        self.k = int(k)
        self.dim = int(dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maxima, with ``n / k`` channels where ``x`` has ``n``."""
        dim = _axis("Maxout", self.dim, x)
        channels = x.shape[dim]
        if channels % self.k:
            raise NetworkError(
                f"Maxout: {channels} channels (axis {self.dim} of shape {tuple(x.shape)}) do not "
                f"split into groups of {self.k}"
            )
        groups = x.reshape(*x.shape[:dim], channels // self.k, self.k, *x.shape[dim + 1 :])
        return torch.amax(groups, dim + 1)

    def extra_repr(self) -> str:
        return f"k={self.k}, dim={self.dim}"


class CReLU(torch.nn.Module):
    """Concatenated rectifiers: ``relu(x)`` followed by ``relu(-x)`` along the channels.

    Shang, Sohn, Almeida and Lee, *Understanding and Improving Convolutional Neural Networks via
    Concatenated Rectified Linear Units*, ICML 2016.

    Parameters
    ----------
    dim : int
        Axis of the channels. The input's ``n`` channels become ``2 n``.
    groups : int
        Double each of so many groups of consecutive channels by itself: ``relu(x_1), relu(-x_1),
        relu(x_2), relu(-x_2), ...``. A grouped convolution with as many groups then reads both
        parts of its channels.

    Raises
    ------
    NetworkError
        If the input has no such axis, ``groups`` is not positive, or the channels do not split.

    Examples
    --------
    >>> import torch, plica
    >>> plica.nn.CReLU()(torch.tensor([[1.0, -2.0]])).tolist()
    [[1.0, 0.0, 0.0, 2.0]]
    >>> plica.nn.CReLU(groups=2)(torch.tensor([[1.0, 3.0, -2.0, 5.0]])).tolist()
    [[1.0, 3.0, 0.0, 0.0, 0.0, 5.0, 2.0, 0.0]]
    """

    def __init__(self, dim: int = 1, groups: int = 1) -> None:
        super().__init__()
        if int(groups) != groups or groups < 1:
            raise NetworkError(f"CReLU: groups must be a positive integer, got {groups}")
        self.dim = int(dim)
        self.groups = int(groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Positive parts, then negative parts, with twice the channels of ``x``."""
        dim = _axis("CReLU", self.dim, x)
        if self.groups == 1:
            return torch.cat([x, -x], dim).relu()
        if x.shape[dim] % self.groups:
            raise NetworkError(
                f"CReLU: {x.shape[dim]} channels (axis {self.dim} of shape {tuple(x.shape)}) do "
                f"not split into {self.groups} groups"
            )
        parts = x.reshape(*x.shape[:dim], self.groups, -1, *x.shape[dim + 1 :])
        return torch.cat([parts, -parts], dim + 1).relu().flatten(dim, dim + 1)

    def extra_repr(self) -> str:
        return f"dim={self.dim}" + (f", groups={self.groups}" if self.groups > 1 else "")


class Residual(torch.nn.Module):
    """A residual block, ``x + beta branch(x)``.

    Parameters
    ----------
    branch : torch.nn.Module
        Keeps the shape of its input.
    beta : float
        Weight of the branch.

    Examples
    --------
    >>> import torch, plica
    >>> plica.nn.Residual(torch.nn.ReLU(), beta=0.5)(torch.tensor([[2.0, -2.0]])).tolist()
    [[3.0, -2.0]]
    """

    def __init__(self, branch: torch.nn.Module, beta: float = 1.0) -> None:
        super().__init__()
        self.branch = branch
        self.beta = float(beta)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum, of the shape of ``x``."""
        y: torch.Tensor = x + self.beta * self.branch(x)
        return y

    def extra_repr(self) -> str:
        return f"beta={self.beta:g}"


def _axis(name: str, dim: int, x: torch.Tensor) -> int:
    if not -x.ndim <= dim < x.ndim:
        raise NetworkError(f"{name}: an input of shape {tuple(x.shape)} has no axis {dim}")
    return dim % x.ndim

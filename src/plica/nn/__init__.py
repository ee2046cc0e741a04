"""torch modules that plica adds: layers, and deep networks to compare.

`Maxout`, `CReLU` and `Residual` are layers. `mlp` and `convnet` make plain, batch-normalised,
residual and concatenated-rectifier networks of any depth with He's initialisation;
`looks_linear_mlp` and `looks_linear_convnet` make their looks-linear twins.
"""

from __future__ import annotations

from ..errors import PlicaError

try:
    import torch  # noqa: F401
except ImportError as error:
    raise PlicaError(
        "plica.nn needs torch: pip install torch --index-url https://download.pytorch.org/whl/cpu"
    ) from error

from .layers import CReLU, Maxout, Residual
from .models import KINDS, convnet, looks_linear_convnet, looks_linear_mlp, mlp

__all__ = [
    "KINDS",
    "CReLU",
    "Maxout",
    "Residual",
    "convnet",
    "looks_linear_convnet",
    "looks_linear_mlp",
    "mlp",
]

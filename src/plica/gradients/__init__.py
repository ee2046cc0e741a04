"""Shattered gradients: whether the gradients of different samples agree in a deep network.

Balduzzi, Frean, Leary, Lewis, Ma and McWilliams, *The Shattered Gradients Problem: If resnets are
the answer, then what is the question?*, ICML 2017.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: Public names and the files they live in; torch is loaded by none of them before it is needed.
_WHERE = {
    "Coactivation": "statistics",
    "Correlation": "statistics",
    "GradientAlong": "along",
    "Law": "laws",
    "LayerGradients": "report",
    "PairsByCreases": "along",
    "ShatterReport": "report",
    "autocorrelation": "statistics",
    "brown_and_white": "along",
    "coactivation": "statistics",
    "correlation_of": "statistics",
    "diagnose": "diagnosis",
    "effective_rank": "statistics",
    "gaussian_rank": "statistics",
    "gradient_along": "along",
    "gradient_correlation": "statistics",
    "gradient_covariance": "statistics",
    "law": "laws",
    "pairs_by_creases": "along",
    "parameter_grams": "grams",
    "sample_gradients": "trace",
}

__all__ = list(_WHERE)

if TYPE_CHECKING:
    from .along import GradientAlong as GradientAlong
    from .along import PairsByCreases as PairsByCreases
    from .along import brown_and_white as brown_and_white
    from .along import gradient_along as gradient_along
    from .along import pairs_by_creases as pairs_by_creases
    from .diagnosis import diagnose as diagnose
    from .grams import parameter_grams as parameter_grams
    from .laws import Law as Law
    from .laws import law as law
    from .report import LayerGradients as LayerGradients
    from .report import ShatterReport as ShatterReport
    from .statistics import Coactivation as Coactivation
    from .statistics import Correlation as Correlation
    from .statistics import autocorrelation as autocorrelation
    from .statistics import coactivation as coactivation
    from .statistics import correlation_of as correlation_of
    from .statistics import effective_rank as effective_rank
    from .statistics import gaussian_rank as gaussian_rank
    from .statistics import gradient_correlation as gradient_correlation
    from .statistics import gradient_covariance as gradient_covariance
    from .trace import sample_gradients as sample_gradients


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'plica.gradients' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])

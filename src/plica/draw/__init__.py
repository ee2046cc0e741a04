"""Pictures: regions, creases, decision boundaries; folded sheets and preimages."""

from __future__ import annotations

from .bounds import plot_depths
from .files import draw_file, figure_of
from .folding import plot_preimages, plot_sheet
from .paper import plot_paper
from .picture import Picture, plot_atlas
from .stability import plot_stability
from .unit_maps import plot_unit_maps

__all__ = [
    "Picture",
    "draw_file",
    "figure_of",
    "plot_atlas",
    "plot_depths",
    "plot_paper",
    "plot_preimages",
    "plot_sheet",
    "plot_stability",
    "plot_unit_maps",
]

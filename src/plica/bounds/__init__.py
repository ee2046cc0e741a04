"""How many regions can there be: bounds from the literature, as exact integers of any size.

One function a bound; `plica.bounds.table` lists all that apply to an architecture. Widths are
``(n0, n1, ..., nL)``: inputs, then hidden layers, without the outputs.
"""

from __future__ import annotations

from .convolution import Convolution, convolution_lower, convolution_upper, fields_layer
from .entries import Bound, Excluded, Table
from .expected import (
    Constants,
    CreaseVolume,
    estimate_constants,
    expected_creases,
    hanin_rolnick_2019,
    tseran_montufar_2021,
    tseran_montufar_2021_boundary,
)
from .growth import (
    AgainstDepth,
    against_depth,
    montufar_2014_rates,
    n_parameters,
    regions_per_parameter,
)
from .histograms import all_active, full, histogram_bound, line, most_active, plane
from .lower import (
    arora_2018,
    best_fold,
    counts_linear,
    montufar_2014,
    one_layer,
    pascanu_2013,
    serra_2018_fold,
    serra_2018_zonotope,
    uneven_fold,
    zonotope_fold,
)
from .maxout import (
    kaleidoscope,
    maxout_fold,
    maxout_layer,
    maxout_layer_montufar_2014,
    maxout_montufar_2014,
    maxout_serra_2018,
    maxout_upper,
)
from .network import of_network
from .piecewise import (
    flat_upper,
    named_fold,
    piecewise_fold,
    piecewise_layer,
    piecewise_upper,
    widest_layer,
)
from .ranks import exact_rank
from .table import table
from .upper import (
    montufar_2017,
    naive,
    raghu_2017,
    refined_line,
    refined_plane,
    serra_2018,
    without_biases,
)

__all__ = [
    "AgainstDepth",
    "Bound",
    "Constants",
    "Convolution",
    "CreaseVolume",
    "Excluded",
    "Table",
    "against_depth",
    "all_active",
    "arora_2018",
    "best_fold",
    "convolution_lower",
    "convolution_upper",
    "counts_linear",
    "estimate_constants",
    "exact_rank",
    "expected_creases",
    "fields_layer",
    "flat_upper",
    "full",
    "hanin_rolnick_2019",
    "histogram_bound",
    "kaleidoscope",
    "line",
    "maxout_fold",
    "maxout_layer",
    "maxout_layer_montufar_2014",
    "maxout_montufar_2014",
    "maxout_serra_2018",
    "maxout_upper",
    "montufar_2014",
    "montufar_2014_rates",
    "montufar_2017",
    "most_active",
    "n_parameters",
    "naive",
    "named_fold",
    "of_network",
    "one_layer",
    "pascanu_2013",
    "piecewise_fold",
    "piecewise_layer",
    "piecewise_upper",
    "plane",
    "raghu_2017",
    "refined_line",
    "refined_plane",
    "regions_per_parameter",
    "serra_2018",
    "serra_2018_fold",
    "serra_2018_zonotope",
    "table",
    "tseran_montufar_2021",
    "tseran_montufar_2021_boundary",
    "uneven_fold",
    "widest_layer",
    "without_biases",
    "zonotope_fold",
]

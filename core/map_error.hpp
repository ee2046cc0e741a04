// Bounds on the rounding errors of the maps from the domain's coordinates to pre-activations: one routine
// for all engines.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "chain.hpp"
#include "walk_common.hpp"

namespace plica {

struct MapError {
    double error = 0;  // of a row, as a functional all over the domain
    double bound = 0;  // on the rows, and on all partial sums that make them
    double spread = 0; // on the sum over coefficients of the Euclidean norm of its errors over the rows
};

// What underflow adds to the error of a row: half of the least double for every product, of a slope and
// an entry (which a weight then multiplies) and of a weight and a feed; and for the bounds themselves. By far less
// than this, which is a normal number: processors are slow to compute with others.
inline double underflow(const Stage &here, double reach) {
    return DBL_MIN * ((here.weight_norm + here.slope_norm + here.terms + 8) * reach);
}

// Of a map computed as a full sum from the linearised units of the stage before, whose rows are at most
// `magnitude` all over the domain as they are stored. A map has `columns` columns. `unit` is what
// rounding adds to a row, in units of its bound; `reach` is 1 plus the sum of the domain's extents.
inline MapError carry(const Stage &here, const MapError &input, double magnitude, int columns, double reach,
                      double unit) {
    // |sum| <= bound for every partial sum; a sum of n products is off by at most (n + 1) kUnit of it
    const double size = magnitude * (1 + (columns + 7) * kUnit) + input.error;
    MapError found;
    found.bound = here.slope_norm * size + here.intercept_norm + here.bias_max;
    const double rounding = unit * found.bound + underflow(here, reach);
    // row by row, |sum A_jk e_k| <= sum |A_jk| max |e_k|, and <= ||A_j|| ||e||; over the rows, the
    // norm of A e is at most ||A|| ||e||. Each coefficient's errors are bounded so, and added up.
    const double step = std::min(here.slope_norm * input.error, here.euclidean_norm * input.spread);
    const double root = std::sqrt(static_cast<double>(columns) * here.n_pre);
    found.error = (step + rounding) * (1 + 1e-10);
    found.spread = std::min(root * found.error, here.spectral_norm * input.spread + root * rounding) * (1 + 1e-10);
    return found;
}

inline MapError carry(const Stage &here, const MapError &input, double magnitude, int columns, double reach) {
    return carry(here, input, magnitude, columns, reach, (here.terms + 8) * kUnit);
}

// What a rank-1 update adds to the error of each row, in units of `bound`. Of a difference of two
// feeds, each at most `bound` when weighted: three roundings in each, one in their difference (which may
// be twice as large), one by the weight, and one when it is added to the map.
inline constexpr double kUpdate = 12 * kUnit;

} // namespace plica

// Maps in twice the working precision: every entry is a pair of doubles, high + low, with |low| at most
// half a unit in the last place of high. For stages so deep that the error bound of the plain product
// leaves too many signs open.
#pragma once

#include <cstddef>

#include "chain.hpp"
#include "walk_common.hpp"

namespace plica {

// One linearised unit that feeds an affine map, in pairs.
struct FineFeed {
    int unit;
    double high[3], low[3];
};

// high + low = A * rows + bias for the units listed (all others feed zero), for a dense stage.
void fine_product(const Stage &stage, int columns, const FineFeed *feeds, int n, double *high, double *low,
                  std::size_t ld);

// The pair nearest to slope * (high + low) + intercept, up to rounding.
void fine_piece(double slope, double intercept, double &high, double &low);

// What rounding does to a row, in units of a bound B on the sum of the sizes of its terms, of which there
// are n with the bias: of a term w (x + y), |y| <= u |x|, the product w x = p + e is exact, and e + w y
// is off by at most 2.1 u^2 |p|; so is what `fine_piece` makes of a unit. p is added to the high part
// exactly, with a rest of at most u B (1 + n u). Rest and e + w y are rounded into one number, and that
// into the low part, which never exceeds 3.2 n u B: n times this, and n times 3.2 u^2 B for the sums.
inline double fine_rounding(int terms) {
    const double n = terms + 2.0;
    return 5 * n * n * kUnit * kUnit;
}

} // namespace plica

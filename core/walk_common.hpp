// Constants and small helpers that the parts of a walk share.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cstddef>

#include "chain.hpp"

namespace plica {

inline constexpr double kUnit = DBL_EPSILON / 2; // unit roundoff
inline constexpr int kMaxAge = 4096; // rank-1 updates before a map is computed afresh
// A crossing that rounding may have moved by more than this share of the domain is computed exactly
// where it is written out.
inline constexpr double kSharp = 1e-9;
// Maps whose error may be more than this share of their size are computed in twice the precision: on
// intervals cells are shorter, and twice the precision costs less, than in the plane.
template <int D> inline constexpr double kRefine = D == 1 ? 1e-11 : 3e-8;
inline constexpr int kLongList = 8; // candidates worth a second look after a split

// Whether a unit on this piece feeds anything into the next map.
inline bool feeds(const Piece &piece) { return (piece.slope != 0.0) | (piece.intercept != 0.0); }

inline std::size_t z(int i) { return static_cast<std::size_t>(i); }

// Into how many parts hyperplanes divide a convex set of n dimensions, at most: the sum over j <= n of the binomials
// (Buck 1943).
inline double most_parts(int n, int hyperplanes) {
    double term = 1, sum = 1;
    for (int j = 0; j < std::min(n, hyperplanes); ++j) sum += term *= static_cast<double>(hyperplanes - j) / (j + 1);
    return sum;
}

} // namespace plica

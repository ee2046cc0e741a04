// The three loops where the time goes. Maps are stored as D + 1 arrays ("columns" of the map: the
// coefficients of the D coordinates, then the constant), each padded to a multiple of two panels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "chain.hpp"

namespace plica {

// One linearised unit that feeds an affine map: its index and the D + 1 entries of its row.
struct Feed {
    int unit;
    int begins = 0; // of a change: 1 where the unit begins to feed the map, -1 where it ends
    double row[3];
};

// map = A * rows + bias for the units listed (all others feed zero); map has D + 1 columns of `ld`.
void product(const Stage &stage, int columns, const Feed *feeds, int n, double *map, std::size_t ld);

// map += A[:, unit] * row for each of the feeds, in order
void add_feeds(const Stage &stage, int columns, const Feed *feeds, int n, double *map, std::size_t ld);

// Where the rows of the map stand at the points (x[v], y[v]), v < n_points, 64 rows a word: bit j of
// `left` says that row j is certainly below left[j] at all of them, of `right` that it is certainly
// above right[j], of `both` that it is certainly below left[j] at some of them and above right[j] at
// others. Row j counts as certain beyond filter * (tolerance + (sum of its |coefficients|) * rho).
// Bits from n on say nothing.
struct Points {
    int n;
    const double *x, *y;
    double rho;
};
struct Verdicts {
    std::uint64_t left, right, both;
};
void decide(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
            double tolerance, const double *left, const double *right, Verdicts *verdicts);

// Certain bounds on the rows of the map over the points: low[j] <= row j <= high[j].
void bound(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
           double tolerance, double *low, double *high);

// max over rows of |coefficient| * extent, summed over the columns (the constant has extent 1)
double magnitude(int columns, int n, const double *map, std::size_t ld, const double *extent);

} // namespace plica

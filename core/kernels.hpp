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
    double row[3];
};

// map = A * rows + bias for the units listed (all others feed zero); map has D + 1 columns of `ld`.
void product(const Stage &stage, int columns, const Feed *feeds, int n, double *map, std::size_t ld);

// map += A[:, unit] * row
void rank_one(const Stage &stage, int columns, const Feed &feed, double *map, std::size_t ld);

// Where the rows of the map stand at the points (x[v], y[v]), v < n_points: verdict[j] is 0 where row
// j is certainly below left[j] at all of them, `last` where it is certainly above right[j], kBoth where
// it is certainly below left[j] at some of them and above right[j] at others, else kOpen.
// Row j counts as certain beyond filter * (tolerance + (sum of its |coefficients|) * rho). `n` is
// rounded up to a multiple of 8; arrays are padded.
constexpr std::uint16_t kOpen = 0xffff, kBoth = 0xfffe;
struct Points {
    int n;
    const double *x, *y;
    double rho;
};
void decide(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
            double tolerance, const double *left, const double *right, std::uint16_t last,
            std::uint16_t *verdict);

// Certain bounds on the rows of the map over the points: low[j] <= row j <= high[j].
void bound(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
           double tolerance, double *low, double *high);

// max over rows of |coefficient| * extent, summed over the columns (the constant has extent 1)
double magnitude(int columns, int n, const double *map, std::size_t ld, const double *extent);

} // namespace plica

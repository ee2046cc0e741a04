// Affine functionals at a handful of points, such as the vertices of a cell.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.hpp"

namespace plica {

// Coordinate k of point v is x[k * ld + v]. `ld` is a multiple of 8, and what pads a column is finite.
struct Cloud {
    int dim, n;
    const double *x;
    std::size_t ld;
};

// A functional's value at every point (and at what pads them), and bit sets of 64 points a word: where
// it is above margin, and where below -margin.
void evaluate(const Cloud &points, const double *row, double constant, double margin, double *values,
              std::uint64_t *above, std::uint64_t *below);

void find_mean(const Cloud &points, double *mean);

// Where the rows of a map of dim + 1 columns stand at the points, as in kernels.hpp. Row j counts as
// certain beyond filter * (tolerance + (sum over columns of its |coefficient| * extent) * rho).
struct Margins {
    double filter, tolerance, rho;
    const double *extent; // dim + 1 numbers
};
void decide_any(int n, const double *map, std::size_t ld, const Cloud &points, const Margins &margins,
                const double *left, const double *right, std::uint16_t last, std::uint16_t *verdict);

} // namespace plica

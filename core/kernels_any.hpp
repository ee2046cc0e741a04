// The loops of kernels.hpp for maps of any number of columns.
#pragma once

#include <cstddef>

#include "chain.hpp"

namespace plica {

// Linearised units that feed an affine map: which ones, and their rows, `stride` numbers apart.
struct Feeds {
    const int *unit;
    const double *rows;
    std::size_t stride;
    int n;
};

// map = A * rows + bias; `columns` arrays of `ld` numbers, the constants last
void product_any(const Stage &stage, int columns, const Feeds &feeds, double *map, std::size_t ld);

// map += A[:, unit] * row
void rank_one_any(const Stage &stage, int columns, int unit, const double *row, double *map, std::size_t ld);

// max over n rows of the sum over columns of |coefficient| * extent
double magnitude_any(int columns, int n, const double *map, std::size_t ld, const double *extent);

} // namespace plica

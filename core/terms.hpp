// Maxima over many shallow functions, each an affine part and a few rectified units that terms share.
#pragma once

#include <cstdint>

namespace plica {

// Terms in blocks. A block lists the units that its terms read; a term reads units of its block.
struct Terms {
    int n, m;                   // inputs and outputs
    std::int64_t blocks;
    const std::int64_t *term;   // blocks + 1: first term of each block
    const std::int64_t *listed; // blocks + 1: first entry of each block in `unit`
    const std::int32_t *unit;   // rows of `hidden`
    const double *hidden;       // rows of n coefficients and a constant
    const std::int64_t *start;  // terms + 1: first entry of each term in `reads` and `weights`
    const std::int32_t *reads;  // places in the block's list
    const double *weights;      // m for each entry of `reads`
    const double *affine;       // m rows of n coefficients and a constant for each term
    std::int64_t widest;        // units of a block at most
};

// The largest value over the terms, or, where `each` is not null, the value of every term, for each
// of N points and m outputs: largest[p * m + c], each[(p * m + c) * terms + t].
void term_values(const Terms &terms, const double *points, std::int64_t N, double *largest, double *each);

} // namespace plica

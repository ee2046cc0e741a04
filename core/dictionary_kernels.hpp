// The inner loops of dictionaries: rows of `W` numbers, a multiple of 8 that is known where the code
// is compiled, or of `ld` numbers where W is 0. Everything here is inlined into its caller, once for
// each set of instructions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "lanes.hpp"

namespace plica {
namespace rows {

using Eight = Vec;

INLINE Eight &eight(double *p) { return *reinterpret_cast<Eight *>(p); }
INLINE const Eight &eight(const double *p) { return *reinterpret_cast<const Eight *>(p); }

template <int W> INLINE int width(int ld) { return W > 0 ? W : ld; }

INLINE double total(const Eight &v) {
    typedef double Four __attribute__((vector_size(32)));
    typedef double Two __attribute__((vector_size(16)));
    const Four low = __builtin_shufflevector(v, v, 0, 1, 2, 3), high = __builtin_shufflevector(v, v, 4, 5, 6, 7);
    const Four four = low + high;
    const Two two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
    return two[0] + two[1];
}

template <int W> INLINE double dot(const double *a, const double *b, int ld) {
    Eight sum{};
    for (int k = 0; k < width<W>(ld); k += 8) sum += eight(a + k) * eight(b + k);
    return total(sum);
}

template <int W> INLINE void add(double *to, double factor, const double *row, int ld) {
    for (int k = 0; k < width<W>(ld); k += 8) eight(to + k) += factor * eight(row + k);
}

// The largest of eight numbers and the index that goes with it.
INLINE int reduce(Eight value, Lanes index, double &top) {
    const auto step = [&](const Eight &v, const Lanes &i) __attribute__((always_inline)) {
        const Lanes more = v > value;
        value = more ? v : value;
        index = more ? i : index;
    };
    step(__builtin_shufflevector(value, value, 4, 5, 6, 7, 0, 1, 2, 3),
         __builtin_shufflevector(index, index, 4, 5, 6, 7, 0, 1, 2, 3));
    step(__builtin_shufflevector(value, value, 2, 3, 0, 1, 6, 7, 4, 5),
         __builtin_shufflevector(index, index, 2, 3, 0, 1, 6, 7, 4, 5));
    step(__builtin_shufflevector(value, value, 1, 0, 3, 2, 5, 4, 7, 6),
         __builtin_shufflevector(index, index, 1, 0, 3, 2, 5, 4, 7, 6));
    top = value[0];
    return static_cast<int>(index[0]);
}

// Index of the largest number above `least`, or -1; the padding holds nothing above it.
template <int W> INLINE int largest(const double *d, double least, int ld) {
    Eight best = Eight{} + least;
    Lanes index = Lanes{} - 1;
    for (int k = 0; k < width<W>(ld); k += 8) {
        const Eight v = eight(d + k);
        const Lanes more = v > best;
        best = more ? v : best;
        index = more ? kLane + k : index;
    }
    double top = 0;
    const int at = reduce(best, index, top);
    return top > least ? at : -1;
}

} // namespace rows
} // namespace plica

// The histogram bounds on activation regions, modulo primes.
//
// A cell whose image has dimension n is cut by a layer of m units into at most T(n) = sum_{k<=n} C(m, k)
// cells, of which N(n, j) have fewer than j active units. If u(i) bounds the regions that the layers after
// it make of a cell of dimension i, and D(j) = u(j) - u(j - 1), then the layer and those make at most
//
//     y(n) = T(n) u(n) - sum_{j=1}^{n} D(j) N(n, j).
//
// With B(k) = C(m, 0) + ... + C(m, k - 1), N(n, j) is T(n) - B(m - j + 1) for j > m - n + 1. Otherwise it is
//
//     most active   T(n) - B(n) for j = m - n + 1, else 0
//     line          C(s, n)
//     plane         ((m + 2 - n) C(s, n) - m C(s - 1, n)) / 2,   s = 2 (j + n) - m - 2,
//
// where C(s, n) = 0 for s < n. These are sums over j of steps D(j) times numbers that depend on n and on
// r = m + 2 - 2 j = 2 n - s alone: for planes
//
//     ((n (m + 1 - n) + 2 n - m - 2) C(s - 1, n - 1) - (n - 2) j C(s - 1, n - 1)) / n,
//
// as s C(s - 1, n - 1) = n C(s, n). All layers share a table of C(s, n), or of C(s - 1, n - 1).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lanes.hpp"

namespace plica {

typedef std::uint32_t Words __attribute__((vector_size(32)));

enum class Histogram { most_active, line, plane };

class HistogramBound {
  public:
    using Eight = std::array<std::uint32_t, kVec>;

    // Of every hidden layer the units, fewer than 2^30, and the largest dimension of the image that it cuts.
    // The dimensions, below 2^27, do not grow, and none is above the number of units.
    HistogramBound(std::vector<int> units, std::vector<int> dimensions, Histogram histogram);

    // The bound modulo eight primes between 2^27 and 2^28, which need not differ.
    Eight modulo(const Eight &primes);

  private:
    // Where vectors are not wide, compilers align these types for one number only.
    struct alignas(64) Number { Places x; };
    struct alignas(32) Word { Words x; };
    struct Field;

    bool refines(std::size_t layer) const;
    void find_inverses(const Eight &primes);
    void find_table(const Field &field);
    void find_below(const Field &field, int m, int top);
    void cut(const Field &field, int m, int top, bool refine); // u becomes y
    template <int K> Places refined(const Field &field, int m, int n) const;
    template <int K> void find_steps(const Field &field, int top);
    static int first(int m, int n) { return (m + 3 - n) / 2; } // the least j for which s >= n
    static int stop(int m, int n) { return std::min(n, m + 1 - n) + 1; }

    std::vector<int> units_, dimensions_;
    Histogram histogram_;
    // Of column n the entries r = n, n - 2, ... start at starts_[2 n], r = n - 1, n - 3, ... at the next.
    std::vector<std::size_t> starts_;
    std::vector<Word> table_, column_;
    std::vector<Number> inverse_, below_, u_, steps_, sums_;
};

} // namespace plica

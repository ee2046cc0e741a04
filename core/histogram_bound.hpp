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
// where C(s, n) = 0 for s < n. The rows C(2 n - r, n) over n, which all layers share, make the sums over j
// sums of multiples of rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace plica {

enum class Histogram { most_active, line, plane };

class HistogramBound {
  public:
    // Of every hidden layer the units, and the largest dimension of the image that it cuts. The dimensions
    // do not grow, and none is above the number of units, which is below 2^27.
    HistogramBound(std::vector<int> units, std::vector<int> dimensions, Histogram histogram);

    // The bound modulo a prime between 2^27 and 2^28.
    std::uint32_t modulo(std::uint32_t prime);

  private:
    struct Field { // numbers modulo a prime
        explicit Field(std::uint32_t prime);
        std::uint32_t operator()(std::uint64_t x) const; // x modulo the prime
        std::uint32_t times(std::uint32_t a, std::uint32_t b) const { return (*this)(std::uint64_t{a} * b); }
        // A number below 0 is taken for a large one: of the two the smaller is right.
        std::uint32_t minus(std::uint32_t a, std::uint32_t b) const { return std::min(a - b, a - b + p); }
        std::uint32_t plus(std::uint32_t a, std::uint32_t b) const { return std::min(a + b, a + b - p); }
        std::uint32_t p;
        std::uint64_t reciprocal;
    };

    void find_inverses(const Field &field);
    void find_rows(const Field &field);
    void find_below(const Field &field, int m, int top);
    void cut(const Field &field, int m, int top); // u becomes y
    void add_refined(const Field &field, int m, int top);
    void add_sums(const Field &field, int m, int top, int more, std::vector<std::uint64_t> &sums);
    const std::uint32_t *row(int r) const { return rows_.data() + static_cast<std::size_t>(r) * width_; }

    std::vector<int> units_, dimensions_;
    Histogram histogram_;
    std::size_t width_; // of a row
    int n_rows_;        // none where no layer is refined
    std::vector<std::uint32_t> inverse_, rows_, below_, u_, steps_;
    std::vector<std::uint64_t> sums_, refined_, second_;
};

} // namespace plica

#include "terms.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "lanes.hpp"

namespace plica {
namespace {

constexpr int kWide = 2 * kVec;              // points side by side
constexpr std::int64_t kPanel = 1 << 15;     // numbers of the points that blocks go over in turn

struct Pair {
    Vec low, high;
};

INLINE Pair operator+(const Pair &a, const Pair &b) { return {a.low + b.low, a.high + b.high}; }
INLINE void add(Pair &sum, double w, const double *h) {
    sum.low += load(h) * w;
    sum.high += load(h + kVec) * w;
}
// a, unless b is larger; a where that is not a number
INLINE Pair larger(const Pair &a, const Pair &b) {
    return {a.low < b.low ? b.low : a.low, a.high < b.high ? b.high : a.high};
}
INLINE Pair get(const double *p) { return {load(p), load(p + kVec)}; }
INLINE void put(double *p, const Pair &v) {
    store(p) = v.low;
    store(p + kVec) = v.high;
}

INLINE Pair affine(const double *row, const double *x, int n) {
    Pair sum{Vec{} + row[n], Vec{} + row[n]};
    for (int k = 0; k < n; ++k) add(sum, row[k], x + k * kWide);
    return sum;
}

// One block at kWide points.
INLINE void block_values(const Terms &terms, std::int64_t b, const double *x, double *h, double *best,
                         double *each, std::int64_t each_step, int points) {
    const int n = terms.n, m = terms.m;
    const std::int64_t first = terms.listed[b];
    for (std::int64_t i = first; i < terms.listed[b + 1]; ++i)
        put(h + (i - first) * kWide,
            larger(affine(terms.hidden + static_cast<std::int64_t>(terms.unit[i]) * (n + 1), x, n), Pair{}));
    for (std::int64_t t = terms.term[b]; t < terms.term[b + 1]; ++t)
        for (int c = 0; c < m; ++c) {
            Pair even = affine(terms.affine + (t * m + c) * (n + 1), x, n), odd{};
            const double *w = terms.weights + c;
            std::int64_t e = terms.start[t];
            for (; e + 1 < terms.start[t + 1]; e += 2) { // two sums: the second need not wait for the first
                add(even, w[e * m], h + terms.reads[e] * kWide);
                add(odd, w[(e + 1) * m], h + terms.reads[e + 1] * kWide);
            }
            if (e < terms.start[t + 1]) add(even, w[e * m], h + terms.reads[e] * kWide);
            const Pair value = even + odd;
            put(best + c * kWide, larger(value, get(best + c * kWide)));
            if (each == nullptr) continue;
            for (int p = 0; p < points; ++p)
                each[(p * m + c) * each_step + t] = p < kVec ? value.low[p] : value.high[p - kVec];
        }
}

CLONES void panel_values(const Terms &terms, const double *x, double *h, double *best, double *each,
                         std::int64_t points) {
    const std::int64_t total = terms.term[terms.blocks];
    for (std::int64_t b = 0; b < terms.blocks; ++b)
        for (std::int64_t p = 0; p < points; p += kWide)
            block_values(terms, b, x + p * terms.n, h, best + p * terms.m,
                         each == nullptr ? nullptr : each + p * terms.m * total, total,
                         static_cast<int>(std::min<std::int64_t>(kWide, points - p)));
}

double *aligned(std::vector<double> &room, std::int64_t size) {
    room.resize(static_cast<std::size_t>(size + kVec));
    auto at = reinterpret_cast<std::uintptr_t>(room.data());
    return reinterpret_cast<double *>((at + sizeof(Vec) - 1) / sizeof(Vec) * sizeof(Vec));
}

} // namespace

void term_values(const Terms &terms, const double *points, std::int64_t N, double *largest, double *each) {
    const int n = terms.n, m = terms.m;
    const std::int64_t panel = std::max<std::int64_t>(kPanel / (n + m) / kWide, 1) * kWide;
    std::vector<double> room[3];
    double *x = aligned(room[0], panel * n);
    double *h = aligned(room[1], terms.widest * kWide);
    double *best = aligned(room[2], panel * m);
    for (std::int64_t from = 0; from < N; from += panel) {
        const std::int64_t count = std::min(panel, N - from);
        std::fill(x, x + panel * n, 0.0);
        std::fill(best, best + panel * m, -std::numeric_limits<double>::infinity());
        for (std::int64_t p = 0; p < count; ++p)
            for (int k = 0; k < n; ++k)
                x[(p / kWide * n + k) * kWide + p % kWide] = points[(from + p) * n + k];
        panel_values(terms, x, h, best, each == nullptr ? nullptr : each + from * m * terms.term[terms.blocks],
                     count);
        for (std::int64_t p = 0; p < count; ++p)
            for (int c = 0; c < m; ++c)
                largest[(from + p) * m + c] = best[(p / kWide * m + c) * kWide + p % kWide];
    }
}

} // namespace plica

#include "kernels.hpp"

#include <algorithm>
#include <cmath>

#include "kernels_any.hpp"
#include "lanes.hpp"

namespace plica {
namespace {

constexpr int kPerPanel = kPanel / kVec;

// Panels that one pass over the feeds fills: enough independent sums to hide the latency of a fused
// multiply-add, few enough to stay in registers.
#if defined(__AVX512F__)
constexpr int kPass = 2;
#else
constexpr int kPass = 1;
#endif

constexpr int kAhead = 6; // feeds to fetch ahead

// Put in what rows j, j + 1, ... have; a word is cleared by its first rows.
inline void add_bits(Verdicts *verdicts, int j, const Verdicts &found) {
    Verdicts &word = verdicts[j / 64];
    if (j % 64 == 0) word = {};
    word.left |= found.left << (j % 64);
    word.right |= found.right << (j % 64);
    word.both |= found.both << (j % 64);
}

// map = bias (where Fresh, else map) + A[:, unit] * row, feed after feed.
template <int Columns, bool Fresh>
inline __attribute__((always_inline)) void accumulate(const Stage &stage, const Feed *feeds, int n,
                                                      double *map, std::size_t ld) {
    constexpr int kVecs = kPass * kPerPanel;
    const std::size_t panel_size = static_cast<std::size_t>(stage.n_state) * kPanel;
    const double *panel = stage.panels.data();
    for (int row = 0; row < stage.n_pre; row += kPass * kPanel, panel += kPass * panel_size) {
        const auto entry = [&](int c, int v) -> double * {
            return map + static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(row + v * kVec);
        };
        Vec sum[Columns][kVecs];
        for (int c = 0; c < Columns; ++c)
            for (int v = 0; v < kVecs; ++v)
                sum[c][v] = !Fresh             ? load(entry(c, v))
                            : c == Columns - 1 ? load(&stage.bias[static_cast<std::size_t>(row + v * kVec)])
                                               : Vec{};
        for (int i = 0; i < n; ++i) {
            const double *w = panel + static_cast<std::size_t>(feeds[i].unit) * kPanel;
            if (Fresh) {
                const int ahead = i + kAhead < n ? i + kAhead : i; // which units feed is irregular
                const double *soon = panel + static_cast<std::size_t>(feeds[ahead].unit) * kPanel;
                for (int v = 0; v < kVecs; ++v)
                    __builtin_prefetch(soon + (v / kPerPanel) * panel_size + (v % kPerPanel) * kVec);
            }
            for (int v = 0; v < kVecs; ++v) {
                const Vec part = load(w + (v / kPerPanel) * panel_size + (v % kPerPanel) * kVec);
                for (int c = 0; c < Columns; ++c) sum[c][v] += part * feeds[i].row[c];
            }
        }
        for (int c = 0; c < Columns; ++c)
            for (int v = 0; v < kVecs; ++v) store(entry(c, v)) = sum[c][v];
    }
}

template <int Columns>
inline __attribute__((always_inline)) void bound_rows(int n, const double *map, std::size_t ld,
                                                      const Points &points, double filter,
                                                      double tolerance, double *low, double *high) {
    for (int j = 0; j < n; j += kVec) {
        const Vec a = load(map + j), c = load(map + (Columns - 1) * ld + j);
        const Vec b = Columns == 3 ? load(map + ld + j) : Vec{};
        Vec least = a * points.x[0] + c;
        if (Columns == 3) least += b * points.y[0];
        Vec most = least;
        for (int p = 1; p < points.n; ++p) {
            Vec z = a * points.x[p] + c;
            if (Columns == 3) z += b * points.y[p];
            least = z < least ? z : least;
            most = z > most ? z : most;
        }
        const Vec size = Columns == 3 ? absolute(a) + absolute(b) : absolute(a);
        const Vec margin = filter * (tolerance + size * points.rho);
        store(low + j) = least - margin;
        store(high + j) = most + margin;
    }
}

#if defined(PLICA_CLONES) // which know of their wide registers only here
inline __attribute__((always_inline)) std::uint64_t bits_above(const Vec &a, const Vec &b) {
    Lanes held = (a > b) & Lanes{1, 2, 4, 8, 16, 32, 64, 128};
    held |= __builtin_shufflevector(held, held, 4, 5, 6, 7, 0, 1, 2, 3);
    held |= __builtin_shufflevector(held, held, 2, 3, 0, 1, 6, 7, 4, 5);
    held |= __builtin_shufflevector(held, held, 1, 0, 3, 2, 5, 4, 7, 6);
    return static_cast<std::uint64_t>(held[0]);
}
#else
inline std::uint64_t bits_above(const Vec &a, const Vec &b) { return above(a, b); }
#endif

// Vectors of rows that one pass over the points decides: as many as stay in registers.
#if defined(__AVX512F__)
constexpr int kRows = 4;
#else
constexpr int kRows = 1;
#endif

template <int Columns>
inline __attribute__((always_inline)) void decide_rows(int n, const double *map, std::size_t ld,
                                                       const Points &points, double filter,
                                                       double tolerance, const double *left,
                                                       const double *right, Verdicts *verdicts) {
    for (int j = 0; j < n; j += kRows * kVec) {
        Vec a[kRows], b[kRows], c[kRows], low[kRows], high[kRows];
        for (int v = 0; v < kRows; ++v) {
            const double *row = map + j + v * kVec;
            a[v] = load(row);
            b[v] = Columns == 3 ? load(row + ld) : Vec{};
            c[v] = load(row + (Columns - 1) * ld);
            low[v] = a[v] * points.x[0] + c[v];
            if (Columns == 3) low[v] += b[v] * points.y[0];
            high[v] = low[v];
        }
        for (int p = 1; p < points.n; ++p)
            for (int v = 0; v < kRows; ++v) {
                Vec z = a[v] * points.x[p] + c[v];
                if (Columns == 3) z += b[v] * points.y[p];
                low[v] = z < low[v] ? z : low[v];
                high[v] = z > high[v] ? z : high[v];
            }
        Verdicts found{};
        for (int v = 0; v < kRows; ++v) {
            const Vec size = Columns == 3 ? absolute(a[v]) + absolute(b[v]) : absolute(a[v]);
            const Vec margin = filter * (tolerance + size * points.rho);
            const Vec first = load(left + j + v * kVec), last = load(right + j + v * kVec);
            // NaN leaves it open
            found.left |= bits_above(first - high[v], margin) << (v * kVec);
            found.right |= bits_above(low[v] - last, margin) << (v * kVec);
            found.both |= (bits_above(first - low[v], margin) & bits_above(high[v] - last, margin)) << (v * kVec);
        }
        add_bits(verdicts, j, found);
    }
}
template <int Columns>
inline __attribute__((always_inline)) double find_magnitude(int n, const double *map, std::size_t ld,
                                                            const double *extent) {
    Vec best[2] = {}; // n is padded to a multiple of two panels
    for (int j = 0; j < n; j += 2 * kVec)
        for (int v = 0; v < 2; ++v) {
            const double *row = map + j + v * kVec;
            Vec size = absolute(load(row + (Columns - 1) * ld));
            for (int c = 0; c + 1 < Columns; ++c)
                size += absolute(load(row + static_cast<std::size_t>(c) * ld)) * extent[c];
            best[v] = size > best[v] ? size : best[v];
        }
    best[0] = best[0] > best[1] ? best[0] : best[1];
    return largest(best[0]);
}

CLONES void product2(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    accumulate<2, true>(s, f, n, m, ld);
}
CLONES void product3(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    accumulate<3, true>(s, f, n, m, ld);
}
CLONES void add2(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    accumulate<2, false>(s, f, n, m, ld);
}
CLONES void add3(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    accumulate<3, false>(s, f, n, m, ld);
}
CLONES void decide2(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                    const double *left, const double *right, Verdicts *v) {
    decide_rows<2>(n, m, ld, p, f, t, left, right, v);
}
CLONES void decide3(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                    const double *left, const double *right, Verdicts *v) {
    decide_rows<3>(n, m, ld, p, f, t, left, right, v);
}
CLONES void bound2(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                   double *low, double *high) {
    bound_rows<2>(n, m, ld, p, f, t, low, high);
}
CLONES void bound3(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                   double *low, double *high) {
    bound_rows<3>(n, m, ld, p, f, t, low, high);
}
CLONES double magnitude2(int n, const double *m, std::size_t ld, const double *e) {
    return find_magnitude<2>(n, m, ld, e);
}
CLONES double magnitude3(int n, const double *m, std::size_t ld, const double *e) {
    return find_magnitude<3>(n, m, ld, e);
}

} // namespace

void product(const Stage &stage, int columns, const Feed *feeds, int n, double *map, std::size_t ld) {
    if (stage.dense) {
        columns == 3 ? product3(stage, feeds, n, map, ld) : product2(stage, feeds, n, map, ld);
        return;
    }
    std::fill(map, map + static_cast<std::size_t>(columns) * ld, 0.0);
    std::copy(stage.bias.begin(), stage.bias.end(), map + static_cast<std::size_t>(columns - 1) * ld);
    for (int i = 0; i < n; ++i) rank_one_any(stage, columns, feeds[i].unit, feeds[i].row, map, ld);
}

void add_feeds(const Stage &stage, int columns, const Feed *feeds, int n, double *map, std::size_t ld) {
    if (stage.dense)
        columns == 3 ? add3(stage, feeds, n, map, ld) : add2(stage, feeds, n, map, ld);
    else
        for (int i = 0; i < n; ++i) rank_one_any(stage, columns, feeds[i].unit, feeds[i].row, map, ld);
}

void decide(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
            double tolerance, const double *left, const double *right, Verdicts *verdicts) {
    columns == 3 ? decide3(n, map, ld, points, filter, tolerance, left, right, verdicts)
                 : decide2(n, map, ld, points, filter, tolerance, left, right, verdicts);
}

void bound(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
           double tolerance, double *low, double *high) {
    columns == 3 ? bound3(n, map, ld, points, filter, tolerance, low, high)
                 : bound2(n, map, ld, points, filter, tolerance, low, high);
}

double magnitude(int columns, int n, const double *map, std::size_t ld, const double *extent) {
    return columns == 3 ? magnitude3(n, map, ld, extent) : magnitude2(n, map, ld, extent);
}

} // namespace plica

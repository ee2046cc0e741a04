#include "kernels.hpp"

#include <algorithm>
#include <cmath>

// Portable builds pick the widest instructions at run time; native ones are compiled for them.
#if defined(PLICA_CLONES)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

namespace plica {
namespace {

#if defined(__GNUC__)
typedef double Vec __attribute__((vector_size(64), may_alias));
typedef long long Mask __attribute__((vector_size(64)));
typedef unsigned short Verdict __attribute__((vector_size(16), aligned(2), may_alias));
#else
struct Vec { // eight numbers, for compilers without vector types
    double at[8];
    Vec &operator+=(const Vec &o) {
        for (int i = 0; i < 8; ++i) at[i] += o.at[i];
        return *this;
    }
    friend Vec operator*(const Vec &a, double s) {
        Vec r;
        for (int i = 0; i < 8; ++i) r.at[i] = a.at[i] * s;
        return r;
    }
};
#endif
constexpr int kVec = 8;
constexpr int kPerPanel = kPanel / kVec;

inline const Vec &load(const double *p) { return *reinterpret_cast<const Vec *>(p); }
inline Vec &store(double *p) { return *reinterpret_cast<Vec *>(p); }

// Panels that one pass over the feeds fills: enough independent sums to hide the latency of a fused
// multiply-add, few enough to stay in registers.
#if defined(__AVX512F__)
constexpr int kPass = 2;
#else
constexpr int kPass = 1;
#endif

constexpr int kAhead = 6; // feeds to fetch ahead

template <int Columns>
inline __attribute__((always_inline)) void dense_product(const Stage &stage, const Feed *feeds, int n,
                                                         double *map, std::size_t ld) {
    constexpr int kVecs = kPass * kPerPanel;
    const std::size_t panel_size = static_cast<std::size_t>(stage.n_state) * kPanel;
    const double *panel = stage.panels.data();
    for (int row = 0; row < stage.n_pre; row += kPass * kPanel, panel += kPass * panel_size) {
        Vec sum[Columns][kVecs];
        for (int c = 0; c < Columns; ++c)
            for (int v = 0; v < kVecs; ++v)
                sum[c][v] = c == Columns - 1 ? load(&stage.bias[static_cast<std::size_t>(row + v * kVec)])
                                             : Vec{};
        for (int i = 0; i < n; ++i) {
            const double *w = panel + static_cast<std::size_t>(feeds[i].unit) * kPanel;
#if defined(__GNUC__)
            const int ahead = i + kAhead < n ? i + kAhead : i; // which units feed is irregular
            const double *soon = panel + static_cast<std::size_t>(feeds[ahead].unit) * kPanel;
            for (int v = 0; v < kVecs; ++v)
                __builtin_prefetch(soon + (v / kPerPanel) * panel_size + (v % kPerPanel) * kVec);
#endif
            for (int v = 0; v < kVecs; ++v) {
                const Vec part = load(w + (v / kPerPanel) * panel_size + (v % kPerPanel) * kVec);
                for (int c = 0; c < Columns; ++c) sum[c][v] += part * feeds[i].row[c];
            }
        }
        for (int c = 0; c < Columns; ++c)
            for (int v = 0; v < kVecs; ++v)
                store(map + static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(row + v * kVec)) =
                    sum[c][v];
    }
}

template <int Columns>
inline __attribute__((always_inline)) void dense_rank_one(const Stage &stage, const Feed &feed,
                                                          double *map, std::size_t ld) {
    const auto width = static_cast<std::size_t>(stage.n_state);
    const double *w = stage.panels.data() + static_cast<std::size_t>(feed.unit) * kPanel;
    for (int row = 0; row < stage.n_pre; row += kPanel, w += width * kPanel)
        for (int v = 0; v < kPerPanel; ++v)
            for (int c = 0; c < Columns; ++c)
                store(map + static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(row + v * kVec)) +=
                    load(w + v * kVec) * feed.row[c];
}

void sparse_rank_one(const Stage &stage, int columns, const Feed &feed, double *map, std::size_t ld) {
    const auto k = static_cast<std::size_t>(feed.unit);
    for (int c = 0; c < columns; ++c) {
        const double r = feed.row[c];
        if (r == 0.0) continue;
        double *column = map + static_cast<std::size_t>(c) * ld;
        for (auto i = stage.column_start[k]; i < stage.column_start[k + 1]; ++i) {
            const auto at = static_cast<std::size_t>(i);
            column[stage.column_row[at]] += stage.column_value[at] * r;
        }
    }
}

#if defined(__GNUC__)
inline Vec absolute(const Vec &v) { return v < 0 ? -v : v; }

template <int Columns>
inline __attribute__((always_inline)) void decide_rows(int n, const double *map, std::size_t ld,
                                                       const Points &points, double filter,
                                                       double tolerance, const double *left,
                                                       const double *right, std::uint16_t last,
                                                       std::uint16_t *verdict) {
    for (int j = 0; j < n; j += kVec) {
        const Vec a = load(map + j), c = load(map + (Columns - 1) * ld + j);
        const Vec b = Columns == 3 ? load(map + ld + j) : Vec{};
        Vec low = a * points.x[0] + c;
        if (Columns == 3) low += b * points.y[0];
        Vec high = low;
        for (int p = 1; p < points.n; ++p) {
            Vec z = a * points.x[p] + c;
            if (Columns == 3) z += b * points.y[p];
            low = z < low ? z : low;
            high = z > high ? z : high;
        }
        const Vec size = Columns == 3 ? absolute(a) + absolute(b) : absolute(a);
        const Vec margin = filter * (tolerance + size * points.rho);
        // NaN leaves it open
        const Mask is_left = load(left + j) - high > margin, is_right = low - load(right + j) > margin;
        const Mask both = (load(left + j) - low > margin) & (high - load(right + j) > margin);
        const Mask open = both ? Mask{} + kBoth : Mask{} + kOpen;
        const Mask found = is_left ? Mask{} : is_right ? Mask{} + last : open;
        *reinterpret_cast<Verdict *>(verdict + j) = __builtin_convertvector(found, Verdict);
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
#else
template <int Columns>
inline __attribute__((always_inline)) void decide_rows(int n, const double *map, std::size_t ld,
                                                       const Points &points, double filter,
                                                       double tolerance, const double *left,
                                                       const double *right, std::uint16_t last,
                                                       std::uint16_t *verdict) {
    for (int j = 0; j < n; j += kVec) {
        const double *a = map + j, *b = map + ld + j, *c = map + (Columns - 1) * ld + j;
        double low[kVec], high[kVec];
        for (int i = 0; i < kVec; ++i) {
            const double z = a[i] * points.x[0] + (Columns == 3 ? b[i] * points.y[0] : 0.0) + c[i];
            low[i] = high[i] = z;
        }
        for (int p = 1; p < points.n; ++p) {
            const double x = points.x[p], y = points.y[p];
            for (int i = 0; i < kVec; ++i) {
                const double z = a[i] * x + (Columns == 3 ? b[i] * y : 0.0) + c[i];
                low[i] = z < low[i] ? z : low[i];
                high[i] = z > high[i] ? z : high[i];
            }
        }
        std::int64_t found[kVec];
        for (int i = 0; i < kVec; ++i) {
            const double size = std::fabs(a[i]) + (Columns == 3 ? std::fabs(b[i]) : 0.0);
            const double margin = filter * (tolerance + size * points.rho);
            const bool both = left[j + i] - low[i] > margin && high[i] - right[j + i] > margin;
            const std::int64_t open = both ? kBoth : kOpen;
            const std::int64_t is_right = low[i] - right[j + i] > margin ? last : open;
            found[i] = left[j + i] - high[i] > margin ? 0 : is_right; // NaN leaves it open
        }
        for (int i = 0; i < kVec; ++i) verdict[j + i] = static_cast<std::uint16_t>(found[i]);
    }
}

template <int Columns>
inline __attribute__((always_inline)) void bound_rows(int n, const double *map, std::size_t ld,
                                                      const Points &points, double filter,
                                                      double tolerance, double *low, double *high) {
    for (int j = 0; j < n; j += kVec) {
        const double *a = map + j, *b = map + ld + j, *c = map + (Columns - 1) * ld + j;
        double least[kVec] = {}, most[kVec] = {};
        for (int p = 0; p < points.n; ++p) {
            const double x = points.x[p], y = points.y[p];
            for (int i = 0; i < kVec; ++i) {
                const double z = a[i] * x + (Columns == 3 ? b[i] * y : 0.0) + c[i];
                least[i] = p == 0 || z < least[i] ? z : least[i];
                most[i] = p == 0 || z > most[i] ? z : most[i];
            }
        }
        for (int i = 0; i < kVec; ++i) {
            const double size = std::fabs(a[i]) + (Columns == 3 ? std::fabs(b[i]) : 0.0);
            const double margin = filter * (tolerance + size * points.rho);
            low[j + i] = least[i] - margin;
            high[j + i] = most[i] + margin;
        }
    }
}
#endif

template <int Columns>
inline __attribute__((always_inline)) double find_magnitude(int n, const double *map, std::size_t ld,
                                                            const double *extent) {
    double best[kVec] = {};
    for (int j = 0; j < n; j += kVec)
        for (int i = 0; i < kVec; ++i) {
            double size = std::fabs(map[static_cast<std::size_t>(Columns - 1) * ld + static_cast<std::size_t>(j + i)]);
            for (int c = 0; c + 1 < Columns; ++c)
                size += std::fabs(map[static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(j + i)]) * extent[c];
            best[i] = size > best[i] ? size : best[i];
        }
    double largest = 0;
    for (const double b : best) largest = std::max(largest, b);
    return largest;
}

CLONES void product2(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    dense_product<2>(s, f, n, m, ld);
}
CLONES void product3(const Stage &s, const Feed *f, int n, double *m, std::size_t ld) {
    dense_product<3>(s, f, n, m, ld);
}
CLONES void rank_one2(const Stage &s, const Feed &f, double *m, std::size_t ld) {
    dense_rank_one<2>(s, f, m, ld);
}
CLONES void rank_one3(const Stage &s, const Feed &f, double *m, std::size_t ld) {
    dense_rank_one<3>(s, f, m, ld);
}
CLONES void decide2(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                    const double *left, const double *right, std::uint16_t last, std::uint16_t *v) {
    decide_rows<2>(n, m, ld, p, f, t, left, right, last, v);
}
CLONES void decide3(int n, const double *m, std::size_t ld, const Points &p, double f, double t,
                    const double *left, const double *right, std::uint16_t last, std::uint16_t *v) {
    decide_rows<3>(n, m, ld, p, f, t, left, right, last, v);
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
    for (int i = 0; i < n; ++i) sparse_rank_one(stage, columns, feeds[i], map, ld);
}

void rank_one(const Stage &stage, int columns, const Feed &feed, double *map, std::size_t ld) {
    if (!stage.dense)
        sparse_rank_one(stage, columns, feed, map, ld);
    else
        columns == 3 ? rank_one3(stage, feed, map, ld) : rank_one2(stage, feed, map, ld);
}

void decide(int columns, int n, const double *map, std::size_t ld, const Points &points, double filter,
            double tolerance, const double *left, const double *right, std::uint16_t last,
            std::uint16_t *verdict) {
    columns == 3 ? decide3(n, map, ld, points, filter, tolerance, left, right, last, verdict)
                 : decide2(n, map, ld, points, filter, tolerance, left, right, last, verdict);
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

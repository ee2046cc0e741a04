#include "kernels_points.hpp"

#include <cmath>
#include <limits>

#include "lanes.hpp"

namespace plica {
namespace {

typedef unsigned short Verdict __attribute__((vector_size(16), aligned(2), may_alias)); // of eight rows

// Dim = 0: any dimension
template <int Dim>
INLINE void evaluate_at(const Cloud &points, const double *row, double constant, double margin,
                        double *values, std::uint64_t *above, std::uint64_t *below) {
    const int dim = Dim > 0 ? Dim : points.dim;
    for (int first = 0; first < points.n; first += 64) {
        const int end = points.n - first < 64 ? points.n : first + 64;
        Lanes up{}, down{}, lanes{1, 2, 4, 8, 16, 32, 64, 128};
        for (int v = first; v < end; v += kVec) {
            Vec sum = Vec{} + constant;
            for (int k = 0; k < dim; ++k) sum += load(points.x + static_cast<std::size_t>(k) * points.ld + v) * row[k];
            store(values + v) = sum;
            up |= sum > margin ? lanes : Lanes{};
            down |= sum < -margin ? lanes : Lanes{};
            lanes <<= kVec;
        }
        std::uint64_t u = 0, d = 0;
        for (int i = 0; i < kVec; ++i) {
            u |= static_cast<std::uint64_t>(up[i]);
            d |= static_cast<std::uint64_t>(down[i]);
        }
        const std::uint64_t valid = ~std::uint64_t{0} >> (64 - (end - first));
        *above++ = u & valid;
        *below++ = d & valid;
    }
}

template <int Dim>
INLINE void decide_rows(int n, const double *map, std::size_t ld, const Cloud &points,
                        const Margins &margins, const double *left, const double *right,
                        std::uint16_t last, std::uint16_t *verdict) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const int dim = Dim > 0 ? Dim : points.dim;
    for (int j = 0; j < n; j += kVec) {
        const auto column = [&](int k) { return load(map + static_cast<std::size_t>(k) * ld + j); };
        Vec a[Dim > 0 ? Dim : 1];
        const Vec constant = column(dim);
        Vec size = absolute(constant) * margins.extent[dim];
        for (int k = 0; k < dim; ++k) {
            if (Dim > 0) a[Dim > 0 ? k : 0] = column(k);
            size += absolute(column(k)) * margins.extent[k];
        }
        Vec low = Vec{} + kInfinity, high = -low;
        for (int v = 0; v < points.n; ++v) {
            Vec sum = constant;
            for (int k = 0; k < dim; ++k)
                sum += (Dim > 0 ? a[Dim > 0 ? k : 0] : column(k)) * points.x[static_cast<std::size_t>(k) * points.ld + static_cast<std::size_t>(v)];
            low = sum < low ? sum : low;
            high = sum > high ? sum : high;
        }
        const Vec margin = margins.filter * (margins.tolerance + size * margins.rho);
        // NaN leaves it open
        const Lanes is_left = (load(left + j) - high > margin) | (load(left + j) == kInfinity);
        const Lanes is_right = low - load(right + j) > margin;
        const Lanes both = (load(left + j) - low > margin) & (high - load(right + j) > margin);
        const Lanes open = both ? Lanes{} + kBoth : Lanes{} + kOpen;
        const Lanes found = is_left ? Lanes{} : is_right ? Lanes{} + last : open;
        *reinterpret_cast<Verdict *>(verdict + j) = __builtin_convertvector(found, Verdict);
    }
}

#define PLICA_DIMENSION(D)                                                                                  \
    CLONES void evaluate_##D(const Cloud &p, const double *row, double c, double m, double *v,              \
                             std::uint64_t *a, std::uint64_t *b) {                                          \
        evaluate_at<D>(p, row, c, m, v, a, b);                                                              \
    }                                                                                                       \
    CLONES void decide_##D(int n, const double *map, std::size_t ld, const Cloud &p, const Margins &m,      \
                           const double *left, const double *right, std::uint16_t last, std::uint16_t *v) { \
        decide_rows<D>(n, map, ld, p, m, left, right, last, v);                                             \
    }
PLICA_DIMENSION(0)
PLICA_DIMENSION(2)
PLICA_DIMENSION(3)
PLICA_DIMENSION(4)
PLICA_DIMENSION(5)
PLICA_DIMENSION(6)

CLONES void mean_of(const Cloud &points, double *mean) {
    const double share = 1.0 / points.n;
    for (int k = 0; k < points.dim; ++k) {
        const double *x = points.x + static_cast<std::size_t>(k) * points.ld;
        Vec sum{};
        for (int v = 0; v < points.n; v += kVec) sum += kLane + v < points.n ? load(x + v) : Vec{};
        mean[k] = sum_of(sum) * share;
    }
}

} // namespace

void find_mean(const Cloud &points, double *mean) { mean_of(points, mean); }

void evaluate(const Cloud &points, const double *row, double constant, double margin, double *values,
              std::uint64_t *above, std::uint64_t *below) {
    const auto pick = [&] {
        switch (points.dim) {
        case 2: return evaluate_2;
        case 3: return evaluate_3;
        case 4: return evaluate_4;
        case 5: return evaluate_5;
        case 6: return evaluate_6;
        default: return evaluate_0;
        }
    };
    pick()(points, row, constant, margin, values, above, below);
}

void decide_any(int n, const double *map, std::size_t ld, const Cloud &points, const Margins &margins,
                const double *left, const double *right, std::uint16_t last, std::uint16_t *verdict) {
    const auto pick = [&] {
        switch (points.dim) {
        case 2: return decide_2;
        case 3: return decide_3;
        case 4: return decide_4;
        case 5: return decide_5;
        case 6: return decide_6;
        default: return decide_0;
        }
    };
    pick()(n, map, ld, points, margins, left, right, last, verdict);
}

} // namespace plica

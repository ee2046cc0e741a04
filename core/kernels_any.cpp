#include "kernels_any.hpp"

#include <algorithm>
#include <cmath>

#include "lanes.hpp"

namespace plica {
namespace {

// Columns of a map that one pass over the feeds fills for a panel of rows, in registers.
template <int Columns>
inline __attribute__((always_inline)) void block(const double *panel, const double *bias, const Feeds &feeds,
                                                 int first, double *map, std::size_t ld) {
    double sum[Columns][kPanel];
    for (int c = 0; c < Columns; ++c)
        for (int v = 0; v < kPanel; ++v) sum[c][v] = bias != nullptr && c == Columns - 1 ? bias[v] : 0.0;
    for (int i = 0; i < feeds.n; ++i) {
        const double *w = panel + static_cast<std::size_t>(feeds.unit[i]) * kPanel;
        const double *row = feeds.rows + static_cast<std::size_t>(i) * feeds.stride + first;
        for (int c = 0; c < Columns; ++c)
            for (int v = 0; v < kPanel; ++v) sum[c][v] += w[v] * row[c];
    }
    for (int c = 0; c < Columns; ++c)
        for (int v = 0; v < kPanel; ++v) map[static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(v)] = sum[c][v];
}

CLONES void dense_product(const Stage &stage, int columns, const Feeds &feeds, double *map, std::size_t ld) {
    const std::size_t size = static_cast<std::size_t>(stage.n_state) * kPanel;
    for (int row = 0; row < stage.n_pre; row += kPanel) {
        const auto at = static_cast<std::size_t>(row);
        const double *panel = stage.panels.data() + at / kPanel * size;
        int c = 0;
        for (; c + 4 < columns; c += 4)
            block<4>(panel, nullptr, feeds, c, map + static_cast<std::size_t>(c) * ld + at, ld);
        double *to = map + static_cast<std::size_t>(c) * ld + at;
        switch (columns - c) {
        case 1: block<1>(panel, &stage.bias[at], feeds, c, to, ld); break;
        case 2: block<2>(panel, &stage.bias[at], feeds, c, to, ld); break;
        case 3: block<3>(panel, &stage.bias[at], feeds, c, to, ld); break;
        default: block<4>(panel, &stage.bias[at], feeds, c, to, ld); break;
        }
    }
}

CLONES void dense_rank_one(const Stage &stage, int columns, int unit, const double *row, double *map,
                           std::size_t ld) {
    const std::size_t size = static_cast<std::size_t>(stage.n_state) * kPanel;
    for (int c = 0; c < columns; ++c) {
        const double r = row[c];
        if (r == 0.0) continue;
        const double *w = stage.panels.data() + static_cast<std::size_t>(unit) * kPanel;
        double *to = map + static_cast<std::size_t>(c) * ld;
        for (int j = 0; j < stage.n_pre; j += kPanel, w += size, to += kPanel)
            for (int v = 0; v < kPanel; ++v) to[v] += w[v] * r;
    }
}

void sparse_rank_one(const Stage &stage, int columns, int unit, const double *row, double *map, std::size_t ld) {
    const auto k = static_cast<std::size_t>(unit);
    for (int c = 0; c < columns; ++c) {
        const double r = row[c];
        if (r == 0.0) continue;
        double *to = map + static_cast<std::size_t>(c) * ld;
        for (auto i = stage.column_start[k]; i < stage.column_start[k + 1]; ++i) {
            const auto at = static_cast<std::size_t>(i);
            to[stage.column_row[at]] += stage.column_value[at] * r;
        }
    }
}

CLONES double find_magnitude(int columns, int n, const double *map, std::size_t ld, const double *extent) {
    double largest = 0;
    for (int j = 0; j < n; j += kPanel) {
        double size[kPanel] = {};
        for (int c = 0; c < columns; ++c)
            for (int v = 0; v < kPanel; ++v)
                size[v] += std::fabs(map[static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(j + v)]) * extent[c];
        for (const double s : size) largest = s > largest ? s : largest;
    }
    return largest;
}

} // namespace

void product_any(const Stage &stage, int columns, const Feeds &feeds, double *map, std::size_t ld) {
    if (stage.dense) {
        dense_product(stage, columns, feeds, map, ld);
        return;
    }
    const auto last = static_cast<std::size_t>(columns - 1) * ld;
    std::fill(map, map + last, 0.0);
    std::copy(stage.bias.begin(), stage.bias.begin() + static_cast<std::ptrdiff_t>(ld), map + last);
    for (int i = 0; i < feeds.n; ++i)
        sparse_rank_one(stage, columns, feeds.unit[i], feeds.rows + static_cast<std::size_t>(i) * feeds.stride, map, ld);
}

void rank_one_any(const Stage &stage, int columns, int unit, const double *row, double *map, std::size_t ld) {
    stage.dense ? dense_rank_one(stage, columns, unit, row, map, ld)
                : sparse_rank_one(stage, columns, unit, row, map, ld);
}

double magnitude_any(int columns, int n, const double *map, std::size_t ld, const double *extent) {
    return find_magnitude(columns, n, map, ld, extent);
}

} // namespace plica

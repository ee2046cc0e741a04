#include "kernels_fine.hpp"

#include <cmath>

#include "lanes.hpp"

namespace plica {
namespace {

// a + b = sum + rest, exactly (Knuth). There is no product in sight: nothing can be contracted.
INLINE void two_sum(double a, double b, double &sum, double &rest) {
    const double s = a + b, part = s - a;
    rest = (a - (s - part)) + (b - part);
    sum = s;
}

// a * b = product + rest, exactly. A product written with a star might be fused into the sum that follows.
INLINE void two_product(double a, double b, double &product, double &rest) {
    product = __builtin_fma(a, b, 0.0);
    rest = __builtin_fma(a, b, -product);
}

template <int Columns>
INLINE void accumulate(const Stage &stage, const FineFeed *feeds, int n, double *high, double *low,
                       std::size_t ld) {
    const std::size_t panel_size = static_cast<std::size_t>(stage.n_state) * kPanel;
    const double *panel = stage.panels.data();
    for (int row = 0; row < stage.n_pre; row += kPanel, panel += panel_size) {
        double sum[Columns][kPanel] = {}, rest[Columns][kPanel] = {};
        for (int r = 0; r < kPanel; ++r) sum[Columns - 1][r] = stage.bias[static_cast<std::size_t>(row + r)];
        for (int i = 0; i < n; ++i) {
            const FineFeed &feed = feeds[i];
            const double *w = panel + static_cast<std::size_t>(feed.unit) * kPanel;
            for (int c = 0; c < Columns; ++c) {
                const double x = feed.high[c], y = feed.low[c];
                for (int r = 0; r < kPanel; ++r) {
                    double product, error, left;
                    two_product(w[r], x, product, error);
                    two_sum(sum[c][r], product, sum[c][r], left);
                    rest[c][r] += left + __builtin_fma(w[r], y, error);
                }
            }
        }
        for (int c = 0; c < Columns; ++c)
            for (int r = 0; r < kPanel; ++r) {
                const std::size_t at = static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(row + r);
                two_sum(sum[c][r], rest[c][r], high[at], low[at]);
            }
    }
}

CLONES void fine2(const Stage &s, const FineFeed *f, int n, double *high, double *low, std::size_t ld) {
    accumulate<2>(s, f, n, high, low, ld);
}
CLONES void fine3(const Stage &s, const FineFeed *f, int n, double *high, double *low, std::size_t ld) {
    accumulate<3>(s, f, n, high, low, ld);
}

} // namespace

void fine_product(const Stage &stage, int columns, const FineFeed *feeds, int n, double *high, double *low,
                  std::size_t ld) {
    columns == 3 ? fine3(stage, feeds, n, high, low, ld) : fine2(stage, feeds, n, high, low, ld);
}

void fine_piece(double slope, double intercept, double &high, double &low) {
    double product, error, sum, left;
    two_product(slope, high, product, error);
    two_sum(product, intercept, sum, left);
    two_sum(sum, left + __builtin_fma(slope, low, error), high, low);
}

} // namespace plica

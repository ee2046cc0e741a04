// Products in twice the precision against exact ones.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "check.hpp"
#include "dyadic.hpp"
#include "kernels_fine.hpp"

using namespace plica;

namespace {

double size_of(const Dyadic &x) { return std::fabs(x.approximate()); }

Dyadic pair(double high, double low) {
    Dyadic sum(high);
    sum.add(Dyadic(low));
    return sum;
}

} // namespace

void test_fine(Checks &checks) {
    std::mt19937 random(0);
    std::normal_distribution<double> normal;
    constexpr int rows = 5;
    for (const int n : {1, 3, 40})
        for (const int columns : {2, 3})
            for (const int spread : {0, 30}) {
                const auto draw = [&] { return std::ldexp(normal(random), spread * (static_cast<int>(random() % 3) - 1)); };
                std::vector<double> weights, bias;
                for (int i = 0; i < rows * n; ++i) weights.push_back(draw());
                for (int i = 0; i < rows; ++i) bias.push_back(draw());
                std::vector<std::int64_t> start;
                std::vector<std::int32_t> reads, function;
                for (int i = 0; i <= rows; ++i) start.push_back(i);
                for (int i = 0; i < rows; ++i) {
                    reads.push_back(i);
                    function.push_back(kIdentity);
                }
                Chain chain;
                chain.add_stage(rows, n, weights.data(), nullptr, nullptr, bias.data(), start, reads, function);
                const Stage &stage = chain.stages[0];

                // the last unit feeds nearly the opposite of the first, as far as two of them can cancel
                std::vector<FineFeed> feeds;
                std::vector<std::vector<Dyadic>> exact;
                const double slope = 0.3, intercept = -1.7;
                for (int k = 0; k < n; ++k) {
                    FineFeed &feed = feeds.emplace_back();
                    feed.unit = k;
                    auto &row = exact.emplace_back();
                    for (int c = 0; c < columns; ++c) {
                        double high = k > 0 && k + 1 == n ? -feeds[0].high[c] : draw();
                        double low = std::ldexp(high, -53) * std::tanh(normal(random));
                        Dyadic value;
                        value.add_product(Dyadic(slope), pair(high, low));
                        value.add(Dyadic(intercept));
                        row.push_back(value);
                        fine_piece(slope, intercept, high, low);
                        feed.high[c] = high;
                        feed.low[c] = low;
                    }
                }
                const auto ld = static_cast<std::size_t>(padded(rows));
                Numbers high(3 * ld), low(3 * ld);
                fine_product(stage, columns, feeds.data(), n, high.data(), low.data(), ld);
                bool within = true, apart = true;
                for (int c = 0; c < columns; ++c)
                    for (int r = 0; r < rows; ++r) {
                        const auto at = static_cast<std::size_t>(c) * ld + static_cast<std::size_t>(r);
                        Dyadic off = pair(high[at], low[at]);
                        double bound = 0;
                        if (c + 1 == columns) {
                            off.add(Dyadic(bias[static_cast<std::size_t>(r)]), true);
                            bound = std::fabs(bias[static_cast<std::size_t>(r)]);
                        }
                        for (int k = 0; k < n; ++k) {
                            const double w = stage.weight(r, k);
                            const Dyadic &x = exact[static_cast<std::size_t>(k)][static_cast<std::size_t>(c)];
                            off.add_product(Dyadic(w), x, true);
                            bound += std::fabs(w) * (size_of(x) + 2 * std::fabs(intercept)); // slope and intercept apart
                        }
                        within = within && size_of(off) <= fine_rounding(n) * bound;
                        apart = apart && std::fabs(low[at]) <= kUnit * std::fabs(high[at]);
                    }
                checks.expect(within, "a fine product is as near as is said, " + std::to_string(n) + " terms");
                checks.expect(apart, "low parts are below half a unit in the last place");
            }
}

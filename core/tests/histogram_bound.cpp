// The histogram bounds against the machine of Hinz and van de Geer in plain integers modulo the prime.
#include <algorithm>
#include <random>

#include "check.hpp"
#include "histogram_bound.hpp"

using namespace plica;

namespace {

constexpr std::uint64_t kPrime = 268435399; // the largest below 2^28

std::uint64_t choose(int m, int k) { // modulo the prime
    if (k < 0 || m < k) return 0;
    std::vector<std::uint64_t> row(static_cast<std::size_t>(k) + 1, 0);
    row[0] = 1;
    for (int i = 0; i < m; ++i)
        for (std::size_t j = row.size(); j-- > 1;) row[j] = (row[j] + row[j - 1]) % kPrime;
    return row.back();
}

// Cells with k idle units of m half-spaces in R^n.
std::uint64_t cells(Histogram kind, int n, int m, int k) {
    if (n == 0) return k == 0;
    if (k < n) return choose(m, k);
    if (kind == Histogram::most_active) return k == n ? choose(m, n) : 0;
    const int base = kind == Histogram::plane && n > 1 ? 2 : 1, q = k - n + base;
    if (base == 1) return choose(m - 2 * q + 1, n - 1) + choose(m - 2 * q, n - 1);
    return choose(m - 2 * q + 2, n - 1) +
           static_cast<std::uint64_t>(q - 1) * (choose(m - 2 * q + 1, n - 2) + choose(m - 2 * q + 2, n - 2));
}

std::uint64_t followed(Histogram kind, const std::vector<int> &units, const std::vector<int> &dimensions) {
    std::vector<std::uint64_t> v(static_cast<std::size_t>(dimensions.front()) + 1, 0);
    v.back() = 1;
    for (std::size_t l = 0; l < units.size(); ++l) {
        std::vector<std::uint64_t> after(static_cast<std::size_t>(dimensions[l]) + 1, 0);
        for (std::size_t d = 0; d < v.size(); ++d) {
            const int n = std::min(static_cast<int>(d), dimensions[l]);
            for (int k = 0; k <= units[l]; ++k) {
                std::uint64_t &to = after[static_cast<std::size_t>(std::min(n, units[l] - k))];
                to = (to + v[d] * (cells(kind, n, units[l], k) % kPrime)) % kPrime;
            }
        }
        v = after;
    }
    std::uint64_t sum = 0;
    for (const std::uint64_t cells : v) sum += cells;
    return sum % kPrime;
}

} // namespace

void test_histogram_bound(Checks &checks) {
    std::mt19937 random(0);
    const auto draw = [&](int most) { return 1 + static_cast<int>(random() % static_cast<unsigned>(most)); };
    for (int trial = 0; trial < 300; ++trial) {
        std::vector<int> units, dimensions;
        const int depth = draw(4), widest = trial % 3 == 0 ? 24 : 8;
        for (int l = 0, d = draw(widest); l < depth; ++l) {
            units.push_back(l > 0 && trial % 2 == 0 ? units.back() : draw(widest));
            dimensions.push_back(d = std::min(d, units.back()));
        }
        for (const Histogram kind : {Histogram::most_active, Histogram::line, Histogram::plane}) {
            HistogramBound bound(units, dimensions, kind);
            for (int again = 0; again < 2; ++again)
                checks.expect(bound.modulo(kPrime) == followed(kind, units, dimensions), "a histogram bound");
        }
    }
}

// The histogram bounds against the machine of Hinz and van de Geer in plain integers modulo the primes.
#include <algorithm>
#include <random>

#include "check.hpp"
#include "histogram_bound.hpp"

using namespace plica;

namespace {

// The largest primes below 2^28, and some just above 2^27.
constexpr HistogramBound::Eight kPrimes = {268435399, 268435367, 268435361, 268435337,
                                           134217757, 134217773, 134217779, 268435331};

class Machine {
  public:
    Machine(Histogram kind, int most, std::uint32_t prime)
        : kind_(kind), width_(static_cast<std::size_t>(most) + 1), prime_(prime), pascal_(width_ * width_, 0) {
        for (std::size_t m = 0; m < width_; ++m)
            for (std::size_t k = 0; k <= m; ++k) {
                const std::uint64_t *above = pascal_.data() + (m - 1) * width_ + k;
                pascal_[m * width_ + k] = k == 0 || k == m ? 1 : (above[-1] + above[0]) % prime;
            }
    }

    std::uint64_t followed(const std::vector<int> &units, const std::vector<int> &dimensions) const {
        std::vector<std::uint64_t> v(static_cast<std::size_t>(dimensions.front()) + 1, 0);
        v.back() = 1;
        for (std::size_t l = 0; l < units.size(); ++l) {
            std::vector<std::uint64_t> after(static_cast<std::size_t>(dimensions[l]) + 1, 0);
            for (std::size_t d = 0; d < v.size(); ++d) {
                const int n = std::min(static_cast<int>(d), dimensions[l]);
                for (int k = 0; k <= units[l]; ++k) {
                    std::uint64_t &to = after[static_cast<std::size_t>(std::min(n, units[l] - k))];
                    to = (to + v[d] * (cells(n, units[l], k) % prime_)) % prime_;
                }
            }
            v = after;
        }
        std::uint64_t sum = 0;
        for (const std::uint64_t cells : v) sum += cells;
        return sum % prime_;
    }

  private:
    std::uint64_t choose(int m, int k) const {
        return k < 0 || m < k ? 0 : pascal_[static_cast<std::size_t>(m) * width_ + static_cast<std::size_t>(k)];
    }

    // Cells with k idle units of m half-spaces in R^n.
    std::uint64_t cells(int n, int m, int k) const {
        if (n == 0) return k == 0;
        if (k < n) return choose(m, k);
        if (kind_ == Histogram::most_active) return k == n ? choose(m, n) : 0;
        const int base = kind_ == Histogram::plane && n > 1 ? 2 : 1, q = k - n + base;
        if (base == 1) return choose(m - 2 * q + 1, n - 1) + choose(m - 2 * q, n - 1);
        return choose(m - 2 * q + 2, n - 1) +
               static_cast<std::uint64_t>(q - 1) * (choose(m - 2 * q + 1, n - 2) + choose(m - 2 * q + 2, n - 2));
    }

    Histogram kind_;
    std::size_t width_;
    std::uint64_t prime_;
    std::vector<std::uint64_t> pascal_;
};

} // namespace

void test_histogram_bound(Checks &checks) {
    for (const Histogram kind : {Histogram::most_active, Histogram::line, Histogram::plane}) {
        std::vector<Machine> machines;
        for (const std::uint32_t prime : kPrimes) machines.emplace_back(kind, 24, prime);
        std::mt19937 random(0);
        const auto draw = [&](int most) { return 1 + static_cast<int>(random() % static_cast<unsigned>(most)); };
        for (int trial = 0; trial < 300; ++trial) {
            std::vector<int> units, dimensions;
            const int depth = draw(4), widest = trial % 3 == 0 ? 24 : 8;
            for (int l = 0, d = draw(widest); l < depth; ++l) {
                units.push_back(l > 0 && trial % 2 == 0 ? units.back() : draw(widest));
                dimensions.push_back(d = std::min(d, units.back()));
            }
            HistogramBound bound(units, dimensions, kind);
            for (int again = 0; again < 2; ++again) {
                const HistogramBound::Eight found = bound.modulo(kPrimes);
                for (std::size_t i = 0; i < found.size(); ++i)
                    checks.expect(found[i] == machines[i].followed(units, dimensions), "a histogram bound");
            }
        }
        // sums of so many products that they are reduced on the way
        const std::vector<int> units = {1101, 1100, 1050};
        HistogramBound bound(units, {1060, 1060, 1050}, kind);
        const Machine machine(kind, 1101, kPrimes[0]);
        checks.expect(bound.modulo(kPrimes)[0] == machine.followed(units, {1060, 1060, 1050}), "a wide layer");
    }
}

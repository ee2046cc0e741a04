// Values of terms against plain sums.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.hpp"
#include "terms.hpp"

using namespace plica;

void test_terms(Checks &checks) {
    std::mt19937 random(0);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t size) {
        std::vector<double> values(size);
        for (double &v : values) v = normal(random);
        return values;
    };
    for (const int n : {1, 2, 5})
        for (const int m : {1, 3})
            for (const int N : {0, 1, 15, 16, 17, 40000 / n}) {
                // two blocks that share unit 1, and a term without units
                const std::vector<std::int64_t> term{0, 2, 4}, listed{0, 2, 5}, start{0, 2, 2, 5, 6};
                const std::vector<std::int32_t> unit{0, 1, 1, 2, 3}, reads{0, 1, 0, 1, 2, 1};
                const std::vector<double> hidden = draw(4 * (n + 1)), weights = draw(6 * m);
                const std::vector<double> affine = draw(4 * m * (n + 1)), points = draw(static_cast<std::size_t>(N) * n);
                const Terms terms{n, m, 2, term.data(), listed.data(), unit.data(), hidden.data(), start.data(),
                                  reads.data(), weights.data(), affine.data(), 3};
                std::vector<double> largest(static_cast<std::size_t>(N) * m), each(largest.size() * 4), alone(largest.size());
                term_values(terms, points.data(), N, largest.data(), each.data());
                term_values(terms, points.data(), N, alone.data(), nullptr);
                checks.expect(alone == largest, "the maximum alone is the same");
                bool right = true;
                for (int p = 0; p < N; ++p)
                    for (int c = 0; c < m; ++c) {
                        const auto form = [&](const double *row) {
                            double sum = row[n];
                            for (int k = 0; k < n; ++k) sum += row[k] * points[static_cast<std::size_t>(p * n + k)];
                            return sum;
                        };
                        double most = -std::numeric_limits<double>::infinity();
                        for (int t = 0; t < 4; ++t) {
                            double sum = form(&affine[static_cast<std::size_t>((t * m + c) * (n + 1))]);
                            for (auto e = static_cast<std::size_t>(start[t]); e < static_cast<std::size_t>(start[t + 1]); ++e) {
                                const std::int32_t u = unit[static_cast<std::size_t>(listed[t / 2] + reads[e])];
                                const double h = form(&hidden[static_cast<std::size_t>(u * (n + 1))]);
                                sum += weights[e * m + c] * std::max(h, 0.0);
                            }
                            const double got = each[(static_cast<std::size_t>(p) * m + c) * 4 + t];
                            right = right && std::abs(got - sum) <= 1e-13 * (1 + std::abs(sum));
                            most = std::max(most, got);
                        }
                        right = right && most == largest[static_cast<std::size_t>(p) * m + c];
                    }
                checks.expect(right, "values of terms, " + std::to_string(n) + " inputs, " + std::to_string(N) + " points");
            }
}

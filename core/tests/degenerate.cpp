// The core without Python, over degenerate networks whose numbers of regions are known. Built with
// the sanitizers by `make sanitize`.
#include <array>
#include <cstdlib>
#include <numeric>
#include <random>

#include "verify.hpp"

namespace {

using Integers = std::array<std::int64_t, 3>;

void normalise(Integers &v) { // up to a factor; the last entry that is not zero becomes positive
    const std::int64_t divisor = std::gcd(std::gcd(v[0], v[1]), v[2]);
    const std::int64_t last = v[2] != 0 ? v[2] : v[1] != 0 ? v[1] : v[0];
    for (auto &entry : v) entry /= last < 0 ? -divisor : divisor;
}

// Faces of the lines a x + b y + c = 0 in the square |x|, |y| < half: one, and one more for each
// line and for each line after the first through a point.
std::int64_t faces(const std::vector<Integers> &rows, std::int64_t half) {
    std::set<Integers> lines;
    for (Integers row : rows) {
        if (std::abs(row[2]) >= half * (std::abs(row[0]) + std::abs(row[1]))) continue;
        normalise(row);
        lines.insert(row);
    }
    std::map<Integers, std::set<Integers>> points;
    for (const Integers &p : lines)
        for (const Integers &q : lines) {
            Integers at{p[1] * q[2] - q[1] * p[2], p[2] * q[0] - q[2] * p[0], p[0] * q[1] - q[0] * p[1]};
            if (at[2] == 0) continue;
            normalise(at);
            if (std::max(std::abs(at[0]), std::abs(at[1])) >= half * at[2]) continue;
            points[at].insert({p, q});
        }
    auto count = static_cast<std::int64_t>(1 + lines.size());
    for (const auto &[point, through] : points) count += static_cast<std::int64_t>(through.size()) - 1;
    return count;
}

Matrix ones(std::size_t n) { return {std::vector<double>(n, 1.0), std::vector<double>(n, -2.0)}; }

void test_arrangements(Checks &checks) {
    const Matrix directions{{1, 0}, {0, 1}, {1, 1}, {1, -1}, {2, 1}, {1, 2}, {-2, 1}, {-1, 2}, {3, 1}, {1, 3}};
    Matrix rows;
    for (std::size_t n = 1; n <= directions.size(); ++n) {
        rows.push_back(directions[n - 1]);
        if (n % 3 != 1) continue;
        const auto count = static_cast<std::int64_t>(2 * n);
        const std::string name = std::to_string(n) + " lines through a point";
        verify<2>(checks, name, {relu(rows), affine(ones(n))}, square(1), count);
        Matrix copies = rows; // repeated, scaled, negated and zero rows change nothing
        for (const auto &row : rows) {
            copies.push_back({-row[0], -row[1]});
            copies.push_back({3 * row[0], 3 * row[1]});
        }
        copies.push_back({0, 0});
        copies.insert(copies.begin(), {0, 0});
        verify<2>(checks, name + ", with copies", {relu(copies), affine(ones(copies.size()))}, square(1), count);
    }
    verify<2>(checks, "lines through the middle of a 100-gon", {relu(directions), affine(ones(10))},
              polygon(100), 20);

    std::mt19937_64 random(4);
    for (int round = 0; round < 8; ++round) { // small integers: many points of several lines
        std::vector<Integers> lines;
        Matrix A;
        std::vector<double> a;
        const auto draw = [&] { return static_cast<std::int64_t>(random() % 5) - 2; };
        for (int i = 0; i < 3 + round; ++i) {
            lines.push_back({draw(), draw(), draw()});
            A.push_back({static_cast<double>(lines.back()[0]), static_cast<double>(lines.back()[1])});
            a.push_back(static_cast<double>(lines.back()[2]));
        }
        verify<2>(checks, "integer lines " + std::to_string(round),
                  {scalar(A, a, round % 2 == 0 ? kRelu : kLeaky), affine(ones(A.size()))}, square(2), faces(lines, 2));
    }
}

void test_near_duplicates(Checks &checks) {
    verify<2>(checks, "parallel lines 2^-60 apart",
              {scalar({{1, 0}, {1, 0}}, {0, -0x1p-60}, kRelu), affine(ones(2))}, square(1), 3);
    verify<2>(checks, "parallel lines 1e-300 apart",
              {scalar({{1, 1}, {1, 1}, {-1, -1}}, {0, -1e-300, 2e-300}, kRelu), affine(ones(3))}, square(1), 4);
    Matrix fan;
    for (int k = 0; k < 6; ++k) fan.push_back({1, k * 0x1p-52});
    verify<2>(checks, "a fan of nearly equal lines", {relu(fan), affine(ones(6))}, square(1), 12);
    verify<2>(checks, "nearly equal lines in general position",
              {scalar({{1, 0}, {1, 0x1p-40}, {1, -0x1p-40}}, {0, 0x1p-42, 0x1p-43}, kRelu), affine(ones(3))},
              square(1), 7);
    verify<2>(checks, "a cut divided at its very ends",
              {scalar({{0, 1}, {1, 0}, {1, 0}}, {0, 0x1p-53 - 1, 1 - 0x1p-53}, kRelu), affine(ones(3))}, square(1), 6);
    // deep: 0.1 x + 0.2 x - 0.3 x is not zero in binary, but 3 x - x - 2 x is
    const Layer split = relu({{1, 0}, {-1, 0}, {0, 1}, {0, -1}});
    verify<2>(checks, "a row that cancels", {split, relu({{3, -3, 0, 0}, {1, -1, 0, 0}}),
              relu({{1, -3}, {-1, 3}}), affine(ones(2))}, square(1), 4);
    verify<1>(checks, "breakpoints that nearly cancel",
              {scalar({{1}, {1}, {3}}, {-0.1, -0.1 - 0x1p-55, -0.30000000000000004}, kRelu), affine(ones(3))},
              interval(-1, 1), 4);
}

void test_depth(Checks &checks) {
    const Layer quadrants = relu({{1, 0}, {-1, 0}, {0, 1}, {0, -1}});
    verify<2>(checks, "no units", {affine({{1, 2}, {3, 4}}), affine({{1, 1}})}, square(1), 1);
    verify<2>(checks, "a function without breakpoints", {scalar({{1, 2}}, {0}, kDouble), affine({{1}})}, square(1), 1);
    verify<2>(checks, "a dead layer", {quadrants, relu({{-1, -1, -1, -1}}), relu({{1}, {0}, {-1}}), affine(ones(3))},
              square(1), 4);
    verify<2>(checks, "units beyond the domain", {scalar({{1, 0}, {0, 1}}, {-1, 5}, kRelu), affine(ones(2))},
              square(1), 1);
    verify<2>(checks, "tied on a quadrant", {relu({{1, 0}, {0, 1}}), relu({{1, -1}}), affine({{1}})}, square(1), 5);
    verify<2>(checks, "diamond and diagonals",
              {scalar({{1, 0}, {0, 1}}, {0, 0}, kAbs), scalar({{1, -1}, {1, 1}}, {0, -1}, kRelu), affine(ones(2))},
              square(1), 16);
    verify<2>(checks, "hardtanh", {scalar({{2, 0}, {0, 2}}, {0, 0}, kHardtanh), affine(ones(2))}, square(1), 9);
    verify<2>(checks, "hardtanh on its hardtanh", // the second one bends where the first one does
              {scalar({{2, 0}, {0, 2}}, {0, 0}, kHardtanh), scalar({{1, 0}, {0, 1}}, {0, 0}, kHardtanh),
               affine(ones(2))}, square(1), 9);
    verify<2>(checks, "staircases", {scalar({{1, 0}, {0, 1}, {1, 1}}, {0, 0, 0}, kStairs), affine(ones(3))},
              square(1), 26);
    verify<2>(checks, "flat steps", // the staircase lies on a breakpoint of the next layer on a strip
              {scalar({{1, 0}}, {0}, kStairs), scalar({{1}, {-1}}, {0, 0}, kRelu), affine(ones(2))}, square(1), 4);

    // carried along by identity units, read again two stages later
    const int id = plica::kIdentity;
    const Layer first{{{1, 0}, {0, 1}}, {0, 0}, {{kRelu, {0}}, {kRelu, {1}}, {id, {0}}, {id, {1}}}};
    const Layer second{{{1, 0, 1, 0}, {0, 1, 0, 1}, {0, 0, 1, 0}, {0, 0, 0, 1}}, {0, 0, 0, 0},
                       {{kRelu, {0}}, {id, {2}}, {kRelu, {1}}, {id, {3}}}};
    verify<2>(checks, "residual", {first, second, affine({{1, 1, 1, -1}})}, square(1), 4);
    verify<2>(checks, "residual, then a diagonal",
              {first, second, {{{0, 1, 0, -1}, {1, 0, 1, 0}}, {0, 0}, {{kRelu, {0}}, {id, {1}}}}, affine(ones(2))},
              square(1), 6);
}

void test_max(Checks &checks) {
    const auto one = [&](const std::string &name, const Matrix &rows, std::int64_t expected) {
        const Layer layer = maxout(rows, std::vector<double>(rows.size(), 0.0), static_cast<int>(rows.size()));
        verify<2>(checks, "max of " + name, {layer, affine({{1}, {-1}})}, square(1), expected);
    };
    one("three", {{1, 0}, {0, 1}, {-1, -1}}, 3);
    one("four", {{1, 0}, {-1, 0}, {0, 1}, {0, -1}}, 4);
    one("repeated rows", {{1, 0}, {1, 0}, {0, 1}, {0, 1}}, 2);
    one("equal rows", {{1, 1}, {1, 1}, {1, 1}}, 1);
    one("zero rows", {{0, 0}, {0, 0}}, 1);
    one("zero and two", {{0, 0}, {1, 0}, {0, 1}}, 3);
    one("a row that only touches", {{1, 0}, {0, 0}, {-1, 0}}, 2);
    one("a mean", {{1, 0}, {0.5, 0.5}, {0, 1}}, 2);
    one("rows nearly equal", {{1, 0}, {1, 0x1p-52}, {1, -0x1p-52}}, 2);

    verify<2>(checks, "maxout", {maxout({{1, 0}, {-1, 0}, {0, 1}, {0, -1}}, {0, 0, 0, 0}, 2), affine(ones(2))},
              square(1), 4);
    verify<2>(checks, "maxout on maxout", // the larger one of |x| and |y|
              {maxout({{1, 0}, {-1, 0}, {0, 1}, {0, -1}}, {0, 0, 0, 0}, 2), maxout({{1, 0}, {0, 1}}, {0, 0}, 2),
               affine({{1}})}, square(1), 8);
    const Matrix unit{{1, 0}, {0, 1}};
    verify<2>(checks, "pool over relu", {relu(unit), maxout(unit, {0, 0}, 2), affine({{1}})}, square(1), 5);
    const Layer windows{unit, {0, 0}, {{plica::kMax, {0, 1, 0}}, {plica::kMax, {1, 0}}, {kRelu, {0}}}};
    verify<2>(checks, "overlapping windows", {relu(unit), windows, affine(ones(3))}, square(1), 5);
}

void test_intervals(Checks &checks) {
    verify<1>(checks, "breakpoints on a line",
              {scalar({{1}, {1}, {-2}, {4}, {0}, {1}, {1}}, {0, -0.5, 1, -2, 0, 0.25, 1}, kRelu), affine(ones(7))},
              interval(-1, 1), 4);
    std::vector<Layer> tents{scalar({{1}}, {0}, kAbs)}; // x -> 1 - 2 |x|, over and over
    for (int depth = 1; depth <= 6; ++depth) {
        std::vector<Layer> layers = tents;
        layers.push_back({{{-2}}, {1}, {{plica::kIdentity, {0}}}});
        verify<1>(checks, "tents of depth " + std::to_string(depth), layers, interval(-1, 1), std::int64_t{1} << depth);
        tents.push_back(scalar({{-2}}, {1}, kAbs));
    }
    verify<1>(checks, "staircase", {scalar({{1}, {-1}}, {0, 0.25}, kStairs), affine(ones(2))}, interval(-1, 1), 7);
    // tangents 2 t x - t^2 of a parabola, shuffled: each is the largest on one piece
    const std::vector<double> t{0.5, -0.5, 0, 0.75, -0.75, 0.25, -0.25, 0};
    Matrix A;
    std::vector<double> a;
    for (const double at : t) {
        A.push_back({2 * at});
        a.push_back(-at * at);
    }
    const Layer tangents = maxout(A, a, static_cast<int>(t.size()));
    verify<1>(checks, "tangents", {tangents, affine({{1}})}, interval(-1, 1), 7);
    // the largest tangent grows from 0 at the middle, where it is flat on a whole piece
    verify<1>(checks, "relu of tangents", {tangents, scalar({{1}, {-1}}, {0, 0}, kRelu), affine(ones(2))},
              interval(-1, 1), 7);
    verify<1>(checks, "max on max",
              {maxout({{1}, {-1}, {0}, {1}}, {0, 0, 0.5, -0.25}, 2), maxout({{1, 0}, {0, 1}}, {0, 0}, 2), affine({{1}})},
              interval(-1, 1), 5);
    verify<1>(checks, "max with a row that only touches", {maxout({{-1}, {0}, {1}}, {0, 0, 0}, 3), affine({{1}})},
              interval(-1, 1), 2);
    verify<1>(checks, "max far from the origin", {maxout({{1}, {3}}, {0, -2e6}, 2), affine({{1}})},
              interval(1e6 - 1, 1e6 + 1), 2);
}

} // namespace

int main() {
    Checks checks;
    test_dyadic(checks);
    test_bits(checks);
    test_columns(checks);
    test_fine(checks);
    test_histogram_bound(checks);
    test_terms(checks);
    test_arrangements(checks);
    test_near_duplicates(checks);
    test_depth(checks);
    test_max(checks);
    test_intervals(checks);
    std::printf("%d passed, %d failed\n", checks.passed, checks.failed);
    return checks.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

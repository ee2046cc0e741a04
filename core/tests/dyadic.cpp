// Dyadic arithmetic against integers, long double, and itself where the result is known.
#include <cfloat>
#include <cmath>
#include <random>

#include "check.hpp"
#include "chain.hpp"

using namespace plica;

namespace {

bool equal(const Dyadic &a, const Dyadic &b) {
    Dyadic difference = a;
    difference.add(b, true);
    return difference.zero() && difference.sign() == 0;
}

int sign(long double x) { return (x > 0) - (x < 0); }

Dyadic power(int exponent) { // 2^exponent, of any size
    Dyadic x(1.0);
    for (; exponent > 0; exponent -= std::min(exponent, 1000)) {
        Dyadic y;
        y.add_product(x, Dyadic(std::ldexp(1.0, std::min(exponent, 1000))));
        x = y;
    }
    for (; exponent < 0; exponent += std::min(-exponent, 1000)) {
        Dyadic y;
        y.add_product(x, Dyadic(std::ldexp(1.0, -std::min(-exponent, 1000))));
        x = y;
    }
    return x;
}

void test_conversion(Checks &checks) {
    for (const double x : {0.0, -0.0, 1.0, -1.0, 0.1, -1e300, DBL_MAX, DBL_MIN, DBL_TRUE_MIN,
                           -3 * DBL_TRUE_MIN, 0x1p63, 0x1p64, 0x1.fffffffffffffp63, 0x1p-64}) {
        checks.expect(Dyadic(x).approximate() == x, "a number is what was put in");
        checks.expect(Dyadic(x).sign() == sign(x), "the sign of a number");
    }
    checks.expect(std::isinf(power(3000).approximate()), "too large for a double");
    checks.expect(power(-3000).approximate() == 0.0, "too small for a double");
    checks.expect(power(-3000).sign() == 1, "small is not zero");
}

void test_integers(Checks &checks) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 2000; ++round) { // sums of products that fit into 64 bits
        Dyadic sum;
        std::int64_t exact = 0;
        for (int i = 0; i < 12; ++i) {
            const int shift = static_cast<int>(random() % 3) * 8;
            const auto draw = [&] {
                return (static_cast<std::int64_t>(random() % 4001) - 2000) * (std::int64_t{1} << shift);
            };
            const std::int64_t x = draw(), y = draw();
            const bool subtract = random() % 2 == 0;
            sum.add_product(Dyadic(static_cast<double>(x)), Dyadic(static_cast<double>(y)), subtract);
            exact += subtract ? -x * y : x * y;
            sum.add(Dyadic(static_cast<double>(x)));
            exact += x;
        }
        checks.expect(sum.sign() == (exact > 0) - (exact < 0), "sign of a sum of integers");
        Dyadic known(static_cast<double>(exact >> 32) * 0x1p32);
        known.add(Dyadic(static_cast<double>(exact & 0xffffffff)));
        checks.expect(equal(sum, known), "a sum of integers");
    }
}

void test_long_double(Checks &checks) {
    std::mt19937_64 random(2);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (int round = 0; round < 2000; ++round) {
        const double x = uniform(random), y = std::ldexp(uniform(random), static_cast<int>(random() % 60) - 30);
        Dyadic product;
        product.add_product(Dyadic(x), Dyadic(y));
        const long double close = static_cast<long double>(x) * y;
        checks.expect(std::fabs(static_cast<long double>(product.approximate()) - close) <=
                          4 * DBL_EPSILON * std::fabs(close),
                      "a product is close to the rounded one");
        checks.expect(product.sign() == sign(close), "sign of a product");
        // what a fused multiply-add leaves of it is the rounding error, exactly
        const double rounded = x * y;
        product.add(Dyadic(rounded), true);
        checks.expect(equal(product, Dyadic(std::fma(x, y, -rounded))), "the rounding error of a product");
        if (y != 0) {
            const double ratio = Dyadic::ratio(Dyadic(x), Dyadic(y));
            checks.expect(std::fabs(ratio - x / y) <= 8 * DBL_EPSILON * std::fabs(x / y), "a quotient");
        }
    }
    const Dyadic up = power(5000);
    Dyadic three, seven;
    three.add_product(up, Dyadic(3.0));
    seven.add_product(up, Dyadic(-7.0));
    checks.expect(std::fabs(Dyadic::ratio(three, seven) + 3.0 / 7) < 1e-15, "a quotient of huge numbers");
}

void test_division(Checks &checks) {
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (int round = 0; round < 500; ++round) {
        Dyadic x(std::ldexp(uniform(random), static_cast<int>(random() % 200) - 100)), y(uniform(random));
        for (int i = static_cast<int>(random() % 6); i > 0; --i) x.multiply(Dyadic(uniform(random)));
        for (int i = static_cast<int>(random() % 6); i > 0; --i) {
            y.multiply(Dyadic(uniform(random)));
            y.add(Dyadic(std::ldexp(uniform(random), -static_cast<int>(random() % 90))));
        }
        if (y.zero()) continue;
        Dyadic product = x;
        product.multiply(y);
        product.divide(y);
        checks.expect(equal(product, x), "a product divided by a factor");
    }
    Dyadic nothing, four(4.0);
    nothing.divide(four);
    checks.expect(nothing.zero(), "zero divided");
    four.divide(power(-300));
    checks.expect(equal(four, power(302)), "division by a power of two");
}

void test_cancellation(Checks &checks) {
    for (const int high : {1, 63, 64, 65, 127, 128, 200, 1000, 2500})
        for (const int low : {0, -1, -63, -64, -65, -200, -1000, -2500}) {
            const Dyadic big = power(high), small = power(low);
            Dyadic x = big;
            x.add(small, true); // borrows through every limb between
            checks.expect(x.sign() == 1, "large minus small is positive");
            Dyadic gap = big;
            gap.add(x, true);
            checks.expect(equal(gap, small), "what was borrowed comes back");
            Dyadic y = small;
            y.add(big, true); // the sign flips
            checks.expect(y.sign() == -1, "small minus large is negative");
            y.negate();
            checks.expect(equal(x, y), "both differences agree");
            x.add(small); // carries through every limb between
            checks.expect(equal(x, big), "the sum is restored");
            x.add(big, true);
            checks.expect(x.zero(), "nothing is left");
            Dyadic square, parts; // (b - s)(b + s) = b^2 - s^2
            Dyadic minus = big, plus = big;
            minus.add(small, true);
            plus.add(small);
            square.add_product(minus, plus);
            parts.add_product(big, big);
            parts.add_product(small, small, true);
            checks.expect(equal(square, parts), "a product of long numbers");
        }
    Dyadic x(0.1), twice(0.2);
    x.add(x);
    checks.expect(equal(x, twice), "a number added to itself");
    x.add(x, true);
    checks.expect(x.zero(), "a number minus itself");
    Dyadic three(3.0);
    three.add_product(three, three);
    checks.expect(equal(three, Dyadic(12.0)), "a number plus its square, in place");
    three.add_product(three, three, true);
    checks.expect(equal(three, Dyadic(-132.0)), "a number minus its square, in place");
    three.clear();
    three.negate();
    three.add(Dyadic(5.0));
    checks.expect(equal(three, Dyadic(5.0)), "zero has no sign");
}

void test_determinant(Checks &checks) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 1000; ++round) {
        std::int64_t m[3][3];
        Dyadic d[3][3];
        std::vector<const Dyadic *> rows;
        for (int i = 0; i < 3; ++i) {
            for (int j = 0; j < 3; ++j) {
                m[i][j] = static_cast<std::int64_t>(random() % 7) - 3;
                if (round % 3 == 0 && i == 2) m[i][j] = m[0][j] + m[1][j]; // singular
                d[i][j] = Dyadic(static_cast<double>(m[i][j]));
            }
            rows.push_back(d[i]);
        }
        const std::int64_t two = m[0][0] * m[1][1] - m[0][1] * m[1][0];
        const std::int64_t three = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                                   m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                                   m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
        checks.expect(equal(determinant(rows, 1), d[0][0]), "determinant of a number");
        checks.expect(equal(determinant(rows, 2), Dyadic(static_cast<double>(two))), "determinant, 2 x 2");
        checks.expect(equal(determinant(rows, 3), Dyadic(static_cast<double>(three))), "determinant, 3 x 3");
    }
}

void test_function(Checks &checks) { // neighbouring pieces agree at their breakpoint, exactly
    const Function f({-1e10, -0.1, 0.3, 7e20}, {0.0, 1.0 / 3, -2.7, 1e-20, 5.0}, 0.7);
    for (int q = 0; q + 1 < f.pieces(); ++q) {
        const auto at = static_cast<std::size_t>(q);
        Dyadic left = f.exact_intercepts[at], right = f.exact_intercepts[at + 1];
        left.add_product(Dyadic(f.slopes[at]), Dyadic(f.breakpoints[at]));
        right.add_product(Dyadic(f.slopes[at + 1]), Dyadic(f.breakpoints[at]));
        checks.expect(equal(left, right), "a function is continuous");
    }
}

} // namespace

void test_dyadic(Checks &checks) {
    test_conversion(checks);
    test_integers(checks);
    test_long_double(checks);
    test_cancellation(checks);
    test_division(checks);
    test_determinant(checks);
    test_function(checks);
}

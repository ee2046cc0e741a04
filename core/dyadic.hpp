// Exact dyadic numbers: integers times powers of two. Floating-point weights are such numbers, and
// so are all sums and products of them: the arbiter needs no division and loses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace plica {

#if defined(__SIZEOF_INT128__)
using Limb = std::uint64_t;
__extension__ typedef unsigned __int128 Wide;
#else
using Limb = std::uint32_t;
using Wide = std::uint64_t;
#endif
constexpr int kLimbBits = static_cast<int>(8 * sizeof(Limb));

// value = (-1)^negative * sum_i limbs[i] * 2^(kLimbBits * (offset + i)); zero has no limbs.
class Dyadic {
  public:
    Dyadic() = default;
    explicit Dyadic(double value); // finite

    int sign() const { return limbs_.empty() ? 0 : (negative_ ? -1 : 1); }
    bool zero() const { return limbs_.empty(); }
    void clear() { limbs_.clear(); }
    void negate() { negative_ = !negative_; }

    // *this += x, and *this += x * y (or -= where subtract is set)
    void add(const Dyadic &x, bool subtract = false);
    void add_product(const Dyadic &x, const Dyadic &y, bool subtract = false);

    void multiply(const Dyadic &x) {
        Dyadic product;
        product.add_product(*this, x);
        *this = std::move(product);
    }
    // *this /= x, where x divides it: the quotient is dyadic too
    void divide(const Dyadic &x);

    const std::vector<Limb> &limbs() const { return limbs_; }
    std::int64_t offset() const { return offset_; } // of the lowest limb

    double approximate() const; // correct to a few units in the last place
    // numerator / denominator, to a few units in the last place, whatever their sizes
    static double ratio(const Dyadic &numerator, const Dyadic &denominator);

  private:
    void accumulate(const Limb *limbs, std::size_t n, std::int64_t offset, bool negative);
    void trim();
    void shift_down(int bits); // *this /= 2^bits, by moving limbs; 0 <= bits < kLimbBits
    double leading(std::int64_t &exponent) const; // value = leading * 2^exponent

    std::vector<Limb> limbs_;
    std::int64_t offset_ = 0;
    bool negative_ = false;
};

// Determinant of the n x n matrix whose rows are given, by expansion along the first row. Division
// free; meant for the small n of lines and planes.
Dyadic determinant(const std::vector<const Dyadic *> &rows, int n);

} // namespace plica

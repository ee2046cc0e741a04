#include "dyadic.hpp"

#include <algorithm>
#include <cmath>

namespace plica {

Dyadic::Dyadic(double value) {
    if (value == 0.0) return;
    negative_ = value < 0;
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(value), &exponent);
    auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53)); // exact: 53 bits
    exponent -= 53;
    // exponent = kLimbBits * offset + shift with 0 <= shift < kLimbBits
    std::int64_t offset = exponent / kLimbBits;
    int shift = exponent % kLimbBits;
    if (shift < 0) {
        shift += kLimbBits;
        --offset;
    }
    offset_ = offset;
    limbs_.reserve(4);
    if constexpr (kLimbBits == 64) {
        limbs_.push_back(static_cast<Limb>(mantissa << shift));
        if (shift > 0) limbs_.push_back(static_cast<Limb>(mantissa >> (64 - shift)));
    } else {
        for (const std::uint64_t half : {mantissa & 0xffffffffu, mantissa >> 32}) {
            const std::uint64_t wide = half << shift;
            const std::uint64_t carry = limbs_.size() > 1 ? limbs_.back() : 0;
            if (!limbs_.empty()) limbs_.pop_back();
            const std::uint64_t sum = wide + carry; // the two do not overlap in more than 32 bits
            limbs_.push_back(static_cast<Limb>(sum));
            limbs_.push_back(static_cast<Limb>(sum >> 32));
        }
    }
    trim();
}

void Dyadic::trim() {
    while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
    std::size_t low = 0;
    while (low < limbs_.size() && limbs_[low] == 0) ++low;
    if (low > 0) {
        limbs_.erase(limbs_.begin(), limbs_.begin() + static_cast<std::ptrdiff_t>(low));
        offset_ += static_cast<std::int64_t>(low);
    }
}

void Dyadic::accumulate(const Limb *x, std::size_t n, std::int64_t offset, bool negative) {
    if (n == 0) return;
    if (limbs_.empty()) {
        limbs_.assign(x, x + n);
        offset_ = offset;
        negative_ = negative;
        trim();
        return;
    }
    if (offset < offset_) {
        limbs_.insert(limbs_.begin(), static_cast<std::size_t>(offset_ - offset), 0);
        offset_ = offset;
    }
    const auto at = static_cast<std::size_t>(offset - offset_);
    const std::size_t size = std::max(limbs_.size(), at + n) + 1;
    limbs_.resize(size, 0);
    if (negative == negative_) {
        Wide carry = 0;
        for (std::size_t i = at; i < size && (i - at < n || carry != 0); ++i) {
            const Wide sum = static_cast<Wide>(limbs_[i]) + (i - at < n ? x[i - at] : 0) + carry;
            limbs_[i] = static_cast<Limb>(sum);
            carry = sum >> kLimbBits;
        }
    } else {
        Wide borrow = 0;
        for (std::size_t i = at; i < size && (i - at < n || borrow != 0); ++i) {
            const Wide take = static_cast<Wide>(i - at < n ? x[i - at] : 0) + borrow;
            const Wide have = limbs_[i];
            limbs_[i] = static_cast<Limb>(have - take);
            borrow = have < take ? 1 : 0;
        }
        if (borrow != 0) { // the result changed sign: two's complement back to a magnitude
            Wide carry = 1;
            for (Limb &limb : limbs_) {
                const Wide sum = static_cast<Wide>(static_cast<Limb>(~limb)) + carry;
                limb = static_cast<Limb>(sum);
                carry = sum >> kLimbBits;
            }
            negative_ = !negative_;
        }
    }
    trim();
}

void Dyadic::add(const Dyadic &x, bool subtract) {
    if (&x == this) {
        const Dyadic copy = x;
        accumulate(copy.limbs_.data(), copy.limbs_.size(), copy.offset_, copy.negative_ != subtract);
        return;
    }
    accumulate(x.limbs_.data(), x.limbs_.size(), x.offset_, x.negative_ != subtract);
}

void Dyadic::add_product(const Dyadic &x, const Dyadic &y, bool subtract) {
    if (x.zero() || y.zero()) return;
    static thread_local std::vector<Limb> product;
    const std::size_t n = x.limbs_.size(), m = y.limbs_.size();
    product.assign(n + m, 0);
    for (std::size_t i = 0; i < n; ++i) {
        Wide carry = 0;
        for (std::size_t j = 0; j < m; ++j) {
            const Wide sum =
                static_cast<Wide>(x.limbs_[i]) * y.limbs_[j] + product[i + j] + carry;
            product[i + j] = static_cast<Limb>(sum);
            carry = sum >> kLimbBits;
        }
        product[i + m] = static_cast<Limb>(carry);
    }
    accumulate(product.data(), product.size(), x.offset_ + y.offset_,
               (x.negative_ != y.negative_) != subtract);
}

void Dyadic::shift_down(int bits) {
    if (bits == 0 || limbs_.empty()) return;
    limbs_.insert(limbs_.begin(), 0); // for the bits that leave the lowest limb
    --offset_;
    for (std::size_t i = 0; i + 1 < limbs_.size(); ++i)
        limbs_[i] = static_cast<Limb>((limbs_[i] >> bits) | (limbs_[i + 1] << (kLimbBits - bits)));
    limbs_.back() = static_cast<Limb>(limbs_.back() >> bits);
    trim();
}

// From the lowest limb up: with an odd divisor, each limb of the quotient is a product modulo the
// size of a limb (Jebelean 1993, An algorithm for exact division).
void Dyadic::divide(const Dyadic &x) {
    if (limbs_.empty()) return;
    int shift = 0;
    while ((x.limbs_[0] >> shift & 1) == 0) ++shift;
    Dyadic odd = x;
    odd.shift_down(shift);
    shift_down(shift); // the quotient stays the same
    const std::vector<Limb> &d = odd.limbs_;
    Limb inverse = d[0]; // Newton: each step doubles the number of correct bits, from 3
    for (int bits = 3; bits < kLimbBits; bits *= 2) inverse = static_cast<Limb>(inverse * (2 - d[0] * inverse));
    const std::size_t n = limbs_.size() >= d.size() ? limbs_.size() - d.size() + 1 : 1;
    for (std::size_t i = 0; i < n; ++i) {
        const Limb q = static_cast<Limb>(limbs_[i] * inverse);
        Wide carry = 0;
        Limb borrow = 0;
        for (std::size_t j = 0; i + j < limbs_.size() && (j < d.size() || carry != 0 || borrow != 0); ++j) {
            carry += static_cast<Wide>(q) * (j < d.size() ? d[j] : 0);
            const Limb take = static_cast<Limb>(carry), have = limbs_[i + j];
            limbs_[i + j] = static_cast<Limb>(have - take - borrow);
            borrow = have < take || (have == take && borrow != 0) ? 1 : 0;
            carry >>= kLimbBits;
        }
        limbs_[i] = q;
    }
    limbs_.resize(n);
    offset_ -= odd.offset_;
    negative_ = negative_ != odd.negative_;
    trim();
}

double Dyadic::leading(std::int64_t &exponent) const {
    const std::size_t n = limbs_.size(), low = n > 3 ? n - 3 : 0;
    double value = 0;
    for (std::size_t i = n; i-- > low;)
        value = std::ldexp(value, kLimbBits) + static_cast<double>(limbs_[i]);
    exponent = kLimbBits * (offset_ + static_cast<std::int64_t>(low));
    return negative_ ? -value : value;
}

double Dyadic::approximate() const {
    std::int64_t exponent = 0;
    const double value = leading(exponent);
    return std::ldexp(value, static_cast<int>(std::clamp<std::int64_t>(exponent, -100000, 100000)));
}

double Dyadic::ratio(const Dyadic &numerator, const Dyadic &denominator) {
    std::int64_t up = 0, down = 0;
    const double value = numerator.leading(up) / denominator.leading(down);
    return std::ldexp(value, static_cast<int>(std::clamp<std::int64_t>(up - down, -100000, 100000)));
}

Dyadic determinant(const std::vector<const Dyadic *> &rows, int n) {
    if (n == 1) return rows[0][0];
    Dyadic sum;
    std::vector<std::vector<Dyadic>> minor(static_cast<std::size_t>(n - 1));
    std::vector<const Dyadic *> view(static_cast<std::size_t>(n - 1));
    for (int c = 0; c < n; ++c) {
        if (rows[0][c].zero()) continue;
        for (int i = 1; i < n; ++i) {
            auto &row = minor[static_cast<std::size_t>(i - 1)];
            row.clear();
            for (int j = 0; j < n; ++j)
                if (j != c) row.push_back(rows[static_cast<std::size_t>(i)][j]);
            view[static_cast<std::size_t>(i - 1)] = row.data();
        }
        sum.add_product(rows[0][c], determinant(view, n - 1), c % 2 == 1);
    }
    return sum;
}

} // namespace plica

#include "histogram_bound.hpp"

#include <utility>

namespace plica {

namespace {

constexpr int kTerms = 256; // products below 2^56 that are added before they are reduced

// The products of the lower halves.
INLINE Places times(const Places &a, const Places &b) {
#if defined(__AVX512F__) // one instruction each, here and below; left alone, not every compiler finds it
    return reinterpret_cast<Places>(
        _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#else
    return (a & 0xffffffffULL) * (b & 0xffffffffULL);
#endif
}

INLINE Places widened(const Words &x) {
#if defined(__AVX512F__)
    return reinterpret_cast<Places>(_mm512_maskz_cvtepu32_epi64(0xff, reinterpret_cast<__m256i>(x)));
#else
    return __builtin_convertvector(x, Places);
#endif
}

} // namespace

// Numbers modulo eight primes, side by side.
struct alignas(64) HistogramBound::Field {
    explicit Field(const Eight &primes) {
        for (int i = 0; i < kVec; ++i) {
            const auto prime = primes[static_cast<std::size_t>(i)];
            p[i] = words[i] = prime;
            reciprocal[i] = (std::uint64_t{1} << 59) / prime;
        }
    }
    // Any x below 2^64. First as many times 32 p is taken away as its upper half tells, too few by less than
    // two, which leaves less than 2^32 + 64 p < 2^35; the second quotient is too small by less than 2.
    INLINE Places operator()(const Places &x) const {
        const Places rest = x - (times(times(x >> 32, reciprocal) >> 32, p) << 5);
        return lifted(rest - times(times(rest >> 18, reciprocal >> 13) >> 28, p) - p);
    }
    INLINE Places of(const Places &a, const Places &b) const { return (*this)(times(a, b)); }
    INLINE Places plus(const Places &a, const Places &b) const { return lifted(a + b - p); }
    INLINE Places minus(const Places &a, const Places &b) const { return lifted(a - b); }
    INLINE Words plus(const Words &a, const Words &b) const {
        const Words less = a + b - words, sum = less + words; // a negative number is a large one
        return less < sum ? less : sum;
    }
    INLINE Places lifted(const Places &x) const { // from -p to p
        return x + (reinterpret_cast<Places>(reinterpret_cast<const Lanes &>(x) < 0) & p);
    }
    Places p, reciprocal;
    Words words;
};

HistogramBound::HistogramBound(std::vector<int> units, std::vector<int> dimensions, Histogram histogram)
    : units_(std::move(units)), dimensions_(std::move(dimensions)), histogram_(histogram) {
    const auto top = static_cast<std::size_t>(dimensions_.front());
    std::vector<int> counts(2 * top + 2, 0);
    for (std::size_t l = 0; l < units_.size(); ++l)
        for (int n = 1, m = units_[l]; refines(l) && n <= dimensions_[l]; ++n) {
            int &count = counts[static_cast<std::size_t>(2 * n + ((m - n) & 1))];
            count = std::max(count, stop(m, n) - first(m, n));
        }
    starts_.push_back(0);
    for (const int count : counts) starts_.push_back(starts_.back() + static_cast<std::size_t>(count));
    table_.resize(starts_.back());
    column_.resize(top + 2);
    steps_.resize(2 * top + 2);
    below_.resize(top + 2);
    for (auto *numbers : {&inverse_, &sums_}) numbers->resize(top + 1);
}

bool HistogramBound::refines(std::size_t layer) const {
    return histogram_ != Histogram::most_active && units_[layer] < 3 * dimensions_[layer] - 1;
}

void HistogramBound::find_inverses(const Eight &primes) {
    for (std::uint32_t n = 1; n < inverse_.size(); ++n)
        for (int i = 0; i < kVec; ++i) {
            const std::uint32_t p = primes[static_cast<std::size_t>(i)];
            inverse_[n].x[i] = n == 1 ? 1 : (p - p / n) * inverse_[p % n].x[i] % p;
        }
}

INLINE void HistogramBound::find_table(const Field &field) {
    const bool plane = histogram_ == Histogram::plane;
    std::fill(column_.begin(), column_.end(), Word{});
    column_[0].x += 1; // column_[r] holds C(2 n - r, n), first for n = 0
    const auto keep = [&](std::size_t n, std::size_t before) {
        for (std::size_t odd = 0; odd < 2; ++odd)
            for (std::size_t i = starts_[2 * n + odd]; i < starts_[2 * n + odd + 1]; ++i)
                table_[i] = column_[n - before - odd - 2 * (i - starts_[2 * n + odd])];
    };
    for (std::size_t n = 1; n + 1 < column_.size(); ++n) {
        if (plane) keep(n, 1);
        for (std::size_t r = n; r > 0; --r) column_[r].x = field.plus(column_[r + 1].x, column_[r - 1].x);
        column_[0].x = field.plus(column_[1].x, column_[1].x);
        if (!plane) keep(n, 0);
    }
}

// below_[k] = C(m, 0) + ... + C(m, k - 1), for k <= top + 1
INLINE void HistogramBound::find_below(const Field &field, int m, int top) {
    Places c = Places{} + 1;
    below_[0].x = Places{};
    for (int k = 0; k <= top; ++k) {
        const auto at = static_cast<std::size_t>(k);
        if (k > 0) c = field.of(c, field.of(inverse_[at].x, Places{} + static_cast<std::uint64_t>(m - k + 1)));
        below_[at + 1].x = field.plus(below_[at].x, c);
    }
}

// steps_[K j]: D(j), and for K = 2 then j D(j)
template <int K> INLINE void HistogramBound::find_steps(const Field &field, int top) {
    for (std::size_t j = 1; j <= static_cast<std::size_t>(top); ++j) {
        const Places step = field.minus(u_[j].x, u_[j - 1].x);
        steps_[K * j].x = step;
        if (K == 2) steps_[K * j + 1].x = field.of(step, Places{} + static_cast<std::uint64_t>(j));
    }
}

// The sum of D(j) N(n, j) over j <= m - n + 1.
template <int K> INLINE Places HistogramBound::refined(const Field &field, int m, int n) const {
    const int begin = first(m, n), end = stop(m, n);
    if (begin >= end) return Places{};
    const Word *row = table_.data() + starts_[static_cast<std::size_t>(2 * n + ((m - n) & 1))];
    const Number *step = steps_.data() + K * begin;
    Places sums[K] = {};
    for (int j = begin; j < end;) {
        for (const int now = std::min(end, j + kTerms); j < now; ++j, ++row, step += K)
            for (int k = 0; k < K; ++k) sums[k] += times(widened(row->x), step[k].x);
        for (Places &sum : sums) sum = field(sum);
    }
    if constexpr (K == 1) return sums[0];
    const auto at = static_cast<std::size_t>(n), units = static_cast<std::size_t>(m);
    const Places whole = field(Places{} + (at * (units + 1 - at) + 2 * at - units - 2)); // from 0 on
    return field.of(field(times(whole, sums[0]) + times(field.p + 2 - at, sums[K - 1])), inverse_[at].x);
}

INLINE void HistogramBound::cut(const Field &field, int m, int top, bool refine) {
    const bool twice = refine && histogram_ == Histogram::plane;
    if (twice) find_steps<2>(field, top);
    else find_steps<1>(field, top);
    // sums_[n]: the sum of D(j) B(m - j + 1) over j <= n, where it is asked for: below 2^28 (top + 1)
    for (int j = 0; j <= top; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const auto k = static_cast<std::size_t>(m - j + 1);
        sums_[at].x = Places{};
        if (k <= static_cast<std::size_t>(top))
            sums_[at].x = sums_[at - 1].x + field.of(steps_[twice ? 2 * at : at].x, below_[k].x);
    }
    const int few = histogram_ == Histogram::most_active ? m : m + 1;
    for (int n = top; n >= 1; --n) { // from above, as y(n) replaces u(n)
        const int split = std::min(n, few - n);
        const auto at = static_cast<std::size_t>(n), low = static_cast<std::size_t>(split);
        const Places y = field(times(below_[at + 1].x, u_[low].x) + (sums_[at].x - sums_[low].x));
        u_[at].x = !refine ? y : field.minus(y, twice ? refined<2>(field, m, n) : refined<1>(field, m, n));
    }
}

CLONES HistogramBound::Eight HistogramBound::modulo(const Eight &primes) {
    const Field field(primes);
    find_inverses(primes);
    if (!table_.empty()) find_table(field);
    u_.assign(static_cast<std::size_t>(dimensions_.back()) + 1, Number{Places{} + 1});
    for (std::size_t l = units_.size(); l-- > 0;) {
        const int m = units_[l], top = dimensions_[l];
        u_.resize(static_cast<std::size_t>(top) + 1, u_.back()); // layers after it see no more dimensions
        if (l + 1 == units_.size() || m != units_[l + 1] || top != dimensions_[l + 1]) find_below(field, m, top);
        cut(field, m, top, refines(l));
    }
    Eight found;
    for (int i = 0; i < kVec; ++i)
        found[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(u_.back().x[i]);
    return found;
}

} // namespace plica

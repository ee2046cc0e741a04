#include "histogram_bound.hpp"

#include <algorithm>
#include <utility>

#include "dyadic.hpp"
#include "lanes.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace plica {

namespace {

constexpr int kRows = 4;
constexpr int kTerms = 256; // products below 2^56 that are added before they are reduced

// to += the sum of factor * row; up to seven numbers behind the last one of a row are read.
CLONES void add_rows(const std::uint32_t *const (&row)[kRows], const std::uint32_t (&factor)[kRows], int n,
                     std::uint64_t *to) {
#if defined(__AVX512F__) // left alone, compilers take the slow product of 64 bits
    const auto times = [&](int k, int i) {
        const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(row[k] + i));
        return _mm512_mul_epu32(_mm512_cvtepu32_epi64(numbers), _mm512_set1_epi64(factor[k]));
    };
    for (int i = 0; i < n; i += 8) {
        const auto lanes = static_cast<__mmask8>(n - i < 8 ? (1 << (n - i)) - 1 : 255);
        const __m512i sum = _mm512_add_epi64(_mm512_add_epi64(times(0, i), times(1, i)),
                                             _mm512_add_epi64(times(2, i), times(3, i)));
        const __m512i before = _mm512_maskz_loadu_epi64(lanes, to + i);
        _mm512_mask_storeu_epi64(to + i, lanes, _mm512_add_epi64(before, sum));
    }
#else
    for (int i = 0; i < n; ++i)
        for (int k = 0; k < kRows; ++k) to[i] += std::uint64_t{row[k][i]} * factor[k];
#endif
}

// to = a - b modulo p
CLONES void subtract(const std::uint32_t *a, const std::uint32_t *b, std::uint32_t p, int n, std::uint32_t *to) {
    for (int i = 0; i < n; ++i) {
        const std::uint32_t d = a[i] - b[i];
        to[i] = std::min(d, d + p); // a negative difference is a large number
    }
}

} // namespace

HistogramBound::Field::Field(std::uint32_t prime) : p(prime), reciprocal(~std::uint64_t{0} / prime) {}

std::uint32_t HistogramBound::Field::operator()(std::uint64_t x) const {
#if defined(__SIZEOF_INT128__)
    const auto quotient = static_cast<std::uint64_t>((Wide{x} * reciprocal) >> 64); // or one less than it
    const auto rest = static_cast<std::uint32_t>(x - quotient * p);
    return std::min(rest, rest - p);
#else
    return static_cast<std::uint32_t>(x % p);
#endif
}

HistogramBound::HistogramBound(std::vector<int> units, std::vector<int> dimensions, Histogram histogram)
    : units_(std::move(units)), dimensions_(std::move(dimensions)), histogram_(histogram) {
    const int top = dimensions_.front();
    width_ = static_cast<std::size_t>(top) + 1;
    n_rows_ = 0;
    if (histogram != Histogram::most_active)
        for (std::size_t l = 0; l < units_.size(); ++l)
            if (units_[l] < 3 * dimensions_[l] - 1) n_rows_ = std::max(n_rows_, dimensions_[l] + 2);
    inverse_.resize(width_);
    below_.resize(width_ + 1);
    rows_.resize(static_cast<std::size_t>(n_rows_) * width_ + 8);
    steps_.resize(width_);
    for (auto *column : {&sums_, &refined_, &second_}) column->resize(width_);
}

std::uint32_t HistogramBound::modulo(std::uint32_t prime) {
    const Field field(prime);
    find_inverses(field);
    if (n_rows_ > 0) find_rows(field);
    u_.assign(static_cast<std::size_t>(dimensions_.back()) + 1, 1);
    int known = -1; // the number of units that `below_` is about
    for (std::size_t l = units_.size(); l-- > 0;) {
        const int m = units_[l], top = dimensions_[l];
        u_.resize(static_cast<std::size_t>(top) + 1, u_.back()); // layers after it see no more dimensions
        if (m != known || l + 1 == units_.size() || top != dimensions_[l + 1]) find_below(field, m, top);
        known = m;
        cut(field, m, top);
    }
    return u_.back();
}

void HistogramBound::find_inverses(const Field &field) {
    const auto n = static_cast<std::uint32_t>(width_);
    for (std::uint32_t i = 1; i < n; ++i)
        inverse_[i] = i == 1 ? 1 : field.times(field.p - field.p / i, inverse_[field.p % i]);
}

// Row r holds C(2 n - r, n) for n = 0, 1, ...
void HistogramBound::find_rows(const Field &field) {
    const int n = static_cast<int>(width_);
    std::uint32_t *first = rows_.data(), *second = first + width_;
    first[0] = 1;
    second[0] = 0;
    const std::uint32_t half = (field.p + 1) / 2;
    for (int i = 1; i < n; ++i) {
        const std::uint32_t inverse = inverse_[static_cast<std::size_t>(i)];
        first[i] = field.times(first[i - 1], field.times(static_cast<std::uint32_t>(4 * i - 2), inverse));
        second[i] = field.times(first[i], half);
    }
    for (int r = 2; r < n_rows_; ++r) {
        std::uint32_t *to = rows_.data() + static_cast<std::size_t>(r) * width_;
        to[0] = 0;
        subtract(row(r - 1) + 1, row(r - 2), field.p, n - 1, to + 1);
    }
}

// below_[k] = C(m, 0) + ... + C(m, k - 1), for k <= top + 1
void HistogramBound::find_below(const Field &field, int m, int top) {
    std::uint32_t c = 1;
    below_[0] = 0;
    for (int k = 0; k <= top; ++k) {
        const auto at = static_cast<std::size_t>(k);
        if (k > 0) c = field.times(c, field.times(static_cast<std::uint32_t>(m - k + 1), inverse_[at]));
        below_[at + 1] = field.plus(below_[at], c);
    }
}

void HistogramBound::cut(const Field &field, int m, int top) {
    subtract(u_.data() + 1, u_.data(), field.p, top, steps_.data() + 1);
    const bool refine = histogram_ != Histogram::most_active && m < 3 * top - 1;
    if (refine) add_refined(field, m, top);
    // sums_[n]: the sum of D(j) B(m - j + 1) over j <= n, where it is asked for: below 2^28 (top + 1)
    for (int j = 0; j <= top; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const int k = m - j + 1;
        sums_[at] = k > top ? 0 : sums_[at - 1] + field.times(steps_[at], below_[static_cast<std::size_t>(k)]);
    }
    const int few = histogram_ == Histogram::most_active ? m : m + 1;
    for (int n = top; n >= 1; --n) { // from above, as y(n) replaces u(n)
        const int split = std::min(n, few - n);
        const auto at = static_cast<std::size_t>(n), low = static_cast<std::size_t>(split);
        std::uint64_t y = std::uint64_t{below_[at + 1]} * u_[low] + (sums_[at] - sums_[low]);
        if (refine) y += field.p - field(refined_[at]);
        u_[at] = field(y);
    }
}

// refined_[n]: the sum of D(j) N(n, j) over j <= m - n + 1
void HistogramBound::add_refined(const Field &field, int m, int top) {
    const bool plane = histogram_ == Histogram::plane;
    add_sums(field, m, top, 0, refined_);
    if (!plane) return;
    add_sums(field, m, top, 1, second_);
    const std::uint32_t half = (field.p + 1) / 2, last = field.times(static_cast<std::uint32_t>(m), half);
    for (int n = 1; n <= top; ++n) {
        const auto at = static_cast<std::size_t>(n);
        const std::uint32_t first = field.times(static_cast<std::uint32_t>(m + 2 - n), half);
        refined_[at] =
            field.minus(field.times(first, field(refined_[at])), field.times(last, field(second_[at])));
    }
}

// sums[n]: the sum of D(j) C(2 n - r, n), r = m + 2 - 2 j + more, over j <= m - n + 1
void HistogramBound::add_sums(const Field &field, int m, int top, int more, std::vector<std::uint64_t> &sums) {
    std::fill(sums.begin(), sums.end(), 0);
    const auto start = [&](int j) { return std::max(j, m + 2 - 2 * j + more); }; // of row r, the rest is 0
    const auto stop = [&](int j) { return std::min(top, m + 1 - j) + 1; };
    const int last = std::min(top, (m + 1) / 2);
    int terms = 0;
    for (int j = std::max(1, (m + 3 + more - top) / 2); j <= last; j += kRows) {
        const int end = std::min(j + kRows - 1, last);
        // all rows of the group are taken from `low` to `high`, and one by one before and behind
        const int low = std::max(end, start(end)), high = std::max(low, stop(end));
        const std::uint32_t *rows[kRows];
        std::uint32_t factor[kRows];
        for (int k = 0; k < kRows; ++k) {
            const int i = std::min(j + k, end);
            rows[k] = row(m + 2 - 2 * i + more);
            factor[k] = j + k > end ? 0 : steps_[static_cast<std::size_t>(i)];
            const auto add = [&](int n) {
                sums[static_cast<std::size_t>(n)] += std::uint64_t{rows[k][n]} * factor[k];
            };
            for (int n = start(i); n < std::min(low, stop(i)); ++n) add(n);
            for (int n = std::max(high, start(i)); n < stop(i); ++n) add(n);
            rows[k] += low;
        }
        add_rows(rows, factor, high - low, sums.data() + low);
        terms += kRows;
        if (terms % kTerms == 0)
            for (std::uint64_t &sum : sums) sum = field(sum);
    }
}

} // namespace plica

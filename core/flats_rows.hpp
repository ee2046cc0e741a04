// The rows of a flat, with certain bounds on their errors, and what is certain by them. Part of flats.cpp.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "flats_dictionary.hpp"
#include "walk_common.hpp"

namespace plica {

namespace flats {

inline constexpr double kSteep = 1e3; // a coefficient to divide by is so many times its row's error

} // namespace flats

template <int B> INLINE void Flats::evaluate(const Flat &f, const double *point, Vec *v) const {
    for (int b = 0; b < B; ++b) v[b] = load(f.A + b * kVec);
    const double *column = f.A + B * kVec;
    for (int c = 0; c < f.d; ++c, column += B * kVec) {
        const double t = point[c];
        for (int b = 0; b < B; ++b) v[b] += t * load(column + b * kVec);
    }
}

// Whether the point after those that are kept is certainly inside; the values of all rows there.
template <int B> INLINE bool Flats::examine(Flat &f) const {
    const double *point = f.points + f.n_points * ((f.d + kVec - 1) / kVec * kVec);
    for (int c = 0; c < f.d; ++c)
        if (!(std::fabs(point[c]) <= bound_[f.coordinate[c]])) return false;
    Vec v[B];
    evaluate<B>(f, point, v);
    double *values = f.values + f.n_points * B * kVec;
    Set good = 0;
    for (int b = 0; b < B; ++b) {
        const Vec x = load(f.error + b * kVec);
        store(values + b * kVec) = v[b];
        good |= (above(v[b] - x, load(f.low + b * kVec)) & above(load(f.high + b * kVec), v[b] + x)) << (b * kVec);
    }
    return (~good & sets::below(f.rows)) == 0;
}

// Whether sign * row is certainly negative all over the flat: weak duality with the reduced costs.
template <int B> INLINE bool Flats::nowhere(const Flat &f, int row, double sign) {
    const int stride = B * kVec;
    // multipliers of faces and of bounds of coordinates that have been eliminated; the box bounds the others
    double *factors = factors_.data(), constant = sign * f.A[row], margin = f.error[row];
    int *rows = used_.data(), n = 0;
    for (int q = 0; q < f.d; ++q) {
        const double rate = -sign * f.T[(q + 1) * stride + row], y = rate > 0 ? rate : 0.0;
        const int code = f.nonbasic[q], k = code / 2;
        const bool face = k >= n_;
        const int r = face ? k - n_ : f.row_of[k];
        rows[n] = r;
        factors[n] = !face && (code & 1) != 0 ? -y : y;
        const bool counts = (r >= 0) & (y > 0);
        constant += !face & counts ? y : 0.0;
        margin += counts ? y * (f.error[r] + 4 * kUnit) : 0.0;
        n += counts ? 1 : 0;
    }
    double top = 0;
    for (int c = 0; c <= f.d; ++c) {
        const double *column = f.A + c * stride;
        double sum = c == 0 ? constant : sign * column[row];
        for (int i = 0; i < n; ++i) sum += factors[i] * column[rows[i]];
        top += c == 0 ? sum : std::fabs(sum);
    }
    return top + 2 * margin < 0;
}

// The rows on the flat where row i vanishes, which has one coordinate less.
template <int B> INLINE bool Flats::eliminate(const Flat &f, Flat &to, int i) {
    const int stride = B * kVec, d = f.d;
    int e = 1;
    for (int c = 2; c <= d; ++c)
        if (std::fabs(f.A[c * stride + i]) > std::fabs(f.A[e * stride + i])) e = c;
    const double lead = f.A[e * stride + i], inverse = -1.0 / lead;
    if (!(std::fabs(lead) > flats::kSteep * f.error[i])) return false;
    const int gone = f.coordinate[e - 1];
    const double own = f.error[i] * std::fabs(inverse);
    Vec old[B];
    Lanes here[B];
    for (int b = 0; b < B; ++b) {
        const int at = b * kVec;
        old[b] = load(f.A + e * stride + at);
        here[b] = kLane + at == i;
        const Vec error = (load(f.error + at) + own * absolute(old[b])) * (1 + 4 * kUnit);
        store(to.error + at) = here[b] ? Vec{} + own * (1 + 4 * kUnit) : error;
        store(to.low + at) = here[b] ? Vec{} - bound_[gone] : load(f.low + at);
        store(to.high + at) = here[b] ? Vec{} + bound_[gone] : load(f.high + at);
    }
    double *now = to.A;
    for (int c = 0, left = 0; c <= d; ++c) {
        if (c == e) continue;
        const double *column = f.A + c * stride;
        const double factor = column[i] * inverse;
        for (int b = 0; b < B; ++b) {
            const Vec sum = load(column + b * kVec) + factor * old[b];
            store(now + b * kVec) = here[b] ? Vec{} + factor : sum;
        }
        now += stride;
        if (c > 0) to.coordinate[left++] = f.coordinate[c - 1];
    }
    copy_codes(to.row_of, f.row_of, n_);
    to.row_of[gone] = i;
    to.rows = f.rows;
    to.blocks = f.blocks;
    to.on = f.on | sets::one(i);
    return true;
}

// The hyperplanes of which certain points of f tell both signs on the flat where row i vanishes, between
// a point where it is positive and one where it is negative. Pairs of points that tell something are listed.
template <int B>
INLINE Flats::Set Flats::between(const Flat &f, int i, Set rows, Pair *pairs, int &n_pairs) const {
    const int stride = B * kVec;
    const double own = f.error[i];
    Set plus = ~rows, minus = ~rows;
    n_pairs = 0;
    Set above_it = 0, below_it = 0; // points
    for (int k = 0; k < std::min(f.n_points, 64); ++k) {
        const double value = f.values[k * stride + i];
        above_it |= Set{value > own} << k;
        below_it |= Set{-value > own} << k;
    }
    for (; above_it != 0; above_it &= above_it - 1) {
        const int p = sets::first(above_it);
        const double *at_p = f.values + p * stride;
        const double up = at_p[i];
        for (Set rest = below_it; rest != 0; rest &= rest - 1) {
            const int q = sets::first(rest);
            const double *at_q = f.values + q * stride;
            const double down = -at_q[i];
            Set now_plus = 0, now_minus = 0;
            for (int b = 0; b < B; ++b) {
                const Vec x = load(at_p + b * kVec), y = load(at_q + b * kVec);
                const Vec value = up * y + down * x;
                const Vec doubt = 2.0 * ((up + down) * load(f.error + b * kVec) + own * (absolute(x) + absolute(y)));
                now_plus |= above(value, doubt) << (b * kVec);
                now_minus |= above(-value, doubt) << (b * kVec);
            }
            if (((now_plus & ~plus) | (now_minus & ~minus)) == 0 && n_pairs > 0) continue;
            plus |= now_plus;
            minus |= now_minus;
            pairs[n_pairs++] = {p, q, down / (up + down)};
            if ((plus & minus) == ~Set{0}) return rows;
        }
    }
    return rows & plus & minus;
}

// Leave out rows of hyperplanes that are not among those to keep, where that makes columns shorter.
inline void Flats::shorten(Flat &f, Set keep) {
    const Set stay = sets::below(faces_) | keep;
    const int rows = sets::size(stay), blocks = std::max(1, (rows + kVec - 1) / kVec);
    if (blocks >= f.blocks || blocks > 4) return;
    for (int r = faces_, put = faces_; r < f.rows; ++r) {
        if ((keep & sets::one(r)) != 0)
            id_[put++] = id_[r];
        else if (listing_ && f.values[r] > 0)
            always_above_ |= std::uint32_t{1} << id_[r];
    }
    const auto close = [&](double *numbers, int columns, double rest) {
        for (int c = 0; c < columns; ++c) {
            const double *from = numbers + c * f.blocks * kVec;
            double *column = numbers + c * blocks * kVec;
            int put = 0;
            for (Set left = stay; left != 0; left &= left - 1) column[put++] = from[sets::first(left)];
            for (; put < blocks * kVec; ++put) column[put] = rest;
        }
    };
    close(f.A, f.d + 1, 0.0);
    close(f.T, f.d + 1, 0.0);
    close(f.values, f.n_points, 0.0);
    close(f.error, 1, 0.0);
    close(given_, 1, 0.0);
    close(f.low, 1, -flats::kInfinity);
    close(f.high, 1, flats::kInfinity);
    close(f.least, 1, -flats::kInfinity);
    close(f.most, 1, flats::kInfinity);
    f.rows = rows;
    f.blocks = blocks;
}

} // namespace plica

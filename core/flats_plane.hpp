// Flats of two dimensions, and the lines on them. Part of flats.cpp.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "flats_list.hpp"
#include "walk_common.hpp"

namespace plica {

// On a line c + a t: whether it runs through the polytope, and in how many parts other rows divide it.
// 0: not certain.
template <int B>
INLINE std::int64_t Flats::line(const Vec *c, const Vec *a, const Vec *x, const Vec *low, const Vec *high,
                                double bound, Set later, Line &line) const {
    // Between `from` and `to` all rows are inside by at least four times their errors: then points near by
    // on both sides of what was eliminated are certainly inside. Outside `start` and `end` one is not.
    Vec from = Vec{} - bound, to = Vec{} + bound, start = Vec{} - 1.0, end = Vec{} + 1.0, inverse[B];
    const auto larger = [](const Vec &p, const Vec &q) __attribute__((always_inline)) { return p > q ? p : q; };
    for (int b = 0; b < B; ++b) {
        const Vec size = absolute(a[b]), least = Vec{} + DBL_MIN;
        inverse[b] = 1.0 / (size > least ? a[b] : least);
        const Vec p = (low[b] - c[b]) * inverse[b], q = (high[b] - c[b]) * inverse[b];
        const Lanes grows = inverse[b] > 0;
        const Vec lower = grows ? p : q, upper = grows ? q : p, doubt = x[b] * absolute(inverse[b]);
        from = larger(from, lower + 5.0 * doubt);
        start = larger(start, lower - 2.0 * doubt);
        to = -larger(-to, 5.0 * doubt - upper);
        end = -larger(-end, -2.0 * doubt - upper);
    }
    const double left = largest(from), right = -largest(-to), least = largest(start), most = -largest(-end);
    if (most < least) return 1;
    if (!(left < right)) return 0;
    line.met = true;
    line.left = left;
    line.right = right;
    if (later == 0 && !listing_) return 1;
    Set certain = 0, cross = 0;
    for (int b = 0; b < B; ++b) {
        const Vec size = absolute(a[b]), near = c[b] + left * a[b], far = c[b] + right * a[b];
        const Vec s = 2.0 * x[b] + (left - least) * size, t = 2.0 * x[b] + (most - right) * size;
        const Set near_plus = above(near, s), near_minus = above(-near, s), far_plus = above(far, t),
                       far_minus = above(-far, t);
        certain |= ((near_plus | near_minus) & (far_plus | far_minus)) << (b * kVec);
        cross |= ((near_plus & far_minus) | (near_minus & far_plus)) << (b * kVec);
    }
    if ((later & ~certain) != 0) return 0;
    line.cross = cross;
    cross &= later;
    const int count = sets::size(cross);
    if (count < 2 && !listing_) return 1 + count;
    double *places = line.place;
    alignas(64) double doubts[B * kVec];
    for (int b = 0; b < B; ++b) {
        store(places + b * kVec) = -c[b] * inverse[b];
        store(doubts + b * kVec) = 3.0 * x[b] * absolute(inverse[b]);
    }
    for (Set rest = cross; rest != 0; rest &= rest - 1)
        for (Set next = rest & (rest - 1); next != 0; next &= next - 1) {
            const int i = sets::first(rest), j = sets::first(next);
            if (!(std::fabs(places[i] - places[j]) > doubts[i] + doubts[j])) return 0;
        }
    return 1 + count;
}

// The parts of a flat of two dimensions.
template <int B> INLINE std::int64_t Flats::plane(int level, Set cuts) {
    Flat &f = flats_[z(level)];
    const int stride = B * kVec;
    std::int64_t total = 1;
    f.keep = 0;
    for (Set rest = cuts; rest != 0; rest &= rest - 1) {
        const int i = sets::first(rest);
        const double p = f.A[stride + i], q = f.A[2 * stride + i];
        const bool second = std::fabs(q) > std::fabs(p);
        const double lead = second ? q : p, inverse = -1.0 / lead;
        if (!(std::fabs(lead) > flats::kSteep * f.error[i])) return 0;
        const double *gone = f.A + (second ? 2 : 1) * stride, *left = f.A + (second ? 1 : 2) * stride;
        const double slope = (second ? p : q) * inverse, constant = f.A[i] * inverse, own = f.error[i] * std::fabs(inverse);
        const double bound = bound_[f.coordinate[second ? 1 : 0]];
        Vec c[B], a[B], x[B], low[B], high[B];
        for (int b = 0; b < B; ++b) {
            const int at = b * kVec;
            const Lanes here = kLane + at == i;
            const Vec old = load(gone + at);
            const Vec c_now = load(f.A + at) + constant * old, a_now = load(left + at) + slope * old,
                      x_now = load(f.error + at) + own * absolute(old);
            c[b] = here ? Vec{} + constant : c_now;
            a[b] = here ? Vec{} + slope : a_now;
            x[b] = (here ? Vec{} + own : x_now) * (1 + 4 * kUnit);
            low[b] = here ? Vec{} - bound : load(f.low + at);
            high[b] = here ? Vec{} + bound : load(f.high + at);
        }
        Line line;
        const Set later = rest & (rest - 1);
        const std::int64_t found =
            this->line<B>(c, a, x, low, high, bound_[f.coordinate[second ? 0 : 1]], later, line);
        if (found == 0) return 0;
        if (!line.met) continue;
        total += found;
        f.keep |= sets::one(i);
        if (!listing_) continue;
        const auto list_at_line = [&](double t, Set on) __attribute__((always_inline)) {
            alignas(64) double values[B * kVec];
            for (int b = 0; b < B; ++b) store(values + b * kVec) = c[b] + t * a[b];
            const double free[2] = {second ? t : values[i], second ? values[i] : t};
            leave(f, sets::one(i) | on, values, free);
        };
        const Set others = sets::below(f.rows) & ~sets::below(faces_) & ~f.on & ~sets::one(i);
        if ((line.cross & others) == 0) list_at_line(0.5 * (line.left + line.right), 0);
        for (Set crossing = line.cross & later; crossing != 0; crossing &= crossing - 1) {
            const int j = sets::first(crossing);
            list_at_line(line.place[j], sets::one(j));
        }
    }
    return total;
}

} // namespace plica

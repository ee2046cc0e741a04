// Points of the parts around flats. Part of flats.cpp.
//
// Nothing here has to be certain but the last step: around a point, the signs of all rows, as they were given.
#pragma once

#include "flats_rows.hpp"

namespace plica {

// The parts around one of a flat's points.
template <int B> INLINE void Flats::list_at(const Flat &f, int point) {
    around(f, 0, f.values + point * B * kVec, f.points + point * ((f.d + kVec - 1) / kVec * kVec));
}

// The parts around a point where row i, which has both signs at points that are known, vanishes: between the
// middles of these points on both sides.
template <int B> INLINE void Flats::list_between(const Flat &f, int i) {
    const int stride = B * kVec, pitch = (f.d + kVec - 1) / kVec * kVec;
    int count[2] = {0, 0};
    for (int p = 0; p < f.n_points; ++p) ++count[f.values[p * stride + i] > 0 ? 1 : 0];
    if (count[0] == 0 || count[1] == 0) return;
    double height[2] = {0, 0};
    for (int p = 0; p < f.n_points; ++p) {
        const double value = f.values[p * stride + i];
        height[value > 0 ? 1 : 0] += value / count[value > 0 ? 1 : 0];
    }
    const double share = height[0] / (height[0] - height[1]); // of those above
    alignas(64) double values[B * kVec] = {}, free[kColumns];
    std::fill(free, free + pitch, 0.0);
    for (int p = 0; p < f.n_points; ++p) {
        const double weight = f.values[p * stride + i] > 0 ? share / count[1] : (1 - share) / count[0];
        for (int b = 0; b < B; ++b) store(values + b * kVec) += weight * load(f.values + p * stride + b * kVec);
        for (int c = 0; c < f.d; c += kVec) store(free + c) += weight * load(f.points + p * pitch + c);
    }
    around(f, sets::one(i), values, free);
}

// The same of a point where row j vanishes too, between the points of row i that pairs tell of.
template <int B>
INLINE void Flats::list_between(const Flat &f, int i, int j, const Pair *pairs, int n_pairs) {
    const int stride = B * kVec, pitch = (f.d + kVec - 1) / kVec * kVec;
    const auto between = [&](const Pair &pair, const auto &at) __attribute__((always_inline)) {
        const auto below = at(pair.below);
        return below + pair.share * (at(pair.above) - below);
    };
    const auto height = [&](const Pair &pair) {
        return between(pair, [&](int p) { return f.values[p * stride + j]; });
    };
    int p = 0, q = 0;
    while (p < n_pairs && !(height(pairs[p]) > 0)) ++p;
    while (q < n_pairs && !(height(pairs[q]) < 0)) ++q;
    if (p == n_pairs || q == n_pairs) return;
    const double up = height(pairs[p]), down = -height(pairs[q]), share = down / (up + down);
    alignas(64) double values[B * kVec], free[kColumns];
    const auto mix = [&](const double *numbers, int step, double *to) __attribute__((always_inline)) {
        const auto at = [&](int k) -> Vec { return load(numbers + k * step); };
        const Vec below = between(pairs[q], at);
        store(to) = below + share * (between(pairs[p], at) - below);
    };
    for (int b = 0; b < B; ++b) mix(f.values + b * kVec, stride, values + b * kVec);
    for (int c = 0; c < f.d; c += kVec) mix(f.points + c, pitch, free + c);
    around(f, sets::one(i) | sets::one(j), values, free);
}

// Whether the parts on any sides of the hyperplanes `on`, of the others on these sides, are all listed.
INLINE bool Flats::all_listed(Set base, Set on) const {
    constexpr Set halves[] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                              0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
    Set within = ~Set{0}; // of a word, the bits of these parts
    for (int i = 0; i < 6; ++i)
        if ((on >> i & 1) == 0) within &= (base >> i & 1) != 0 ? halves[i] : ~halves[i];
    const Set words = on >> 6;
    for (Set chosen = 0;;) {
        if ((within & ~marks_[base >> 6 | chosen]) != 0) return false;
        chosen = (chosen - words) & words; // the next subset
        if (chosen == 0) return true;
    }
}

// Ways off each of some hyperplanes, on which the others stay as they are: the inverse of their rows, in as many
// coordinates. False if there is none.
template <int B> INLINE bool Flats::directions(Set on) {
    const Flat &f = flats_[0];
    const int k = sets::size(on), ld = padded_n(), wide = ld + 2 * kVec, stride = B * kVec;
    if (work_.size() < z(kListed * wide)) {
        work_.resize(z(kListed * wide));
        ways_.resize(z(kListed * ld));
        rates_.resize(z(kListed * kRows));
        from_.resize(z(ld));
        places_.resize(z((kListed + 1) * ld));
    }
    int l = 0, lead[kListed];
    for (Set rest = on; rest != 0; rest &= rest - 1, ++l) {
        double *row = work_.data() + l * wide;
        for (int c = 0; c < n_; ++c) row[c] = f.A[(c + 1) * stride + sets::first(rest)];
        std::fill(row + n_, row + wide, 0.0);
        row[ld + l] = 1.0;
    }
    for (l = 0; l < k; ++l) {
        double *row = work_.data() + l * wide;
        int best = 0;
        for (int c = 1; c < n_; ++c)
            if (std::fabs(row[c]) > std::fabs(row[best])) best = c;
        lead[l] = best;
        if (!(std::fabs(row[best]) > flats::kTiny)) return false;
        const double inverse = 1.0 / row[best];
        for (int c = 0; c < wide; c += kVec) store(row + c) *= inverse;
        for (int m = 0; m < k; ++m) {
            double *other = work_.data() + m * wide;
            const double factor = other[best];
            if (m == l || factor == 0.0) continue;
            for (int c = 0; c < wide; c += kVec) store(other + c) -= factor * load(row + c);
        }
    }
    std::fill(ways_.begin(), ways_.begin() + k * ld, 0.0);
    for (l = 0; l < k; ++l)
        for (int m = 0; m < k; ++m) ways_[z(l * ld + lead[m])] = work_[z(m * wide + ld + l)];
    return true;
}

// The parts around a point of a flat, with the values of its rows and of the coordinates that are left, which may lie
// on more hyperplanes.
template <int B>
INLINE void Flats::around_with(const Flat &f, Set on, const double *values, const double *free) {
    on |= f.on;
    const Set all = sets::below(f.rows) & ~sets::below(faces_), others = all & ~on;
    Set base = 0;
    for (int b = 0; b < B; ++b) base |= above(load(values + b * kVec), Vec{}) << (b * kVec);
    base &= others;
    if (all_listed(base >> faces_, on >> faces_) || !directions<B>(on)) return;
    const Flat &top = flats_[0];
    const int ld = padded_n(), stride = B * kVec;
    double *from = from_.data();
    for (int c = 0; c < n_; ++c)
        if (f.row_of[c] >= 0) from[c] = values[f.row_of[c]];
    for (int c = 0; c < f.d; ++c) from[f.coordinate[c]] = free[c];
    std::fill(from + n_, from + ld, 0.0);
    // Steps end where other rows are half of what they are here, at least; of an error, what rounding adds to a place
    // and to a row is less than half.
    Vec value[B], inverse[B], moved[B]; // inverse: of what there is before another row vanishes
    evaluate<B>(top, from, value);
    Set now = 0;
    for (int b = 0; b < B; ++b) {
        const Set own = (on | ~sets::below(f.rows)) >> (b * kVec) & 0xff, faces = sets::below(faces_) >> (b * kVec) & 0xff;
        const Vec size = absolute(value[b]), error = load(top.error + b * kVec);
        if ((above(size, 2 * error) | own) != 0xff || (above(-value[b], Vec{}) & faces) != 0) return;
        now |= above(value[b], Vec{}) << (b * kVec);
        moved[b] = size + error;
        inverse[b] = among(static_cast<std::uint32_t>(~own), 1.0 / size);
    }
    if ((now & others) != base) return;
    const int k = sets::size(on);
    alignas(64) double step[kListed];
    for (int l = 0; l < k; ++l) { // what each way does to all rows
        const double *way = ways_.data() + l * ld;
        Vec rate[B]{}, most{}, guard{};
        const auto note = [&](const Vec &share) __attribute__((always_inline)) {
            most = most < share ? share : most;
            guard += share; // not a number, if one of them is not
        };
        for (int c = 0; c < n_; ++c) {
            if (way[c] == 0.0) continue;
            for (int b = 0; b < B; ++b) rate[b] += way[c] * load(top.A + (c + 1) * stride + b * kVec);
        }
        for (int c = 0; c < ld; c += kVec) {
            const Vec room = load(bound_ + c) - absolute(load(from + c));
            if (above(room, Vec{} + 64 * kUnit) != 0xff) return; // of which rounding takes far less than half
            note(absolute(load(way + c)) / room);
        }
        for (int b = 0; b < B; ++b) {
            store(rates_.data() + l * stride + b * kVec) = rate[b];
            note(absolute(rate[b]) * inverse[b]);
        }
        if (above(Vec{} + DBL_MAX, guard) != 0xff) return;
        step[l] = 0.5 / (k * largest(most));
        for (int b = 0; b < B; ++b) moved[b] += step[l] * absolute(rate[b]);
    }
    // what a step off a hyperplane changes there is more than all the rest
    alignas(64) double rest_of[B * kVec];
    for (int b = 0; b < B; ++b) store(rest_of + b * kVec) = moved[b];
    int l = 0;
    for (Set rest = on; rest != 0; rest &= rest - 1, ++l)
        if (!(2 * step[l] * rates_[z(l * stride + sets::first(rest))] > rest_of[sets::first(rest)])) return;
    // Backwards on each way, or forwards where the bit of i is set. Place l is where the ways from l on end, if those
    // before go backwards; known from `known` on.
    double *places = places_.data(), *start = places + k * ld;
    std::copy(from, from + ld, start);
    for (l = 0; l < k; ++l)
        for (int c = 0; c < ld; c += kVec) {
            store(ways_.data() + l * ld + c) *= step[l];
            store(start + c) -= load(ways_.data() + l * ld + c);
        }
    Set chosen = 0;
    int known = k;
    for (std::uint32_t i = 0;;) {
        const Set part = (base | chosen) >> faces_, bit = Set{1} << (part % 64);
        if ((marks_[part / 64] & bit) == 0) {
            marks_[part / 64] |= bit;
            for (; known > 0; --known) {
                const double *now = places + known * ld, *way = ways_.data() + (known - 1) * ld;
                const double twice = (i >> (known - 1) & 1) != 0 ? 2.0 : 0.0;
                for (int c = 0; c < ld; c += kVec) store(places + (known - 1) * ld + c) = load(now + c) + twice * load(way + c);
            }
            const std::size_t at = listed_.size() * z(ld);
            if (listed_points_.size() < at + z(ld)) listed_points_.resize(2 * (at + z(ld)));
            for (int c = 0; c < ld; c += kVec) store(listed_points_.data() + at + z(c)) = load(places + c);
            listed_.push_back(static_cast<std::uint32_t>(part));
        }
        chosen = (chosen - on) & on; // the next subset
        if (chosen == 0) break;
        known = std::max(known, 1 + __builtin_ctz(++i));
    }
}

CLONES void Flats::around1(const Flat &f, Set on, const double *values, const double *free) {
    around_with<1>(f, on, values, free);
}
CLONES void Flats::around2(const Flat &f, Set on, const double *values, const double *free) {
    around_with<2>(f, on, values, free);
}
CLONES void Flats::around3(const Flat &f, Set on, const double *values, const double *free) {
    around_with<3>(f, on, values, free);
}
CLONES void Flats::around4(const Flat &f, Set on, const double *values, const double *free) {
    around_with<4>(f, on, values, free);
}
CLONES void Flats::around8(const Flat &f, Set on, const double *values, const double *free) {
    around_with<8>(f, on, values, free);
}

void Flats::around(const Flat &f, Set on, const double *values, const double *free) {
    switch (f.blocks) {
    case 1: return around1(f, on, values, free);
    case 2: return around2(f, on, values, free);
    case 3: return around3(f, on, values, free);
    case 4: return around4(f, on, values, free);
    default: return around8(f, on, values, free);
    }
}

} // namespace plica

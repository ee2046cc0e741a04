// Points of the parts around flats. Part of flats.cpp.
//
// Points and directions are guides; what is certain is what `steps` finds, from the rows as they were given.
#pragma once

#include "flats_rows.hpp"

namespace plica {

namespace flats {
// So much of the room around a point is used: of twice an error, more than half an error is left.
inline constexpr double kFar = 0.7;
} // namespace flats

// The parts around one of a flat's points.
template <int B> INLINE void Flats::list_at(const Flat &f, int point) {
    const double *values = f.values + point * B * kVec;
    if (wanted(f, 0, values)) around(f, 0, values, f.points + point * ((f.d + kVec - 1) / kVec * kVec));
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
    const auto weight = [&](int p) { return f.values[p * stride + i] > 0 ? share / count[1] : (1 - share) / count[0]; };
    for (int p = 0; p < f.n_points; ++p)
        for (int b = 0; b < B; ++b) store(values + b * kVec) += weight(p) * load(f.values + p * stride + b * kVec);
    if (!wanted(f, sets::one(i), values)) return;
    std::fill(free, free + pitch, 0.0);
    for (int p = 0; p < f.n_points; ++p)
        for (int c = 0; c < f.d; c += kVec) store(free + c) += weight(p) * load(f.points + p * pitch + c);
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
    if (!wanted(f, sets::one(i) | sets::one(j), values)) return;
    for (int c = 0; c < f.d; c += kVec) mix(f.points + c, pitch, free + c);
    around(f, sets::one(i) | sets::one(j), values, free);
}

// One more hyperplane after the first k: the ways off each of them, along which the others stay as they are, in the span
// of their rows, and what each way does to all rows of the whole.
template <int B> INLINE bool Flats::extend(int k, int row) {
    const Flat &f = flats_[0];
    const int ld = padded_n(), stride = B * kVec;
    double *normal = normals_.data() + k * ld;
    for (int c = 0; c < n_; ++c) normal[c] = f.A[(c + 1) * stride + row];
    std::fill(normal + n_, normal + ld, 0.0);
    const double *ways = ways_.data() + before(k) * z(ld), *rates = rates_.data() + before(k) * z(stride);
    double *now = ways_.data() + before(k + 1) * z(ld), *now_rates = rates_.data() + before(k + 1) * z(stride);
    double *way = now + k * ld, *rate = now_rates + k * stride;
    Vec square{};
    for (int c = 0; c < ld; c += kVec) {
        Vec sum = load(normal + c);
        for (int l = 0; l < k; ++l) sum -= rates[l * stride + row] * load(normals_.data() + l * ld + c);
        store(way + c) = sum;
        square += sum * load(normal + c);
    }
    const double inverse = 1.0 / sum_of(square);
    if (!(std::fabs(inverse) < 1 / flats::kTiny)) return false;
    for (int c = 0; c < ld; c += kVec) store(way + c) *= inverse;
    Vec own[B]{};
    for (int c = 0; c < n_; ++c)
        for (int b = 0; b < B; ++b) own[b] += way[c] * load(f.A + (c + 1) * stride + b * kVec);
    for (int b = 0; b < B; ++b) store(rate + b * kVec) = own[b];
    for (int l = 0; l < k; ++l) {
        const double change = rates[l * stride + row];
        for (int c = 0; c < ld; c += kVec) store(now + l * ld + c) = load(ways + l * ld + c) - change * load(way + c);
        for (int b = 0; b < B; ++b) store(now_rates + l * stride + b * kVec) = load(rates + l * stride + b * kVec) - change * own[b];
    }
    off_[k] = row;
    return true;
}

// The ways off the first k hyperplanes of the current flat.
template <int B> INLINE bool Flats::ways_off(int k) {
    int known = k;
    while (known > 0 && !known_[known]) --known;
    for (; known < k; ++known) {
        if (!extend<B>(known, gone_[known])) return false;
        known_[known + 1] = true;
    }
    return true;
}

// Steps off each of the first k hyperplanes, from a point that lies on them. All steps together change no other row by more
// than a share kFar of what it is; of an error, what rounding adds to a place and to a row is less than half.
// (Beside the coefficients' errors, at most (4 n + 8) kUnit S; see Flats::set_row.)
template <int B> INLINE bool Flats::steps(int k, Set on, Set base) {
    const Flat &top = flats_[0];
    const int ld = padded_n(), stride = B * kVec;
    const double *from = from_.data(), *ways = ways_.data() + before(k) * z(ld);
    double *rates = rates_.data() + before(k) * z(stride);
    Vec value[B], inverse[B], moved[B]; // inverse: of what there is before another row vanishes
    evaluate<B>(top, from, value);
    Set now = 0;
    for (int b = 0; b < B; ++b) {
        const Set own = (on | ~sets::below(top.rows)) >> (b * kVec) & 0xff, faces = sets::below(faces_) >> (b * kVec) & 0xff;
        const Vec size = absolute(value[b]), error = load(top.error + b * kVec);
        if ((above(size, 2 * error) | own) != 0xff || (above(-value[b], Vec{}) & faces) != 0) return false;
        now |= above(value[b], Vec{}) << (b * kVec);
        moved[b] = size + 0.5 * error;
        inverse[b] = among(static_cast<std::uint32_t>(~own), 1.0 / size);
    }
    if ((now & ~on & ~sets::below(faces_) & sets::below(top.rows)) != base) return false;
    alignas(64) double step[kListed], start[kColumns], rest[B * kVec], used[kColumns], tight[kColumns];
    for (int c = 0; c < ld; c += kVec) {
        const Vec room = load(bound_ + c) - absolute(load(from + c));
        if (above(room, Vec{} + 256 * kUnit) != 0xff) return false; // of which rounding takes far less
        store(tight + c) = 1.0 / room;
        store(used + c) = Vec{};
    }
    Vec used_by[B]{};
    for (int l = 0; l < k; ++l) { // each way has the same share of what it has alone
        const double *way = ways + l * ld;
        double *rate = rates + l * stride;
        Vec most{}, change[B]{}; // afresh: steps taken to get here are not in its error
        for (int c = 0; c < n_; ++c)
            for (int b = 0; b < B; ++b) change[b] += way[c] * load(top.A + (c + 1) * stride + b * kVec);
        for (int b = 0; b < B; ++b) store(rate + b * kVec) = change[b];
        for (int c = 0; c < ld; c += kVec) {
            const Vec share = absolute(load(way + c)) * load(tight + c);
            most = most < share ? share : most;
        }
        for (int b = 0; b < B; ++b) {
            const Vec share = absolute(change[b]) * inverse[b];
            most = most < share ? share : most;
        }
        step[l] = 1 / largest(most);
        for (int c = 0; c < ld; c += kVec) store(used + c) += step[l] * (absolute(load(way + c)) * load(tight + c));
        for (int b = 0; b < B; ++b) used_by[b] += step[l] * (absolute(change[b]) * inverse[b]);
    }
    Vec most{}, sum{};
    const auto note = [&](const Vec &share) __attribute__((always_inline)) {
        most = most < share ? share : most;
        sum += share; // not a number, if one of them is not
    };
    for (int c = 0; c < ld; c += kVec) note(load(used + c));
    for (int b = 0; b < B; ++b) note(used_by[b]);
    if (above(Vec{} + DBL_MAX, sum) != 0xff) return false;
    const double part = flats::kFar / largest(most);
    std::copy(from, from + ld, start);
    for (int l = 0; l < k; ++l) {
        step[l] *= part;
        for (int b = 0; b < B; ++b) moved[b] += step[l] * absolute(load(rates + l * stride + b * kVec));
        for (int c = 0; c < ld; c += kVec) store(start + c) -= step[l] * load(ways + l * ld + c);
    }
    for (int b = 0; b < B; ++b) store(rest + b * kVec) = moved[b];
    for (int l = 0; l < k; ++l) // what a step off a hyperplane changes there is more than all the rest
        if (!(2 * step[l] * rates[l * stride + off_[l]] > rest[off_[l]])) return false;
    std::copy(start, start + ld, from_.data()); // from which all steps go the same way
    for (int l = 0; l < k; ++l)
        for (int c = 0; c < ld; c += kVec) store(steps_.data() + l * ld + c) = 2 * step[l] * load(ways + l * ld + c);
    return true;
}

// Whether parts around a point of a flat, which may lie on more hyperplanes, are still to be listed, by the values of all
// rows there: which ones.
CLONES bool Flats::wanted(const Flat &f, Set more, const double *values) {
    constexpr Set halves[] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                              0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
    const Set on = f.on | more;
    base_ = 0;
    for (int b = 0; b < f.blocks; ++b) base_ |= above(load(values + b * kVec), Vec{}) << (b * kVec);
    base_ &= sets::below(f.rows) & ~sets::below(faces_) & ~on;
    Set within = ~Set{0}; // of a word of marks, the bits of these parts
    for (int i = 0; i < 6; ++i) {
        const Set half = (base_ >> faces_ >> i & 1) != 0 ? halves[i] : ~halves[i];
        within &= half | -(on >> faces_ >> i & 1);
    }
    const Set words = on >> faces_ >> 6, first = base_ >> faces_ >> 6, *marks = marks_.data();
    n_wanted_ = 0;
    for (Set chosen = 0;;) {
        const Set word = first | chosen, missing = within & ~marks[word];
        wanted_[n_wanted_] = {word, missing};
        n_wanted_ += missing != 0 ? 1 : 0;
        chosen = (chosen - words) & words; // the next subset
        if (chosen == 0) return n_wanted_ > 0;
    }
}

// The parts around a point that are wanted.
template <int B>
INLINE void Flats::around_with(const Flat &f, Set more, const double *values, const double *free) {
    const Set on = f.on | more;
    const int ld = padded_n(), k = sets::size(on);
    double *from = from_.data();
    for (int c = 0; c < n_; ++c)
        if (f.row_of[c] >= 0) from[c] = values[f.row_of[c]];
    for (int c = 0; c < f.d; ++c) from[f.coordinate[c]] = free[c];
    int first = sets::size(f.on);
    if (!ways_off<B>(first)) return;
    for (Set rest = more & ~f.on; rest != 0; rest &= rest - 1, ++first) {
        known_[first + 1] = false;
        if (!extend<B>(first, sets::first(rest))) return;
    }
    if (!steps<B>(k, on, base_)) return;
    const double *steps = steps_.data();
    for (int i = 0; i < n_wanted_; ++i) {
        const auto [word, missing] = wanted_[z(i)];
        marks_[word] |= missing;
        const std::size_t found = z(sets::size(missing));
        std::uint32_t *next = listed_.more(found);
        double *point = nullptr;
        if (target_.points != nullptr) {
            point = target_.points->room(found * z(n_) + kVec);
            target_.points->take(found * z(n_));
        }
        for (Set rest = missing; rest != 0; rest &= rest - 1) {
            const Set part = word * 64 + static_cast<Set>(sets::first(rest));
            *next++ = static_cast<std::uint32_t>(part);
            if (point == nullptr) continue;
            for (int c = 0; c < n_; c += kVec) {
                Vec sum = load(from + c);
                for (int l = 0; l < k; ++l) { // no branch: it could go either way
                    const Lanes all = Lanes{} - static_cast<long long>(part >> (off_[l] - faces_) & 1);
                    sum += reinterpret_cast<Vec>(reinterpret_cast<Lanes>(load(steps + l * ld + c)) & all);
                }
                const Vec low = load(target_.least + c), high = load(target_.most + c);
                Vec place = load(target_.middle + c) + load(target_.half + c) * sum;
                place = place < low ? low : place;
                place = place > high ? high : place;
                spill(point + c, place);
            }
            point += n_;
        }
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

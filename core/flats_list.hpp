// Points of the parts around flats. Part of flats.cpp.
//
// The search leaves a point of each flat that no other hyperplane cuts. When it is over, the parts around these points are
// listed, those on many hyperplanes first: they have the most parts, and little is left for the others.
//
// Points and directions are guides; what is certain is what `steps` finds, from the rows as they were given.
#pragma once

#include <utility>

#include "flats_rows.hpp"

namespace plica {

namespace flats {
// So much of the room around a point is used: of twice an error, more than half an error is left.
inline constexpr double kFar = 0.7;
} // namespace flats

// One of a flat's points.
template <int B> INLINE void Flats::list_at(const Flat &f, int point) {
    leave(f, 0, f.values + point * B * kVec, f.points + point * ((f.d + kVec - 1) / kVec * kVec));
}

// A point where row i, which has both signs at points that are known, vanishes: between the highest and the lowest of them.
template <int B> INLINE void Flats::list_between(const Flat &f, int i) {
    const int stride = B * kVec, pitch = (f.d + kVec - 1) / kVec * kVec;
    int p = 0, q = 0;
    for (int k = 1; k < f.n_points; ++k) {
        p = f.values[k * stride + i] > f.values[p * stride + i] ? k : p;
        q = f.values[k * stride + i] < f.values[q * stride + i] ? k : q;
    }
    const double up = f.values[p * stride + i], down = -f.values[q * stride + i];
    if (!(up > 0) || !(down > 0)) return;
    const double share = down / (up + down);
    alignas(64) double values[B * kVec], free[kColumns];
    const auto mix = [&](const double *numbers, int step, double *to) __attribute__((always_inline)) {
        const Vec below = load(numbers + q * step);
        store(to) = below + share * (load(numbers + p * step) - below);
    };
    for (int b = 0; b < B; ++b) mix(f.values + b * kVec, stride, values + b * kVec);
    for (int c = 0; c < f.d; c += kVec) mix(f.points + c, pitch, free + c);
    leave(f, sets::one(i), values, free);
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
    leave(f, sets::one(i) | sets::one(j), values, free);
}

// A point of a flat, with the values of its rows and of the coordinates that are left, which may lie on more hyperplanes.
CLONES void Flats::leave(const Flat &f, Set more, const double *values, const double *free) {
    const Set on = f.on | more;
    Set base = 0;
    for (int b = 0; b < f.blocks; ++b) base |= above(load(values + b * kVec), Vec{}) << (b * kVec);
    const std::size_t at = left_.size() * z(padded_n());
    left_.push_back({on, base & sets::below(f.rows) & ~sets::below(faces_) & ~on});
    if (left_points_.size() < at + z(padded_n())) left_points_.resize(2 * (at + z(padded_n())));
    double *from = left_points_.data() + at;
    for (int c = 0; c < n_; c += kVec) store(from + c) = gather_some(values, f.row_of + c);
    for (int c = 0; c < f.d; ++c) from[f.coordinate[c]] = free[c];
}

// One more hyperplane after the first k: the ways off each of them, along which the others stay as they are, in the span
// of their rows.
INLINE bool Flats::extend(int k, int row) {
    const int ld = padded_n();
    const double *normal = normals_.data() + row * ld;
    double *ways = ways_.data(), *way = ways + k * ld, change[kListed];
    for (int l = 0; l < k; ++l) {
        Vec sum{};
        for (int c = 0; c < ld; c += kVec) sum += load(ways + l * ld + c) * load(normal + c);
        change[l] = sum_of(sum);
    }
    Vec square{};
    for (int c = 0; c < ld; c += kVec) {
        Vec sum = load(normal + c);
        for (int l = 0; l < k; ++l) sum -= change[l] * load(normals_.data() + off_[l] * ld + c);
        store(way + c) = sum;
        square += sum * load(normal + c);
    }
    const double inverse = 1.0 / sum_of(square);
    if (!(std::fabs(inverse) < 1 / flats::kTiny)) return false;
    for (int c = 0; c < ld; c += kVec) {
        store(way + c) *= inverse;
        for (int l = 0; l < k; ++l) store(ways + l * ld + c) -= change[l] * load(way + c);
    }
    off_[k] = row;
    return true;
}

// Steps off each of the first k hyperplanes, from a point that lies on them. All steps together change no other row by more
// than a share kFar of what it is; of its error, what rounding adds is less than half (see Flats::set_row).
template <int B> INLINE bool Flats::steps(int k, Set on, Set base) {
    const Flat &top = flats_[0];
    const int ld = padded_n(), stride = B * kVec;
    const double *from = from_.data(), *ways = ways_.data();
    double *rates = rates_.data();
    Vec value[B], inverse[B], moved[B]; // inverse: of what there is before another row vanishes
    evaluate<B>(top, from, value);
    Set now = 0;
    for (int b = 0; b < B; ++b) {
        const Set own = (on | ~sets::below(top.rows)) >> (b * kVec) & 0xff, faces = sets::below(faces_) >> (b * kVec) & 0xff;
        const Vec size = absolute(value[b]), error = load(given_ + b * kVec);
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
        Vec most{}, change[B]{};
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

// Whether parts around a point are still to be listed: which ones. Eight words of marks lie side by side.
bool Flats::wanted(Set on, Set base) {
    constexpr Set halves[] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                              0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
    on >>= faces_;
    base >>= faces_;
    Set bits = ~Set{0}; // of a word, those of these parts
    for (int i = 0; i < 6; ++i) {
        const Set half = (base >> i & 1) != 0 ? halves[i] : ~halves[i];
        bits &= half | -(on >> i & 1);
    }
    const Places lane = Places{0, 1, 2, 3, 4, 5, 6, 7}, other = (lane ^ (base >> 6)) & ~(on >> 6) & 7;
    const Places within = other == 0 ? Places{} + bits : Places{};
    const Set rows = on >> 9, first = base >> 9;
    n_wanted_ = 0;
    for (Set chosen = 0;;) {
        const Set row = first | chosen;
        const Places missing = within & ~reinterpret_cast<const Places &>(marks_[row * kVec]);
        for (std::uint32_t rest = nonzero(missing); rest != 0; rest &= rest - 1) {
            const int at = sets::first(rest);
            wanted_[n_wanted_++] = {row * kVec + z(at), missing[at]};
        }
        chosen = (chosen - rows) & rows; // the next subset
        if (chosen == 0) return n_wanted_ > 0;
    }
}

// The parts around a point that are wanted.
template <int B> INLINE void Flats::around_with(Set on, Set base, const double *point_of_flat) {
    const int ld = padded_n(), k = sets::size(on);
    const double *from = from_.data();
    std::copy(point_of_flat, point_of_flat + ld, from_.data());
    int first = 0;
    for (Set rest = on; rest != 0; rest &= rest - 1)
        if (!extend(first++, sets::first(rest))) return;
    if (!steps<B>(k, on, base)) return;
    // sums of the steps off hyperplanes that tell the parts of a word of marks apart, at these parts
    const double *steps = steps_.data();
    double *sums = sums_.data(), *others = sums + 64 * ld; // and where those off the others lead
    const auto bit_of = [&](int l) { return off_[l] - faces_; };
    int inner = 0, lows[64], n_lows = 1; // so many of these hyperplanes
    while (inner < k && bit_of(inner) < 6) ++inner;
    if (target_.points != nullptr) {
        lows[0] = static_cast<int>(base >> faces_ & 63);
        std::fill(sums + lows[0] * ld, sums + (lows[0] + 1) * ld, 0.0);
        for (int l = 0; l < inner; ++l, n_lows *= 2)
            for (int i = 0; i < n_lows; ++i) {
                const double *sum = sums + lows[i] * ld;
                lows[n_lows + i] = lows[i] | 1 << bit_of(l);
                double *more = sums + lows[n_lows + i] * ld;
                for (int c = 0; c < ld; c += kVec) store(more + c) = load(sum + c) + load(steps + l * ld + c);
            }
    }
    const auto [middle, half, least, most, column] = target_;
    for (int i = 0; i < n_wanted_; ++i) {
        const auto [word, missing] = wanted_[z(i)];
        marks_[word] |= missing;
        const std::size_t found = z(sets::size(missing));
        std::uint32_t *next = listed_.more(found);
        for (Set rest = missing; rest != 0; rest &= rest - 1)
            *next++ = static_cast<std::uint32_t>(word * 64) | static_cast<std::uint32_t>(sets::first(rest));
        if (column == nullptr) continue;
        for (int c = 0; c < ld; c += kVec) {
            Vec sum = load(from + c);
            for (int l = inner; l < k; ++l) { // no branch: it could go either way
                const Lanes all = Lanes{} - static_cast<long long>(word >> (bit_of(l) - 6) & 1);
                sum += reinterpret_cast<Vec>(reinterpret_cast<Lanes>(load(steps + l * ld + c)) & all);
            }
            store(others + c) = sum;
        }
        double *point = column->room(found * z(n_) + kVec);
        column->take(found * z(n_));
        for (Set rest = missing; rest != 0; rest &= rest - 1, point += n_) {
            const double *sum = sums + sets::first(rest) * ld;
            for (int c = 0; c < n_; c += kVec) {
                Vec place = load(middle + c) + load(half + c) * (load(others + c) + load(sum + c));
                place = place < load(least + c) ? load(least + c) : place;
                place = place > load(most + c) ? load(most + c) : place;
                spill(point + c, place);
            }
        }
    }
}

CLONES void Flats::around1(Set on, Set base, const double *point) {
    around_with<1>(on, base, point);
}
CLONES void Flats::around2(Set on, Set base, const double *point) {
    around_with<2>(on, base, point);
}
CLONES void Flats::around3(Set on, Set base, const double *point) {
    around_with<3>(on, base, point);
}
CLONES void Flats::around4(Set on, Set base, const double *point) {
    around_with<4>(on, base, point);
}
CLONES void Flats::around8(Set on, Set base, const double *point) {
    around_with<8>(on, base, point);
}

void Flats::around(Set on, Set base, const double *point) {
    switch (flats_[0].blocks) {
    case 1: return around1(on, base, point);
    case 2: return around2(on, base, point);
    case 3: return around3(on, base, point);
    case 4: return around4(on, base, point);
    default: return around8(on, base, point);
    }
}

// The parts around the points that the search has left, until so many are found.
void Flats::list_around(std::size_t count) {
    const Flat &top = flats_[0];
    const int ld = padded_n();
    for (int r = faces_; r < top.rows; ++r)
        for (int c = 0; c < ld; ++c) normals_[z(r * ld + c)] = c < n_ ? top.A[(c + 1) * top.blocks * kVec + r] : 0.0;
    std::size_t next[kListed + 1] = {}, n = 0; // where the points on so many hyperplanes come
    for (const Left &left : left_) ++next[sets::size(left.on)];
    for (int k = kListed; k >= 0; --k) n += std::exchange(next[k], n);
    order_.resize(left_.size());
    for (std::size_t i = 0; i < left_.size(); ++i) order_[next[sets::size(left_[i].on)]++] = static_cast<std::uint32_t>(i);
    for (const std::uint32_t i : order_) {
        if (listed_.size() == count) return;
        if (wanted(left_[i].on, left_[i].base)) around(left_[i].on, left_[i].base, left_points_.data() + i * z(ld));
    }
}

} // namespace plica

// The simplex dictionary of a flat: a guide to where a hyperplane's row may be positive. Part of flats.cpp.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "flats.hpp"
#include "walk_common.hpp"

namespace plica {

namespace flats {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kFlat = 1e-12;   // reduced costs below are taken for zero
inline constexpr double kTiny = 1e-10;   // and so are entries of the tableau
inline constexpr double kLoose = 1e-12;  // what a basic variable may be beyond its bound
inline constexpr double kEnough = 1e-13; // a walk ends where its functional is above

} // namespace flats

INLINE void Flats::copy_codes(int *to, const int *from, int n) {
    for (int i = 0; i < n; i += 16) *reinterpret_cast<Lanes *>(to + i) = *reinterpret_cast<const Lanes *>(from + i);
}

// The column in which sign * row grows the most, or -1. Positive numbers are in the order of their bits,
// of which the last ones make room for the column.
template <int B> INLINE int Flats::steepest(const double *row, int d, double sign, double &best) const {
    constexpr std::int64_t room = 1023;
    const auto bits = [](double value) __attribute__((always_inline)) {
        std::int64_t found = 0;
        std::memcpy(&found, &value, sizeof found);
        return found;
    };
    const std::int64_t turn = bits(sign) & std::numeric_limits<std::int64_t>::min(), least = bits(flats::kFlat) | room;
    std::int64_t top = least;
    for (int c = 0; c < d; ++c) {
        const std::int64_t key = ((bits(row[c * B * kVec]) ^ turn) & ~room) | c;
        top = key > top ? key : top;
    }
    if (top == least) return -1;
    const int e = static_cast<int>(top & room);
    best = sign * row[e * B * kVec];
    return e;
}

// The row that stops column e, or -1: its variable grows by `own`, to its other bound. Of rows that stop
// it almost together, the one whose pivot is the largest.
template <int B> INLINE int Flats::ratio(const Flat &f, int e, double own, double &step) const {
    const double *column = f.T + (e + 1) * B * kVec;
    const Vec inf = Vec{} + flats::kInfinity;
    Vec best = inf, speeds[B], rooms[B];
    for (int b = 0; b < B; ++b) {
        const Vec a = load(column + b * kVec), value = load(f.T + b * kVec), speed = absolute(a);
        const Vec space = a < 0 ? value - load(f.least + b * kVec) : load(f.most + b * kVec) - value;
        const Vec room = space > 0 ? space : Vec{};
        const Lanes moves = speed > flats::kTiny;
        speeds[b] = speed;
        rooms[b] = moves ? room : inf;
        const Vec t = rooms[b] / speed;
        best = t < best ? t : best;
    }
    step = -largest(-best);
    if (!(step < own)) {
        step = own;
        return -1;
    }
    const double reach = step * (1 + 8 * kUnit); // at least the row that stops it is near
    Set near = 0;
    for (int b = 0; b < B; ++b) near |= (above(rooms[b], reach * speeds[b] + flats::kLoose) ^ 0xff) << (b * kVec);
    int row = sets::first(near);
    if ((near & (near - 1)) == 0) return row;
    alignas(64) double room[B * kVec], speed[B * kVec];
    for (int b = 0; b < B; ++b) {
        store(room + b * kVec) = rooms[b];
        store(speed + b * kVec) = speeds[b];
    }
    for (Set rest = near & (near - 1); rest != 0; rest &= rest - 1)
        if (speed[sets::first(rest)] > speed[row]) row = sets::first(rest);
    step = room[row] / speed[row];
    return row;
}

template <int B> INLINE void Flats::flip(Flat &f, int e) const {
    double *column = f.T + (e + 1) * B * kVec;
    for (int b = 0; b < B; ++b) {
        store(f.T + b * kVec) += 2.0 * load(column + b * kVec);
        store(column + b * kVec) = -load(column + b * kVec);
    }
    f.nonbasic[e] ^= 1;
}

template <int B> INLINE void Flats::pivot(Flat &f, int i, int e) const {
    double *entering = f.T + (e + 1) * B * kVec;
    const double p = entering[i], inverse = 1.0 / p;
    const bool rises = p > 0;
    const double step = ((rises ? f.most[i] : 0.0) - f.T[i]) * inverse;
    Vec old[B];
    Lanes here[B];
    for (int b = 0; b < B; ++b) {
        old[b] = load(entering + b * kVec);
        here[b] = kLane + b * kVec == i;
        const Vec value = load(f.T + b * kVec) + step * old[b];
        store(f.T + b * kVec) = here[b] ? Vec{} + step : value;
    }
    double *column = f.T + B * kVec;
    for (int c = 0; c < f.d; ++c, column += B * kVec) {
        if (c == e) continue;
        const double factor = -column[i] * inverse;
        for (int b = 0; b < B; ++b) {
            const Vec now = load(column + b * kVec) + factor * old[b];
            store(column + b * kVec) = here[b] ? Vec{} + factor : now;
        }
    }
    // the leaving variable is measured from the bound that it meets
    const double unit = rises ? -inverse : inverse;
    for (int b = 0; b < B; ++b) store(entering + b * kVec) = here[b] ? Vec{} + unit : unit * old[b];
    const int out = f.basic[i] ^ (rises ? 1 : 0), in = f.nonbasic[e];
    f.basic[i] = in;
    f.nonbasic[e] = out;
    f.most[i] = in < 2 * n_ ? 2.0 : flats::kInfinity;
    f.where[in / 2] = i;
    f.where[out / 2] = -1 - e;
}

// Follow edges on which sign * row grows until it is positive: at a vertex, or on the edge that is then
// not followed to its end.
template <int B> INLINE Flats::Answer Flats::climb(Flat &f, int row, double sign, Edge &edge) {
    for (int left = 40 + 4 * (f.rows + f.d); left > 0; --left) {
        edge = {-1, 0.0, sign * f.T[row]};
        if (edge.height > flats::kEnough) return Answer::yes;
        double best = 0;
        const int e = steepest<B>(f.T + B * kVec + row, f.d, sign, best);
        if (e < 0) return Answer::no;
        double step = 0;
        const int i = ratio<B>(f, e, f.nonbasic[e] < 2 * n_ ? 2.0 : flats::kInfinity, step);
        if (edge.height + best * step > flats::kEnough) {
            edge = {e, step, edge.height + best * step};
            return Answer::yes;
        }
        ++pivots;
        if (i < 0)
            flip<B>(f, e);
        else
            pivot<B>(f, i, e);
    }
    return Answer::open;
}

// The dictionary of the flat where row i vanishes: on an edge where the row changes its sign, it goes to
// zero and stays there.
template <int B> INLINE bool Flats::descend(Flat &f, Flat &to, int i) {
    const int stride = B * kVec, d = f.d;
    Edge edge;
    if (climb<B>(f, i, f.T[i] > 0 ? -1.0 : 1.0, edge) != Answer::yes || edge.entering < 0) return false;
    const int e = edge.entering, in = f.nonbasic[e];
    const double *entering = f.T + (e + 1) * stride;
    const double inverse = 1.0 / entering[i], step = -f.T[i] * inverse;
    Vec old[B];
    Lanes here[B];
    for (int b = 0; b < B; ++b) {
        const int at = b * kVec;
        old[b] = load(entering + at);
        here[b] = kLane + at == i;
        const Vec value = load(f.T + at) + step * old[b];
        store(to.T + at) = here[b] ? Vec{} + step : value;
        store(to.least + at) = here[b] ? Vec{} : load(f.least + at);
        store(to.most + at) = here[b] ? Vec{} + (in < 2 * n_ ? 2.0 : flats::kInfinity) : load(f.most + at);
    }
    copy_codes(to.where, f.where, n_);
    copy_codes(to.basic, f.basic, f.rows);
    to.basic[i] = in;
    to.where[in / 2] = i;
    int left = 0;
    for (int c = 0; c < d; ++c) {
        if (c == e) continue;
        const double *column = f.T + (c + 1) * stride;
        const double factor = -column[i] * inverse;
        const int code = f.nonbasic[c];
        to.nonbasic[left++] = code;
        to.where[code / 2] = -left;
        double *now = to.T + left * stride;
        for (int b = 0; b < B; ++b) {
            const Vec sum = load(column + b * kVec) + factor * old[b];
            store(now + b * kVec) = here[b] ? Vec{} + factor : sum;
        }
    }
    return true;
}

// A coordinate at the current vertex, or at the end of the edge.
INLINE double Flats::place(const Flat &f, const Edge &edge, int coordinate) const {
    // without jumps that nobody can foresee; at a vertex, the step is zero
    const int at = f.where[coordinate], row = at < 0 ? 0 : at, column = at < 0 ? -1 - at : 0;
    const double moved = f.T[row] + edge.step * f.T[(edge.entering + 1) * f.blocks * kVec + row],
                 t = at < 0 ? (column == edge.entering ? edge.step : 0.0) : moved;
    const int code = *(at < 0 ? f.nonbasic + column : f.basic + row);
    return (1 - 2 * (code & 1)) * (t - 1.0);
}

} // namespace plica

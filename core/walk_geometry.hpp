// The cells of a walk: signs at vertices, and the two parts along a line. Part of walk.cpp.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "walk.hpp"
#include "walk_common.hpp"

namespace plica {

template <int D> Points Walk<D>::gather(const Cell &cell) {
    if (xs_.size() < z(cell.n)) {
        xs_.resize(z(2 * cell.n));
        ys_.resize(z(2 * cell.n));
    }
    Points points{cell.n, xs_.data(), ys_.data(), 0.0};
    for (int i = 0; i < cell.n; ++i) {
        const Vertex &v = arena_[cell.at + i];
        xs_[z(i)] = v.p[0];
        ys_[z(i)] = D == 2 ? v.p[D - 1] : 0.0;
        points.rho = v.rho > points.rho ? v.rho : points.rho;
    }
    return points;
}

// Extremes of a row over the points, and the margin beyond which a sign is certain.
template <int D>
typename Walk<D>::Range Walk<D>::range(const double *row, std::size_t stride, double tolerance,
                                       const Points &points) const {
    Range r{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.0};
    double size = 0;
    for (int c = 0; c < D; ++c) size += std::fabs(row[z(c) * stride]);
    for (int p = 0; p < points.n; ++p) {
        const double value = row[0] * points.x[p] + (D == 2 ? row[stride] * points.y[p] : 0.0) + row[D * stride];
        r.low = value < r.low ? value : r.low;
        r.high = value > r.high ? value : r.high;
    }
    r.margin = options_.filter * (tolerance + size * points.rho);
    return r;
}

// Shrink the pieces lo..hi of a scalar unit to those that the range may meet. NaN shrinks nothing.
template <int D>
void Walk<D>::narrow(const double *breakpoints, const Range &r, int &lo, int &hi) const {
    while (lo < hi && r.low - breakpoints[lo] > r.margin) ++lo;
    while (hi > lo && breakpoints[hi - 1] - r.high > r.margin) --hi;
}

template <int D>
void Walk<D>::set_line(Line &g, const Functional &f, const double *row, double constant,
                       const Buffer &b) const {
    double size = 0;
    for (int c = 0; c < D; ++c) {
        g.n[c] = row[c];
        size += std::fabs(row[c]);
    }
    const double error = f.minus < 0 ? b.tolerance : 2 * b.tolerance;
    g.size = size;
    g.c = constant;
    g.blur = b.estimate / size;
    g.slack = error + 8 * kUnit * (std::fabs(constant) + size * extent_[0] + std::fabs(f.shift)) + DBL_MIN;
    g.facet = -1;
    g.f = f;
    g.exact = false;
}

// Signs of g at the vertices of the cell, into signs_, and values into values_. Returns 1 if some is
// positive, plus 2 if some is negative; plus 4 if none is zero and the cell has few vertices, and
// then positive_ has a bit for each vertex where g is positive.
template <int D> int Walk<D>::classify(const Cell &cell, const Line &g) {
    ++counters.tests;
    if (signs_.size() < z(cell.n)) {
        signs_.resize(z(2 * cell.n));
        values_.resize(z(2 * cell.n));
    }
    const Vertex *v = &arena_[cell.at];
    if (cell.n > 64) return classify_slowly(cell, g);
    std::uint64_t positive = 0, negative = 0;
    for (int i = 0; i < cell.n; ++i) { // no branches: signs are hard to predict
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v[i].p[c];
        const double margin = options_.filter * (g.slack + g.size * v[i].rho);
        values_[z(i)] = value;
        positive |= std::uint64_t{value > margin} << i;
        negative |= std::uint64_t{-value > margin} << i;
    }
    if ((positive | negative) != ~std::uint64_t{0} >> (64 - cell.n)) return classify_slowly(cell, g);
    positive_ = positive;
    return (positive != 0 ? 1 : 0) | (negative != 0 ? 2 : 0) | 4;
}

// The same where floating point leaves a sign open: the arbiter decides.
template <int D> int Walk<D>::classify_slowly(const Cell &cell, const Line &g) {
    int found = 0;
    Row exact;
    for (int i = 0; i < cell.n; ++i) {
        const Vertex &v = arena_[cell.at + i];
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v.p[c];
        values_[z(i)] = value;
        int sign = value > 0 ? 1 : -1;
        if (!(std::fabs(value) > options_.filter * (g.slack + g.size * v.rho))) {
            ++arbiter_.asked;
            if (exact.empty()) {
                exact = arbiter_.functional(g.f);
                if (zero(exact)) { // tied on the whole cell
                    std::fill(signs_.begin(), signs_.end(), static_cast<signed char>(0));
                    std::fill(values_.begin(), values_.end(), 0.0);
                    return 0;
                }
            }
            std::vector<const Row *> lines;
            if (D == 2) lines.push_back(&exact_row(arena_[cell.at + (i + cell.n - 1) % cell.n].line));
            lines.push_back(&exact_row(v.line));
            sign = sign_at(lines, exact);
        }
        signs_[z(i)] = static_cast<signed char>(sign);
        found |= sign > 0 ? 1 : sign < 0 ? 2 : 0;
    }
    return found;
}

template <int D> const Row &Walk<D>::exact_row(int index) {
    if (rows_.size() < lines_.size()) rows_.resize(lines_.capacity());
    Line &side = lines_[index];
    Row &row = rows_[z(index)];
    if (!side.exact) {
        if (side.facet >= 0) {
            row.assign(D + 1, Dyadic());
            for (int c = 0; c < D; ++c) row[z(c)] = Dyadic(side.n[c]);
            row[D] = Dyadic(side.c);
        } else {
            row = arbiter_.functional(side.f);
        }
        side.exact = true;
    }
    return row;
}

// The point where two lines meet (D = 1: where the second one vanishes). With residuals of at most
// slack on both, Cramer's rule bounds how far it is from the exact point.
template <int D> void Walk<D>::meet(const Line &a, const Line &b, Vertex &v) const {
    if constexpr (D == 1) {
        v.p[0] = -b.c / b.n[0];
        v.rho = b.slack / b.size;
    } else {
        const double det = a.n[0] * b.n[1] - b.n[0] * a.n[1];
        v.p[0] = (a.n[1] * b.c - b.n[1] * a.c) / det;
        v.p[1] = (a.c * b.n[0] - b.c * a.n[0]) / det;
        const double certain = std::fabs(det) - 4 * kUnit * a.size * b.size;
        v.rho = certain > 1e-290 ? (b.size * a.slack + a.size * b.slack) / certain
                                 : std::numeric_limits<double>::infinity();
    }
}

// Compute an ill-conditioned vertex anew from the exact rows of its lines, where it is written out.
template <int D> void Walk<D>::sharpen(Vertex &v, int a, int b) {
    if (!options_.polygons) return;
    const Line &f = lines_[a], &g = lines_[b];
    double sine = 1.0;
    if (D == 2) sine = std::fabs(f.n[0] * g.n[D - 1] - g.n[0] * f.n[D - 1]) / (f.size * g.size);
    if (f.blur + g.blur < kSharp * extent_[0] * sine) return;
    ++counters.sharpened;
    const Row p = exact_row(a); // a copy: the next call may move it
    const Row &q = exact_row(b);
    if constexpr (D == 1) {
        v.p[0] = -Dyadic::ratio(q[1], q[0]);
    } else {
        const auto minor = [&](std::size_t i, std::size_t j) {
            Dyadic d;
            d.add_product(p[i], q[j]);
            d.add_product(p[j], q[i], true);
            return d;
        };
        const Dyadic det = minor(0, 1);
        v.p[0] = Dyadic::ratio(minor(1, 2), det);
        v.p[1] = Dyadic::ratio(minor(2, 0), det);
    }
    v.rho = 16 * kUnit * extent_[0];
}

// Where to divide the side that starts at `v`, at this share of its length, among the places along
// its cut: side 0 of a cut runs along it, side 1 against it. Leaves room on both parts for more.
template <int D> std::uint64_t Walk<D>::middle(const Vertex &v, double share) {
    if (v.edge < 0) return 0;
    const std::uint64_t width = v.to - v.from;
    if (width < 2) {
        ++counters.crowded;
        return v.from;
    }
    const std::uint64_t room = std::min(width / 2, std::uint64_t{1} << 12);
    std::uint64_t step = width / 2;
    if (!options_.halve && share > 0 && share < 1) { // 1 - share may round to 1: subtract integers
        step = static_cast<std::uint64_t>(static_cast<double>(width) * share);
        if ((v.edge & 1) != 0) step = width - step;
    }
    return v.from + std::min(std::max(step, room), width - room);
}

// Keep the part of a side before its middle (as the polygon runs), or the one after it.
template <int D> void Walk<D>::shorten(Vertex &v, std::uint64_t middle, bool before) {
    if (v.edge < 0) return;
    const bool along = (v.edge & 1) == 0;
    (along == before ? v.to : v.from) = middle;
}

template <int D> void Walk<D>::place(Vertex &v, const Vertex &at) {
    for (int c = 0; c < D; ++c) v.p[c] = at.p[c];
    v.rho = at.rho;
}

template <int D> void Walk<D>::continue_side(Vertex &v, const Vertex &from) {
    v.line = from.line;
    v.edge = from.edge;
    v.from = from.from;
    v.to = from.to;
}

template <int D> void Walk<D>::start_side(Vertex &v, int line, std::int64_t edge) {
    v.line = line;
    v.edge = edge;
    v.from = 0;
    v.to = ~std::uint64_t{0};
}

template <int D> void Walk<D>::spell_signs(const Cell &cell) {
    for (int i = 0; i < cell.n; ++i)
        signs_[z(i)] = (positive_ >> i & 1) != 0 ? 1 : -1;
}

// Both parts of a cell along line `g`, which meets no vertex; positive_ has the signs. The second
// part lies below the first in the arena. `edge` is the cut's number on its positive side.
template <int D>
void Walk<D>::split(const Cell &cell, int g, bool plus_first, std::int64_t edge, Cell &first,
                    Cell &second) {
    const int n = cell.n;
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - n);
    const std::uint64_t before = (positive_ << 1 | positive_ >> (n - 1)) & all; // sign of vertex i - 1
    // the positive run is up..down - 1, cyclically
    const int up = __builtin_ctzll(positive_ & ~before), down = __builtin_ctzll(~positive_ & before);
    Vertex *made = arena_.room(z(n + 4));
    const Vertex *old = &arena_[cell.at];
    const int enter = up > 0 ? up - 1 : n - 1, leave = down > 0 ? down - 1 : n - 1;
    // the two new vertices, and where they divide the sides that they lie on
    Vertex a, b;
    meet(lines_[old[enter].line], lines_[g], a);
    meet(lines_[old[leave].line], lines_[g], b);
    sharpen(a, old[enter].line, g);
    sharpen(b, old[leave].line, g);
    std::uint64_t middle_a = 0, middle_b = 0;
    if (options_.polygons) {
        const auto share = [&](int i, int j) {
            const double here = std::fabs(values_[z(i)]), there = std::fabs(values_[z(j)]);
            return here / (here + there);
        };
        middle_a = middle(old[enter], share(enter, up));
        middle_b = middle(old[leave], share(leave, down));
    }
    const auto part = [&](bool plus, Vertex *to) {
        const int from = plus ? up : down, start = plus ? enter : leave, last = plus ? leave : enter;
        const int count = last >= from ? last - from + 1 : last - from + 1 + n;
        place(*to, plus ? a : b);
        continue_side(*to, old[start]);
        shorten(*to++, plus ? middle_a : middle_b, false);
        for (int i = 0, k = from; i < count; ++i) {
            *to++ = old[k];
            k = k + 1 < n ? k + 1 : 0;
        }
        shorten(to[-1], plus ? middle_b : middle_a, true);
        place(*to, plus ? b : a);
        start_side(*to, g, plus ? edge : edge + 1);
        return count + 2;
    };
    second.at = static_cast<int>(arena_.size());
    second.n = part(!plus_first, made);
    first.at = second.at + second.n;
    first.n = part(plus_first, made + second.n);
    arena_.take(z(first.n + second.n));
}

// The part of the cell where line `g` is positive (or negative), by the signs in signs_; it lies at
// the top of the arena. New vertices are where the cell's sides meet g.
template <int D>
void Walk<D>::cut(const Cell &cell, int g, bool plus, std::int64_t edge, Cell &out) {
    out.at = static_cast<int>(arena_.size());
    const int side = plus ? 1 : -1;
    const Line &line = lines_[g];
    Vertex *made = arena_.room(z(cell.n + 1)); // at most one vertex more than the cell has
    const Vertex *old = &arena_[cell.at];
    Vertex *next = made;
    if constexpr (D == 1) {
        Vertex x{};
        meet(line, line, x);
        sharpen(x, g, g);
        x.line = g;
        x.edge = edge;
        const bool left = side * signs_[0] > 0;
        *next++ = left ? old[0] : x;
        *next++ = left ? x : old[1];
    } else {
        int sign = side * signs_[0];
        for (int i = 0; i < cell.n; ++i) {
            const int j = i + 1 < cell.n ? i + 1 : 0, following = side * signs_[z(j)];
            if (sign > 0) {
                *next++ = old[i];
            } else if (sign == 0 && following != 0) {
                *next = old[i];
                if (following < 0) start_side(*next, g, edge);
                ++next;
            }
            if (sign * following < 0) {
                *next = old[i];
                meet(lines_[old[i].line], line, *next);
                sharpen(*next, old[i].line, g);
                if (options_.polygons) {
                    const double here = std::fabs(values_[z(i)]), there = std::fabs(values_[z(j)]);
                    const std::uint64_t at = middle(old[i], here / (here + there));
                    shorten(sign > 0 ? next[-1] : *next, at, sign > 0);
                }
                if (sign > 0) start_side(*next, g, edge);
                ++next;
            }
            sign = following;
        }
    }
    out.n = static_cast<int>(next - made);
    arena_.take(z(out.n));
}

} // namespace plica

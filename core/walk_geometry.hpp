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
    g.estimate = b.estimate;
    g.slack = error + 8 * kUnit * (std::fabs(constant) + size * extent_[0] + std::fabs(f.shift)) + DBL_MIN;
    g.facet = -1;
    g.f = f;
    g.exact = false;
}

// Signs of g at the vertices of the cell, into signs_, and values into values_. Returns 1 if some is
// positive, plus 2 if some is negative; plus 4 if none is zero and the cell has few vertices, and
// then positive_ has a bit for each vertex where g is positive. Unless `ask`, 0 where floating point
// leaves a sign open.
template <int D> int Walk<D>::classify(const Cell &cell, const Line &g, bool ask) {
    ++counters.tests;
    if (signs_.size() < z(cell.n)) {
        signs_.resize(z(2 * cell.n));
        values_.resize(z(2 * cell.n));
    }
    const Vertex *v = &arena_[cell.at];
    if (cell.n > 64) return ask ? classify_slowly(cell, g) : 0;
    std::uint64_t positive = 0, negative = 0;
    for (int i = 0; i < cell.n; ++i) { // no branches: signs are hard to predict
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v[i].p[c];
        const double margin = options_.filter * (g.slack + g.size * v[i].rho);
        values_[z(i)] = value;
        positive |= std::uint64_t{value > margin} << i;
        negative |= std::uint64_t{-value > margin} << i;
    }
    if ((positive | negative) != ~std::uint64_t{0} >> (64 - cell.n))
        return ask ? classify_slowly(cell, g) : 0;
    positive_ = positive;
    return (positive != 0 ? 1 : 0) | (negative != 0 ? 2 : 0) | 4;
}

// How many regions the units of a list make of a cell, all with two pieces left: one, and one more for
// each line that cuts it and for each two that cross inside (Euler's formula), if no three meet in
// a point. 0 where that is not certain.
template <int D> int Walk<D>::arrangement(const Cell &cell, int s, int list, int length) {
    constexpr int kMost = 8;
    if (D == 1 || length > kMost || cell.n > 64) return 0;
    const Stage &here = stage(s);
    std::uint64_t masks[kMost];
    int cuts = 0;
    Line *g = lines_.room(kMost);
    for (int i = 0; i < length; ++i) {
        const Candidate &c = candidates_[list + i];
        const int f = here.unit_function[z(c.unit)];
        if (f < 0 || c.lo + 1 != c.hi) return 0;
        const double t = chain_.functions[z(f)].breakpoints[z(c.lo)];
        set_line(g[cuts], {}, c.row, c.row[D] - t, buffers_[z(s)]);
        const int signs = classify(cell, g[cuts], false);
        if ((signs & 4) == 0) return 0;
        masks[cuts] = positive_;
        cuts += (signs & 3) == 3;
    }
    int found = 1 + cuts;
    unsigned crossed[kMost] = {}; // by which lines
    const Vertex *v = &arena_[cell.at];
    for (int i = 0; i < cuts; ++i) {
        const Ends ends = find_ends(masks[i], cell.n);
        Vertex at[2] = {};
        bool known[2] = {false, false};
        for (int j = i + 1; j < cuts; ++j) {
            int sign[2]; // of line j where line i meets the boundary
            for (int e = 0; e < 2; ++e) {
                const int before = e == 0 ? ends.enter : ends.leave, after = e == 0 ? ends.up : ends.down;
                const bool p = (masks[j] >> before & 1) != 0, q = (masks[j] >> after & 1) != 0;
                sign[e] = p ? 1 : -1;
                if (p == q) continue; // on all of that side
                if (!known[e]) meet(lines_[v[before].line], g[i], at[e]);
                known[e] = true;
                double value = g[j].c;
                for (int c = 0; c < D; ++c) value += g[j].n[c] * at[e].p[c];
                if (!(std::fabs(value) > options_.filter * (g[j].slack + g[j].size * at[e].rho))) return 0;
                sign[e] = value > 0 ? 1 : -1;
            }
            if (sign[0] == sign[1]) continue;
            if ((crossed[i] & crossed[j]) != 0) return 0;
            crossed[i] |= 1u << j;
            crossed[j] |= 1u << i;
            ++found;
        }
    }
    for (int i = 0; i < cuts; ++i) // three that cross one another might meet in a point
        for (int j = i + 1; j < cuts; ++j)
            if ((crossed[i] >> j & 1) != 0 && (crossed[i] & crossed[j]) != 0) return 0;
    return found;
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
    if constexpr (D == 1) {
        if (2 * g.estimate < kSharp * extent_[0] * g.size) return;
    } else { // estimate / size is how far a line has moved; it counts the more, the flatter they meet
        const double det = std::fabs(f.n[0] * g.n[D - 1] - g.n[0] * f.n[D - 1]);
        if (f.estimate * g.size + g.estimate * f.size < kSharp * extent_[0] * det) return;
    }
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

// Where to divide a side, at this share of its length, among the places along its cut: side 0 of a
// cut runs along it, side 1 against it. Leaves room on both parts for more.
template <int D> std::uint64_t Walk<D>::middle(const Side &side, double share) {
    if (side.edge < 0) return 0;
    const std::uint64_t width = side.to - side.from;
    if (width < 2) {
        ++counters.crowded;
        return side.from;
    }
    const std::uint64_t room = std::min(width / 2, std::uint64_t{1} << 12);
    std::uint64_t step = width / 2;
    if (!options_.halve && share > 0 && share < 1) { // 1 - share may round to 1: subtract integers
        step = static_cast<std::uint64_t>(static_cast<double>(width) * share);
        if ((side.edge & 1) != 0) step = width - step;
    }
    return side.from + std::min(std::max(step, room), width - room);
}

// Keep the part of a side before its middle (as the polygon runs), or the one after it.
template <int D> void Walk<D>::shorten(Side &side, std::uint64_t middle, bool before) {
    if (side.edge < 0) return;
    const bool along = (side.edge & 1) == 0;
    (along == before ? side.to : side.from) = middle;
}

// The share of a side, from one of the vertices just classified to the next, before it meets the line.
template <int D> double Walk<D>::share(int here, int there) const {
    const double before = std::fabs(values_[z(here)]), after = std::fabs(values_[z(there)]);
    return before / (before + after);
}

template <int D> void Walk<D>::spell_signs(const Cell &cell) {
    for (int i = 0; i < cell.n; ++i)
        signs_[z(i)] = (positive_ >> i & 1) != 0 ? 1 : -1;
}

// The ends of the positive part, which is a run of the n vertices, cyclically.
template <int D> typename Walk<D>::Ends Walk<D>::find_ends(std::uint64_t positive, int n) {
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - n);
    const std::uint64_t before = (positive << 1 | positive >> (n - 1)) & all; // sign of vertex i - 1
    Ends x;
    x.up = __builtin_ctzll(positive & ~before);
    x.down = __builtin_ctzll(~positive & before);
    x.enter = x.up > 0 ? x.up - 1 : n - 1;
    x.leave = x.down > 0 ? x.down - 1 : n - 1;
    return x;
}

// Where line `g`, which meets no vertex of the cell, enters and leaves its positive side: positive_
// has the signs.
template <int D> typename Walk<D>::Crossing Walk<D>::cross(const Cell &cell, int g) {
    Crossing x;
    static_cast<Ends &>(x) = find_ends(positive_, cell.n);
    const Vertex *old = &arena_[cell.at];
    meet(lines_[old[x.enter].line], lines_[g], x.a);
    meet(lines_[old[x.leave].line], lines_[g], x.b);
    if (options_.polygons) {
        sharpen(x.a, old[x.enter].line, g);
        sharpen(x.b, old[x.leave].line, g);
    }
    if (options_.sides) {
        const Side *sides = &sides_[cell.at];
        x.middle_a = middle(sides[x.enter], share(x.enter, x.up));
        x.middle_b = middle(sides[x.leave], share(x.leave, x.down));
    }
    return x;
}

// One part of a cell along line `g`: from where it enters that part to where it leaves it. `to` and
// `sides` have room for it; `edge` is the number of the cut's side there. Returns how many vertices.
template <int D>
int Walk<D>::part(const Cell &cell, const Crossing &x, int g, bool plus, std::int64_t edge, Vertex *to,
                  Side *sides) const {
    const int n = cell.n;
    const int from = plus ? x.up : x.down, last = plus ? x.leave : x.enter;
    const int start = plus ? x.enter : x.leave;
    const Vertex *old = &arena_[cell.at];
    const int tail = last >= from ? last + 1 : n, wrapped = last >= from ? 0 : last + 1;
    Vertex *next = to;
    *next = plus ? x.a : x.b;
    next++->line = old[start].line;
    for (int i = from; i < tail; ++i) *next++ = old[i];
    for (int i = 0; i < wrapped; ++i) *next++ = old[i];
    *next = plus ? x.b : x.a;
    next++->line = g;
    const int count = static_cast<int>(next - to);
    if (options_.sides) {
        const Side *of = &sides_[cell.at];
        Side *side = sides;
        *side = of[start];
        shorten(*side++, plus ? x.middle_a : x.middle_b, false);
        for (int i = from; i < tail; ++i) *side++ = of[i];
        for (int i = 0; i < wrapped; ++i) *side++ = of[i];
        shorten(side[-1], plus ? x.middle_b : x.middle_a, true);
        *side = whole_side(edge);
    }
    return count;
}

// Both parts of a cell along line `g`, which meets no vertex; positive_ has the signs. The second
// part lies below the first in the arena. `edge` is the cut's number on its positive side.
template <int D>
void Walk<D>::split(const Cell &cell, int g, bool plus_first, std::int64_t edge, Cell &first,
                    Cell &second) {
    const auto room = z(cell.n + 4);
    arena_.room(room); // before pointers into it are taken
    if (options_.sides) sides_.room(room);
    const Crossing x = cross(cell, g);
    const auto put = [&](bool plus, Cell &out) {
        out.at = static_cast<int>(arena_.size());
        out.n = part(cell, x, g, plus, plus ? edge : edge + 1, arena_.top(), sides_.top());
        arena_.take(z(out.n));
        if (options_.sides) sides_.take(z(out.n));
    };
    put(!plus_first, second);
    put(plus_first, first);
}

// The part of the cell where line `g` is positive (or negative), by the signs in signs_; it lies at
// the top of the arena. New vertices are where the cell's sides meet g.
template <int D>
void Walk<D>::cut(const Cell &cell, int g, bool plus, std::int64_t edge, Cell &out) {
    out.at = static_cast<int>(arena_.size());
    const int sign_kept = plus ? 1 : -1;
    const Line &line = lines_[g];
    Vertex *made = arena_.room(z(cell.n + 1)); // at most one vertex more than the cell has
    Side *sides = options_.sides ? sides_.room(z(cell.n + 1)) : nullptr;
    const Vertex *old = &arena_[cell.at];
    const Side *of = options_.sides ? &sides_[cell.at] : nullptr;
    int n = 0;
    if constexpr (D == 1) {
        Vertex x{};
        meet(line, line, x);
        sharpen(x, g, g);
        x.line = g;
        const bool left = sign_kept * signs_[0] > 0;
        made[0] = left ? old[0] : x;
        made[1] = left ? x : old[1];
        if (sides != nullptr) {
            sides[0] = left ? of[0] : whole_side(edge);
            sides[1] = left ? whole_side(edge) : of[1];
        }
        n = 2;
    } else {
        const auto put = [&](const Vertex &v, int i, bool along) { // along the line g from here
            made[n] = v;
            if (along) made[n].line = g;
            if (sides != nullptr) sides[n] = along ? whole_side(edge) : of[i];
            ++n;
        };
        int sign = sign_kept * signs_[0];
        for (int i = 0; i < cell.n; ++i) {
            const int j = i + 1 < cell.n ? i + 1 : 0, following = sign_kept * signs_[z(j)];
            if (sign > 0 || (sign == 0 && following != 0)) put(old[i], i, sign == 0 && following < 0);
            if (sign * following < 0) {
                Vertex x = old[i];
                meet(lines_[old[i].line], line, x);
                sharpen(x, old[i].line, g);
                put(x, i, sign > 0);
                if (sides != nullptr)
                    shorten(sides[sign > 0 ? n - 2 : n - 1], middle(of[i], share(i, j)), sign > 0);
            }
            sign = following;
        }
    }
    out.n = n;
    arena_.take(z(n));
    if (sides != nullptr) sides_.take(z(n));
}

} // namespace plica

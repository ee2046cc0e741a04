// The cells of a walk: signs at vertices, and the two parts along a line. Part of walk.cpp.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "walk.hpp"
#include "walk_common.hpp"

namespace plica {

template <int D>
inline typename Walk<D>::Vertex Walk<D>::vertex(const Cell &cell, int i) const {
    const Corners &block = arena_[cell.at + i / kVec];
    const int k = i % kVec;
    Vertex v;
    v.p[0] = block.x[k];
    v.p[D - 1] = D == 1 ? block.x[k] : block.y[k];
    v.rho = block.rho[k];
    v.line = static_cast<int>(block.line[k]);
    return v;
}

template <int D> inline int Walk<D>::line_of(const Cell &cell, int i) const {
    return static_cast<int>(arena_[cell.at + i / kVec].line[i % kVec]);
}

template <int D> inline typename Walk<D>::Side Walk<D>::side(const Cell &cell, int i) const {
    const Sides &block = sides_[cell.at + i / kVec];
    const int k = i % kVec;
    return {block.edge[k], block.from[k], block.to[k]};
}

template <int D> inline void Walk<D>::place(Corners *corners, int i, const Vertex &v) {
    Corners &block = corners[i / kVec];
    const int k = i % kVec;
    block.x[k] = v.p[0];
    block.y[k] = D == 1 ? 0.0 : v.p[D - 1];
    block.rho[k] = v.rho;
    block.line[k] = v.line;
}

template <int D> inline void Walk<D>::place(Sides *sides, int i, const Side &side) {
    Sides &block = sides[i / kVec];
    const int k = i % kVec;
    block.edge[k] = side.edge;
    block.from[k] = side.from;
    block.to[k] = side.to;
}

template <int D> inline void Walk<D>::take(const Cell &cell) {
    arena_.take(z(cell.blocks()));
    if (options_.sides) sides_.take(z(cell.blocks()));
}

template <int D> inline int Walk<D>::push_line(const Line &g, const Functional &f) {
    lines_.push(g);
    origins_.push({f, -1, false});
    return static_cast<int>(lines_.size()) - 1;
}

template <int D> inline void Walk<D>::drop_lines(std::size_t n) {
    lines_.truncate(n);
    origins_.truncate(n);
}

// What vanishes where a scalar unit's argument is t.
template <int D> Functional Walk<D>::breakpoint(int s, int unit, double t) const {
    const Stage &here = stage(s);
    return {s, here.unit_reads[static_cast<std::size_t>(here.unit_start[z(unit)])], -1, t};
}

template <int D> Points Walk<D>::gather(const Cell &cell) {
    const Corners *blocks = &arena_[cell.at];
    double rho = 0;
    for (int b = 0; b < cell.blocks(); ++b) rho = std::max(rho, largest(blocks[b].rho));
    if (cell.n <= kVec)
        return {cell.n, reinterpret_cast<const double *>(&blocks->x),
                reinterpret_cast<const double *>(&blocks->y), rho};
    xs_.resize(z(kVec * cell.blocks()));
    ys_.resize(xs_.size());
    for (int b = 0; b < cell.blocks(); ++b) {
        store(&xs_[z(kVec * b)]) = blocks[b].x;
        store(&ys_[z(kVec * b)]) = blocks[b].y;
    }
    return {cell.n, xs_.data(), ys_.data(), rho};
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

// `error` bounds that of the row; `shift` is what the constant has been made smaller by.
template <int D>
inline void Walk<D>::set_line(Line &g, const double *row, double constant, double error, double shift,
                              const Buffer &b) const {
    double size = 0;
    for (int c = 0; c < D; ++c) {
        g.n[c] = row[c];
        size += std::fabs(row[c]);
    }
    g.size = size;
    g.c = constant;
    g.estimate = b.estimate;
    g.slack = error + 8 * kUnit * (std::fabs(constant) + size * extent_[0] + std::fabs(shift)) + DBL_MIN;
}

// Signs of g at the vertices of the cell, where floating point is certain of all: bit i of positive_
// is set where g is positive at vertex i, and values_ holds the values. Returns 1 if some sign is
// positive, plus 2 if some is negative, plus 4; 0 where a sign is open, or the cell has many vertices.
template <int D> inline int Walk<D>::certain(const Cell &cell, const Line &g) {
    if (cell.n > 64) return 0;
    const Corners *block = &arena_[cell.at];
    std::uint64_t positive = 0, negative = 0;
    for (int i = 0; i < cell.n; i += kVec, ++block) { // no branches: signs are hard to predict
        Vec value = g.c + g.n[0] * block->x;
        if (D == 2) value += g.n[D - 1] * block->y;
        const Vec margin = options_.filter * (g.slack + g.size * block->rho);
        store(&values_[z(i)]) = value;
        positive |= above(value, margin) << i;
        negative |= above(-value, margin) << i;
    }
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - cell.n);
    positive &= all;
    negative &= all;
    if ((positive | negative) != all) return 0;
    positive_ = positive;
    return (positive != 0 ? 1 : 0) | (negative != 0 ? 2 : 0) | 4;
}

// The same for any cell: 0 where g vanishes on it, and no 4 where the signs are in signs_ instead of
// positive_, of which some may be zero. `describe` says what g is.
template <int D>
template <class Describe>
inline int Walk<D>::classify(const Cell &cell, const Line &g, const Describe &describe) {
    ++counters.tests;
    const int found = certain(cell, g);
    return found != 0 ? found : classify_slowly(cell, g, describe());
}

// How many regions the units of a list make of a cell, all with two pieces left: one, and one more for
// each line that cuts it and for each two that cross inside (Euler's formula), if no three meet in
// a point. 0 where that is not certain.
template <int D> int Walk<D>::arrangement(const Cell &cell, int s, int list, int length) {
    constexpr int kMost = 8;
    if (D == 1 || length > kMost) return 0;
    const Buffer &b = buffers_[z(s)];
    const double *const *breakpoints = levels_[z(s)].breakpoints;
    std::uint64_t masks[kMost];
    int cuts = 0;
    Line g[kMost];
    for (int i = 0; i < length; ++i) {
        const Candidate &c = candidates_[list + i];
        const double *t = breakpoints[c.unit];
        if (t == nullptr || c.lo + 1 != c.hi) return 0;
        set_line(g[cuts], c.row, c.row[D] - t[c.lo], b.tolerance, t[c.lo], b);
        ++counters.tests;
        const int signs = certain(cell, g[cuts]);
        if (signs == 0) return 0;
        masks[cuts] = positive_;
        cuts += (signs & 3) == 3;
    }
    int found = 1 + cuts;
    unsigned crossed[kMost] = {}; // by which lines
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
                if (!known[e]) meet(lines_[line_of(cell, before)], g[i], at[e]);
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
template <int D>
int Walk<D>::classify_slowly(const Cell &cell, const Line &g, const Functional &f) {
    int found = 0;
    Row exact;
    signs_.resize(std::max(signs_.size(), z(cell.n)));
    values_.resize(std::max(values_.size(), z(cell.n)));
    for (int i = 0; i < cell.n; ++i) {
        const Vertex v = vertex(cell, i);
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v.p[c];
        values_[z(i)] = value;
        int sign = value > 0 ? 1 : -1;
        if (!(std::fabs(value) > options_.filter * (g.slack + g.size * v.rho))) {
            ++arbiter_.asked;
            if (exact.empty()) {
                exact = arbiter_.functional(f);
                if (zero(exact)) { // tied on the whole cell
                    std::fill(signs_.begin(), signs_.end(), static_cast<signed char>(0));
                    std::fill(values_.begin(), values_.end(), 0.0);
                    return 0;
                }
            }
            std::vector<const Row *> lines;
            if (D == 2) lines.push_back(&exact_row(line_of(cell, (i + cell.n - 1) % cell.n)));
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
    Origin &origin = origins_[index];
    Row &row = rows_[z(index)];
    if (!origin.exact) {
        if (origin.facet >= 0) {
            const Line &side = lines_[index];
            row.assign(D + 1, Dyadic());
            for (int c = 0; c < D; ++c) row[z(c)] = Dyadic(side.n[c]);
            row[D] = Dyadic(side.c);
        } else {
            row = arbiter_.functional(origin.f);
        }
        origin.exact = true;
    }
    return row;
}

// The point where two lines meet (D = 1: where the second one vanishes). With residuals of at most
// slack on both, Cramer's rule bounds how far it is from the exact point.
template <int D> void Walk<D>::meet(const Line &a, const Line &b, Vertex &v) const {
    if constexpr (D == 1) {
        v.p[0] = -b.c / b.n[0];
        v.rho = b.slack / b.size + DBL_MIN;
    } else {
        const double det = a.n[0] * b.n[1] - b.n[0] * a.n[1];
        v.p[0] = (a.n[1] * b.c - b.n[1] * a.c) / det;
        v.p[1] = (a.c * b.n[0] - b.c * a.n[0]) / det;
        const double certain = std::fabs(det) - 4 * kUnit * a.size * b.size;
        // nothing may have overflowed; of what underflowed, the determinant does not notice
        const bool sound = (certain > 1e-290) & (certain <= DBL_MAX) &
                           (std::fabs(v.p[0]) + std::fabs(v.p[1]) <= DBL_MAX);
        v.rho = sound ? (b.size * a.slack + a.size * b.slack + DBL_MIN) / certain
                      : std::numeric_limits<double>::infinity();
    }
}

// Compute an ill-conditioned vertex anew from the exact rows of its lines, where it is written out.
template <int D> inline void Walk<D>::sharpen(Vertex &v, int a, int b) {
    if (!options_.polygons) return;
    const Line &f = lines_[a], &g = lines_[b];
    if constexpr (D == 1) {
        if (2 * g.estimate < kSharp * extent_[0] * g.size) return;
    } else { // estimate / size is how far a line has moved; it counts the more, the flatter they meet
        const double det = std::fabs(f.n[0] * g.n[D - 1] - g.n[0] * f.n[D - 1]);
        if (f.estimate * g.size + g.estimate * f.size < kSharp * extent_[0] * det) return;
    }
    solve_exactly(v, a, b);
}

template <int D> void Walk<D>::solve_exactly(Vertex &v, int a, int b) {
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
    signs_.resize(std::max(signs_.size(), z(cell.n)));
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
    x.positive = __builtin_popcountll(positive);
    return x;
}

// Where line `g`, which meets no vertex of the cell, enters and leaves its positive side: positive_
// has the signs.
template <int D> typename Walk<D>::Crossing Walk<D>::cross(const Cell &cell, int g) {
    Crossing x;
    static_cast<Ends &>(x) = find_ends(positive_, cell.n);
    const int enter = line_of(cell, x.enter), leave = line_of(cell, x.leave);
    meet(lines_[enter], lines_[g], x.a);
    meet(lines_[leave], lines_[g], x.b);
    if (options_.polygons) {
        sharpen(x.a, enter, g);
        sharpen(x.b, leave, g);
    }
    if (options_.sides) {
        x.middle_a = middle(side(cell, x.enter), share(x.enter, x.up));
        x.middle_b = middle(side(cell, x.leave), share(x.leave, x.down));
    }
    return x;
}

// One part of a cell along line `g`: from where it enters that part to where it leaves it. `to` and
// `sides` have room for it; `edge` is the number of the cut's side there. Returns how many vertices.
template <int D>
inline int Walk<D>::part(const Cell &cell, const Crossing &x, int g, bool plus, std::int64_t edge,
                         Corners *to, Sides *sides) const {
    const int n = cell.n, start = plus ? x.enter : x.leave; // the new vertices are 0 and `last`
    const int last = (plus ? x.positive : n - x.positive) + 1;
    const Vertex &a = plus ? x.a : x.b, &b = plus ? x.b : x.a;
    const std::uint64_t middle_a = plus ? x.middle_a : x.middle_b, middle_b = plus ? x.middle_b : x.middle_a;
    if (n < kVec) { // by far the most: all vertices at once
        const Corners &old = arena_[cell.at];
        *to = {turned(old.x, start, n), turned(old.y, start, n), turned(old.rho, start, n),
               turned(old.line, start, n)};
        clear_from(to->rho, last);
        put(to->x, 0, a.p[0]);
        put(to->y, 0, a.p[D - 1]);
        put(to->rho, 0, a.rho);
        put(to->x, last, b.p[0]);
        put(to->y, last, b.p[D - 1]);
        put(to->rho, last, b.rho);
        put(to->line, last, g);
        if (sides != nullptr) {
            const Sides &of = sides_[cell.at];
            sides->edge = turned(of.edge, start, n);
            sides->from = turned(of.from, start, n);
            sides->to = turned(of.to, start, n);
        }
    } else {
        for (int i = 0; i <= last; i += kVec) to[i / kVec] = Corners{};
        for (int i = 0; i <= last; ++i) {
            const int old = start + i < n ? start + i : start + i - n;
            Vertex v = i == last ? b : vertex(cell, old);
            if (i == 0) {
                v = a;
                v.line = line_of(cell, old);
            } else if (i == last) {
                v.line = g;
            }
            place(to, i, v);
            if (sides != nullptr) place(sides, i, i == last ? whole_side(edge) : side(cell, old));
        }
    }
    if (sides != nullptr) {
        const auto change = [&](int i, std::uint64_t middle, bool before) {
            Sides &block = sides[i / kVec];
            const int k = i % kVec;
            Side side{block.edge[k], block.from[k], block.to[k]};
            shorten(side, middle, before);
            place(sides, i, side);
        };
        change(0, middle_a, false);
        change(last - 1, middle_b, true);
        if (n < kVec) place(sides, last, whole_side(edge));
    }
    return last + 1;
}

// Both parts of a cell along line `g`, which meets no vertex; positive_ has the signs. The second
// part lies below the first in the arena. `edge` is the cut's number on its positive side.
template <int D>
void Walk<D>::split(const Cell &cell, int g, bool plus_first, std::int64_t edge, Cell &first,
                    Cell &second) {
    const auto room = z(2 * cell.blocks() + 2);
    arena_.room(room); // before pointers into it are taken
    if (options_.sides) sides_.room(room);
    const Crossing x = cross(cell, g);
    const auto put = [&](bool plus, Cell &out) {
        out.at = static_cast<int>(arena_.size());
        out.n = part(cell, x, g, plus, plus ? edge : edge + 1, arena_.top(),
                     options_.sides ? sides_.top() : nullptr);
        take(out);
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
    const auto blocks = z(cell.blocks() + 1); // at most one vertex more than the cell has
    Corners *made = arena_.room(blocks);
    Sides *sides = options_.sides ? sides_.room(blocks) : nullptr;
    std::fill_n(made, blocks, Corners{});
    int n = 0;
    if constexpr (D == 1) {
        Vertex x{};
        meet(line, line, x);
        sharpen(x, g, g);
        x.line = g;
        const bool left = sign_kept * signs_[0] > 0;
        place(made, 0, left ? vertex(cell, 0) : x);
        place(made, 1, left ? x : vertex(cell, 1));
        if (sides != nullptr) {
            place(sides, 0, left ? side(cell, 0) : whole_side(edge));
            place(sides, 1, left ? whole_side(edge) : side(cell, 1));
        }
        n = 2;
    } else {
        const auto put = [&](Vertex v, const Side &s, bool along) { // along the line g from here
            if (along) v.line = g;
            place(made, n, v);
            if (sides != nullptr) place(sides, n, along ? whole_side(edge) : s);
            ++n;
        };
        int sign = sign_kept * signs_[0];
        for (int i = 0; i < cell.n; ++i) {
            const int j = i + 1 < cell.n ? i + 1 : 0, following = sign_kept * signs_[z(j)];
            const Vertex here = vertex(cell, i);
            const bool crossed = sign * following < 0;
            Side before = sides != nullptr ? side(cell, i) : Side{}, after = before;
            if (crossed && sides != nullptr) {
                const std::uint64_t at = middle(before, share(i, j));
                shorten(before, at, true);
                shorten(after, at, false);
            }
            if (sign > 0 || (sign == 0 && following != 0)) put(here, before, sign == 0 && following < 0);
            if (crossed) {
                Vertex x = here;
                meet(lines_[here.line], line, x);
                sharpen(x, here.line, g);
                put(x, after, sign > 0);
            }
            sign = following;
        }
    }
    out.n = n;
    take(out);
}

} // namespace plica

// The inner part of the dictionary form: walks along edges, their certificates, and parts of cells.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "dictionary.hpp"
#include "dictionary_kernels.hpp"
#include "walk_common.hpp"

namespace plica {

using namespace rows;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFlat = 1e-12; // reduced costs below are taken for zero by the guide
constexpr double kShallow = 1e-9; // a witness less deep in its cell is moved
constexpr double kTiny = 1e-10; // and so are entries of the tableau
constexpr double kLoose = 1e-12; // what a basic variable may be beyond its bound

// The power of two that brings a size into [1/2, 1); 1 for tiny ones, which keep their size below 1,
// and for what is no number.
inline double scale_of(double size) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &size, sizeof bits);
    const std::uint64_t exponent = bits >> 52;
    if (exponent < 100 || exponent > 2044) return 1.0;
    bits = (2045 - exponent) << 52;
    double scale = 0;
    std::memcpy(&scale, &bits, sizeof scale);
    return scale;
}

} // namespace

// Scale the functional to s, and by a power of two so that its size lies between 1/2 and 1.
void Dictionary::load(const Question &q) {
    f_ = q.exact;
    have_exact_ = false;
    const double constant = q.row[z(n_) * q.stride] - q.shift;
    linear_ = flat_ && constant == 0.0;
    double centre = 0, size = 0, sum = std::fabs(constant) + std::fabs(q.shift);
    for (int k = 0; k < n_; ++k) z_[z(k)] = q.row[z(k) * q.stride];
    if (domain_.cone)
        z_[z(n_)] = constant;
    else
        centre = constant;
    prepare(centre, size, sum);
    scale_ = scale_of(size);
    for (int k = 0; k < ld_; ++k) z_[z(k)] *= scale_;
    constant_ = centre * scale_;
    slack_ = (q.tolerance + (3 * g_ + 12) * kUnit * sum) * scale_ + DBL_MIN;
}

// From coefficients in z_: its value in the middle, and the sums of sizes that load() needs.
CLONES void Dictionary::prepare(double &centre, double &size, double &sum) {
    Eight at{}, span{}, all{};
    for (int k = 0; k < ld_; k += 8) {
        const Eight a = eight(&z_[z(k)]), scaled = a * eight(&half_[z(k)]);
        eight(&z_[z(k)]) = scaled;
        at += a * eight(&middle_[z(k)]);
        span += absolute(scaled);
        all += absolute(a) * eight(&reach_[z(k)]);
    }
    centre += total(at);
    size += total(span) + std::fabs(centre);
    sum += total(all);
}

// sign * z in the nonbasic variables: height_ + sum_j d_[j] t_j
template <int W> INLINE void Dictionary::express(const View &v, int m, int sign) {
    direction_ = sign;
    double height = sign * constant_;
    double *d = d_.data();
    for (int k = 0; k < width<W>(ld_); k += 8) eight(d + k) = Eight{};
    for (int j = 0; j < g_; ++j) {
        const int code = v.nonbasic[j];
        if (code >= 2 * g_) continue;
        const double a = sign * z_[z(code / 2)], side = (code & 1) != 0 ? -a : a;
        height -= side;
        d[j] = side;
    }
    for (int i = 0; i < m; ++i) {
        const int code = v.basic[i];
        if (code >= 2 * g_) continue;
        const double a = sign * z_[z(code / 2)], side = (code & 1) != 0 ? -a : a;
        height += side * (v.value[i] - 1.0);
        add<W>(d, side, v.T + i * width<W>(ld_), ld_);
    }
    height_ = height;
}

// The row that stops the nonbasic variable e, or -1: it grows by `own`, to its other bound. Of rows
// that stop it almost together, the one whose pivot is the largest (Harris 1973).
template <int W>
INLINE int Dictionary::ratio(const View &v, int m, int e, double own, double &step) {
    const double *column = v.T + e;
    const int ld = width<W>(ld_);
    double *speeds = speeds_.data(), *rooms = rooms_.data();
    const Eight inf = Eight{} + kInfinity;
    Eight best = inf;
    for (int i = 0; i < m; i += 8, column += 8 * ld) { // eight rows at once
        const Eight a = {column[0],      column[ld],     column[2 * ld], column[3 * ld],
                         column[4 * ld], column[5 * ld], column[6 * ld], column[7 * ld]};
        const Eight value = eight(v.value + i), speed = absolute(a);
        const Eight space = a < 0 ? value : eight(v.limit + i) - value;
        const Eight room = space > 0 ? space : Eight{};
        const Lanes moves = (speed > kTiny) & (kLane + i < m);
        eight(speeds + i) = moves ? speed : Eight{};
        eight(rooms + i) = room;
        const Eight t = moves ? (room + kLoose) / speed : inf;
        best = t < best ? t : best;
    }
    double most = kInfinity;
    for (int i = 0; i < 8; ++i) most = best[i] < most ? best[i] : most;
    step = own;
    if (!(most < own + kLoose)) return -1;
    Eight top{};
    Lanes index = Lanes{} - 1;
    for (int i = 0; i < m; i += 8) {
        const Eight speed = eight(speeds + i);
        const Lanes more = (eight(rooms + i) <= most * speed) & (speed > top);
        top = more ? speed : top;
        index = more ? kLane + i : index;
    }
    double pivot = 0;
    const int row = reduce(top, index, pivot);
    const double t = rooms[row] / pivot;
    if (t >= own) return -1;
    step = t;
    return row;
}

template <int W> INLINE void Dictionary::flip(const View &v, int m, int e) {
    for (int i = 0; i < m; ++i) {
        double &a = v.T[i * width<W>(ld_) + e];
        v.value[i] += 2 * a;
        a = -a;
    }
    height_ += 2 * d_[z(e)];
    d_[z(e)] = -d_[z(e)];
    v.nonbasic[e] ^= 1;
}

// Exchange the basic variable of row i, which goes to one of its bounds, with the nonbasic one e.
template <int W> INLINE void Dictionary::pivot(const View &v, int m, int i, int e) {
    const int ld = width<W>(ld_);
    double *row = v.T + i * ld;
    double value = v.value[i];
    if (row[e] > 0 && v.basic[i] < 2 * g_) { // it rises to its upper bound: measure it from there
        for (int j = 0; j < ld; j += 8) eight(row + j) = -eight(row + j);
        value = 2.0 - value;
        v.basic[i] ^= 1;
    }
    const double inverse = 1.0 / row[e];
    for (int j = 0; j < ld; j += 8) eight(row + j) *= -inverse;
    value *= -inverse;
    // the others take factor * row, and factor / pivot where they had their factor; no single number
    // is written into a row that is about to be read as a whole
    row[e] = inverse - 1.0;
    for (int r = 0; r < m; ++r) {
        if (r == i) continue;
        double *other = v.T + r * ld;
        const double factor = other[e];
        add<W>(other, factor, row, ld);
        v.value[r] += factor * value;
    }
    const double factor = d_[z(e)];
    add<W>(d_.data(), factor, row, ld);
    row[e] = inverse;
    v.value[i] = value;
    height_ += factor * value;
    std::swap(v.basic[i], v.nonbasic[e]);
    v.limit[i] = v.basic[i] < 2 * g_ ? 2.0 : kInfinity;
}

// Follow the edges on which the functional grows until it is above `enough`: at a vertex, or on the
// edge that is then not followed to its end. No: the vertex is an optimum.
template <int W> INLINE Dictionary::Answer Dictionary::climb(const View &v, int m, double enough) {
    for (int left = 40 + 4 * (m + g_); left > 0; --left) {
        entering_ = -1;
        step_ = 0;
        if (height_ > enough) return Answer::yes;
        const int e = largest<W>(d_.data(), kFlat, ld_);
        if (e < 0) return Answer::no;
        double step = 0;
        const int i = ratio<W>(v, m, e, v.nonbasic[e] < 2 * g_ ? 2.0 : kInfinity, step);
        if (height_ + d_[z(e)] * step > enough) {
            entering_ = e;
            step_ = step;
            return Answer::yes;
        }
        ++tally.pivots;
        if (i < 0)
            flip<W>(v, m, e);
        else
            pivot<W>(v, m, i, e);
    }
    entering_ = -1;
    return Answer::open;
}

// The current vertex, moved along the edge where the search ended.
template <int W> INLINE void Dictionary::vertex(const View &v, int m, double *s) const {
    const auto put = [&](int code, double t) {
        if (code < 2 * g_) s[code / 2] = (code & 1) != 0 ? 1.0 - t : t - 1.0;
    };
    for (int j = 0; j < g_; ++j) put(v.nonbasic[j], 0.0);
    if (entering_ < 0) {
        for (int i = 0; i < m; ++i) put(v.basic[i], v.value[i]);
    } else {
        put(v.nonbasic[entering_], step_);
        for (int i = 0; i < m; ++i)
            put(v.basic[i], v.value[i] + step_ * v.T[i * width<W>(ld_) + entering_]);
    }
}

// How far a point is from the cell's faces, in units of their functionals; negative where it is not
// certain that it lies inside.
template <int W> INLINE double Dictionary::depth(const View &v, int m, const double *s, double margin) const {
    Eight rest = Eight{} + 2.0;
    for (int k = 0; k < width<W>(ld_); k += 8) {
        const Eight gap = eight(&bound_[z(k)]) - absolute(eight(s + k));
        rest = gap < rest ? gap : rest;
    }
    double least = 2.0;
    for (int i = 0; i < 8; ++i) least = rest[i] < least ? rest[i] : least;
    if (!(least >= margin)) return -1.0;
    for (int i = 0; i < m; ++i) {
        const int half = v.half[i];
        const Line &l = lines_[z(half / 2)];
        double value = l.constant + dot<W>(rows_.at(z(half / 2) * z(width<W>(ld_))), s, ld_);
        value = (half & 1) != 0 ? -value : value;
        if (!(value > filter_ * l.slack + margin)) return -1.0;
        least = value < least ? value : least;
    }
    return least;
}

CLONES bool Dictionary::holds(const Cell &cell, const double *s, double margin) {
    return depth<0>(view(cell), cell.m, s, margin) >= 0;
}

CLONES void Dictionary::inward(const Cell &cell, double share, double *s) {
    const View v = view(cell);
    double t = 0;
    for (int i = 0; i < cell.m; ++i) {
        const int half = v.half[i];
        const double at_point = dot<0>(rows_.at(z(half / 2) * z(ld_)), v.point, ld_), constant = lines_[z(half / 2)].constant;
        const double rise = (half & 1) != 0 ? -at_point : at_point, rest = (half & 1) != 0 ? constant : -constant;
        if (rest > 0 && rise > 0) t = std::max(t, rest / rise);
    }
    t = std::min(t, 1.0);
    t += share * (1 - t);
    for (int k = 0; k < ld_; k += 8) eight(s + k) = t * eight(v.point + k);
}

// From the point s_, where sign * z has this value, towards the witness, to a point that is certainly
// in the cell and on that side.
template <int W>
INLINE bool Dictionary::come_near(const View &v, const Cell &cell, int sign, double value) {
    const double there = sign * at_witness_;
    const double share = there < 0 ? 0.5 * value / (value - there) : 0.5;
    double *q = found_[sign > 0 ? 0 : 1].data();
    const double *s = s_.data();
    for (int k = 0; k < width<W>(ld_); k += 8)
        eight(q + k) = eight(s + k) + share * (eight(v.point + k) - eight(s + k));
    bool &certain = certain_[sign > 0 ? 0 : 1];
    const double height = sign * (constant_ + dot<W>(z_.data(), q, ld_));
    const double deep = depth<W>(v, cell.m, q);
    certain = height > filter_ * slack_ && deep >= 0;
    shallow_[sign > 0 ? 0 : 1] = !(height < deep ? height > kShallow : deep > kShallow);
    return certain;
}

template <int W> INLINE bool Dictionary::certify_yes(const Cell &cell, const View &v, int sign) {
    if (!cell.inside || filter_ == kInfinity) return false;
    vertex<W>(v, cell.m, s_.data());
    const double reached = entering_ < 0 ? height_ : height_ + d_[z(entering_)] * step_;
    return come_near<W>(v, cell, sign, reached);
}

// No value of sign * z is larger, in units of the scaled functional. Weak duality: with any y >= 0,
// sign * z + sum_i y_i slack_i bounds sign * z on the cell, and its largest value over the box of all
// coordinates is plain.
template <int W> INLINE double Dictionary::highest(const View &v, int sign) {
    double top = sign * constant_, margin = slack_, weight = 1.0;
    double *sum = sum_.data();
    for (int k = 0; k < width<W>(ld_); k += 8) eight(sum + k) = static_cast<double>(sign) * eight(&z_[z(k)]);
    int terms = g_ + 8;
    for (int j = 0; j < g_; ++j) {
        const int code = v.nonbasic[j];
        if (code < 2 * g_ || !(d_[z(j)] < 0)) continue;
        const double y = -d_[z(j)];
        const int half = v.half[code / 2 - g_];
        const Line &l = lines_[z(half / 2)];
        const double factor = (half & 1) != 0 ? -y : y;
        add<W>(sum, factor, rows_.at(z(half / 2) * z(width<W>(ld_))), ld_);
        top += factor * l.constant;
        margin += y * l.slack;
        weight += y;
        ++terms;
    }
    Eight size{};
    for (int k = 0; k < width<W>(ld_); k += 8) size += absolute(eight(sum + k));
    margin += 2 * terms * kUnit * weight;
    return top + total(size) + filter_ * margin;
}

template <int W> INLINE bool Dictionary::certify_no(const View &v, int sign) {
    return highest<W>(v, sign) < 0;
}

template <int W> INLINE Dictionary::Answer Dictionary::walk_with(const Cell &cell, int sign) {
    const View v = view(cell);
    express<W>(v, cell.m, sign);
    const Answer end = climb<W>(v, cell.m, 16 * slack_ + 1e-14);
    if (end == Answer::open) return end;
    const bool certain = end == Answer::yes ? certify_yes<W>(cell, v, sign)
                                            : certify_no<W>(v, sign) || below_apex(cell, sign);
    return certain ? end : Answer::open;
}

CLONES Dictionary::Answer Dictionary::walk8(const Cell &cell, int sign) { return walk_with<8>(cell, sign); }
CLONES Dictionary::Answer Dictionary::walk16(const Cell &cell, int sign) { return walk_with<16>(cell, sign); }
CLONES Dictionary::Answer Dictionary::walk_any(const Cell &cell, int sign) { return walk_with<0>(cell, sign); }

// Walk to where sign * z is positive, or to its optimum, and certify what was found.
Dictionary::Answer Dictionary::walk(const Cell &cell, int sign) {
    return ld_ == 8 ? walk8(cell, sign) : ld_ == 16 ? walk16(cell, sign) : walk_any(cell, sign);
}

// A bound on the largest value of sign * z, as it was loaded, over the cell.
CLONES double Dictionary::ceiling(const Cell &cell, int sign) {
    const View v = view(cell);
    express<0>(v, cell.m, sign);
    climb<0>(v, cell.m, kInfinity);
    return highest<0>(v, sign) / scale_;
}

// The question in the nonbasic variables, into height_ and d_.
CLONES void Dictionary::express_anew(const Cell &cell, int sign) { express<0>(view(cell), cell.m, sign); }

// From where a walk ended, to the optimum.
CLONES void Dictionary::climb_on(const Cell &cell) { climb<0>(view(cell), cell.m, kInfinity); }

// Bring the dictionary to an edge on which the question, which takes both signs, changes its sign.
CLONES bool Dictionary::edge(const Cell &cell) {
    if (entering_ >= 0 && height_ <= 0) return true;
    const View v = view(cell);
    express<0>(v, cell.m, 1);
    if (height_ > 0) express<0>(v, cell.m, -1);
    return climb<0>(v, cell.m, 1e-13) == Answer::yes && entering_ >= 0;
}

bool Dictionary::approach(const View &v, const Cell &cell, int sign, double value) {
    return come_near<0>(v, cell, sign, value);
}

double Dictionary::value_at(const double *row, double constant, const double *s) const {
    return constant + dot<0>(row, s, ld_);
}

// Move a witness that has come close to faces of the cell: along each coordinate in turn, to the
// middle of what the cell leaves.
void Dictionary::recentre(Cell &cell) {
    cell.shallow = false;
    const View v = view(cell);
    double *s = s_.data(), *values = rooms_.data();
    std::memcpy(s, v.point, z(ld_) * sizeof(double));
    for (int i = 0; i < cell.m; ++i) {
        const int half = v.half[i];
        const double value = value_at(rows_.at(z(half / 2) * z(ld_)), lines_[z(half / 2)].constant, s);
        values[i] = (half & 1) != 0 ? -value : value;
    }
    for (int k = 0; k < g_; ++k) {
        const auto rate = [&](int i) {
            const double a = rows_[z(v.half[i] / 2) * z(ld_) + z(k)];
            return (v.half[i] & 1) != 0 ? -a : a;
        };
        double down = -1.0 - s[k], up = 1.0 - s[k];
        for (int i = 0; i < cell.m; ++i) {
            const double a = rate(i);
            if (a > 0) down = std::max(down, -values[i] / a);
            if (a < 0) up = std::min(up, -values[i] / a);
        }
        const double move = 0.5 * (down + up);
        if (!(down <= up) || !std::isfinite(move)) return;
        s[k] += move;
        for (int i = 0; i < cell.m; ++i) values[i] += move * rate(i);
    }
    if (depth<0>(v, cell.m, s) > 0) std::memcpy(v.point, s, z(ld_) * sizeof(double));
}

// The middle between a cell's current vertex and the mean of those next to it.
void Dictionary::between(const View &v, int m, double *s) {
    std::vector<double> values(v.value, v.value + m), at(z(g_));
    for (int e = 0; e < g_; ++e) {
        double step = 0;
        ratio<0>(v, m, e, v.nonbasic[e] < 2 * g_ ? 2.0 : kInfinity, step);
        at[z(e)] = 0.5 * step / g_;
        for (int i = 0; i < m; ++i) values[z(i)] += at[z(e)] * v.T[i * ld_ + e];
    }
    const auto put = [&](int code, double t) {
        if (code < 2 * g_) s[code / 2] = (code & 1) != 0 ? 1.0 - t : t - 1.0;
    };
    for (int e = 0; e < g_; ++e) put(v.nonbasic[e], at[z(e)]);
    for (int i = 0; i < m; ++i) put(v.basic[i], values[z(i)]);
}

// A fresh dictionary, at a vertex reached from the witness: one coordinate after another moves to
// where sign * z grows, until it or a row meets a bound.
void Dictionary::rebuild(const Cell &cell, int sign) {
    ++tally.rebuilt;
    const View v = view(cell);
    const int m = cell.m;
    for (int k = 0; k < g_; ++k) v.nonbasic[k] = 2 * k;
    for (int i = 0; i < m; ++i) {
        const int half = v.half[i];
        const double side = (half & 1) != 0 ? -1.0 : 1.0;
        const double *row = rows_.at(z(half / 2) * z(ld_));
        for (int j = 0; j < ld_; ++j) v.T[i * ld_ + j] = side * row[j];
        v.value[i] = side * value_at(row, lines_[z(half / 2)].constant, v.point);
        v.limit[i] = kInfinity;
        v.basic[i] = 2 * (g_ + i);
    }
    for (int j = 0; j < ld_; ++j) d_[z(j)] = sign * z_[z(j)];
    for (int e = 0; e < g_; ++e) {
        double at = v.point[e] + 1.0; // of the nonbasic variable e; the values are those at the point
        if (d_[z(e)] < 0) { // measure it from the upper bound: it goes down to 0 as z grows
            for (int i = 0; i < m; ++i) v.T[i * ld_ + e] = -v.T[i * ld_ + e];
            d_[z(e)] = -d_[z(e)];
            v.nonbasic[e] ^= 1;
            at = 2.0 - at;
        }
        double step = 0;
        const int i = ratio<0>(v, m, e, 2.0 - at, step);
        for (int r = 0; r < m; ++r) v.value[r] += step * v.T[r * ld_ + e];
        if (i < 0) { // at its other bound
            for (int r = 0; r < m; ++r) v.T[r * ld_ + e] = -v.T[r * ld_ + e];
            d_[z(e)] = -d_[z(e)];
            v.nonbasic[e] ^= 1;
        } else {
            v.value[i] = v.T[i * ld_ + e] > 0 ? 2.0 : 0.0;
            pivot<0>(v, m, i, e);
            v.value[i] = at + step;
        }
    }
}

// The rows of a part: those of the cell after the pivot that brings in t_e and takes out the slack,
// turn * (height_ + sum_j d_[j] t_j), and the new one of t_e.
template <int W>
INLINE void Dictionary::exchange_with(const View &from, const View &to, int m, double turn) const {
    const int ld = width<W>(ld_), e = entering_;
    const double inverse = 1.0 / d_[z(e)], value = -inverse * height_;
    double *row = to.T + m * ld;
    for (int j = 0; j < ld; j += 8) eight(row + j) = -inverse * eight(&d_[z(j)]);
    row[e] = 0.0;
    for (int i = 0; i < m; ++i) {
        const double *old = from.T + i * ld;
        double *now = to.T + i * ld;
        const double factor = old[e];
        for (int j = 0; j < ld; j += 8) eight(now + j) = eight(old + j) + factor * eight(row + j);
        now[e] = turn * factor * inverse;
        to.value[i] = from.value[i] + factor * value;
        to.limit[i] = from.limit[i];
    }
    row[e] = turn * inverse;
    to.value[m] = value;
}

CLONES void Dictionary::exchange8(const View &from, const View &to, int m, double turn) const {
    exchange_with<8>(from, to, m, turn);
}
CLONES void Dictionary::exchange16(const View &from, const View &to, int m, double turn) const {
    exchange_with<16>(from, to, m, turn);
}
CLONES void Dictionary::exchange_any(const View &from, const View &to, int m, double turn) const {
    exchange_with<0>(from, to, m, turn);
}

// The part of a cell on one side of the question. On the edge where that changes its sign, its slack
// takes the place of the variable that grows along the edge: one pivot, and both parts are feasible.
Dictionary::Cell Dictionary::child(Cell &cell, bool plus) {
    const int line = commit();
    if (!loose_) loose_ = !edge(cell);
    if (loose_) return exact_child(cell, plus);
    const int m = cell.m;
    Cell part = make(m + 1);
    const View from = view(cell), to = view(part);
    // slack of this part = (plus ? 1 : -1) * z
    const double turn = (direction_ > 0) == plus ? 1.0 : -1.0;
    if (ld_ == 8)
        exchange8(from, to, m, turn);
    else if (ld_ == 16)
        exchange16(from, to, m, turn);
    else
        exchange_any(from, to, m, turn);
    std::memcpy(to.half, from.half, z(m) * sizeof(int));
    std::memcpy(to.basic, from.basic, z(m) * sizeof(int));
    std::memcpy(to.nonbasic, from.nonbasic, z(g_) * sizeof(int));
    to.half[m] = 2 * line + (plus ? 0 : 1);
    to.basic[m] = from.nonbasic[entering_];
    to.nonbasic[entering_] = 2 * (g_ + m);
    to.limit[m] = to.basic[m] < 2 * g_ ? 2.0 : kInfinity;
    take_witness(part, cell, plus);
    return part;
}

} // namespace plica

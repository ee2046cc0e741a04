#include "flats.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "dictionary_kernels.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFlat = 1e-12;  // reduced costs below are taken for zero by the guide
constexpr double kTiny = 1e-10;  // and so are entries of the tableau
constexpr double kLoose = 1e-12; // what a basic variable may be beyond its bound
constexpr double kEnough = 1e-13; // a walk ends where its functional is above
constexpr double kSteep = 1e3;   // a coefficient to divide by is so many times its row's error

using std::uint64_t;

INLINE int first(uint64_t set) { return __builtin_ctzll(set); }
INLINE uint64_t bit(int i) { return uint64_t{1} << i; }
INLINE uint64_t after(int i) { return i == 63 ? 0 : ~uint64_t{0} << (i + 1); }

} // namespace

int Flats::many(int n, double parts) {
    for (int k = 1; k < kRows; ++k) { // of k + 1 hyperplanes: sum over j <= n of the binomials
        double term = 1, sum = 1;
        for (int j = 0; j < std::min(n, k + 1); ++j) sum += term *= static_cast<double>(k + 1 - j) / (j + 1);
        if (sum > parts) return k;
    }
    return kRows;
}

void Flats::start(int n, const double *bound, int faces, int hyperplanes) {
    n_ = n;
    bound_ = bound;
    faces_ = faces;
    cuts_ = hyperplanes;
    rows_ = faces + hyperplanes;
    const int blocks = (rows_ + kVec - 1) / kVec;
    blocks_ = blocks <= 4 ? std::max(blocks, 1) : 8;
    stride_ = kVec * blocks_;
    if (n != laid_n_ || stride_ != laid_stride_ || cuts_ > laid_cuts_) lay_out();
    Level &l = levels_[0];
    std::fill(l.A, l.A + (n + 1) * stride_, 0.0);
    std::fill(l.T, l.T + (n + 1) * stride_, 0.0);
    for (int r = 0; r < stride_; ++r) {
        const bool face = r < faces;
        l.error[r] = 0.0;
        l.low[r] = face ? 0.0 : -kInfinity;
        l.high[r] = kInfinity;
        l.least[r] = -kInfinity;
        l.most[r] = kInfinity;
        l.basic[r] = 2 * (n + r);
    }
    for (int k = 0; k < n; ++k) {
        l.coordinate[k] = k;
        l.row_of[k] = -1;
    }
    l.n_points = 0;
}

// Room for the flats of all levels.
void Flats::lay_out() {
    laid_n_ = n_;
    laid_stride_ = stride_;
    laid_cuts_ = cuts_;
    const int levels = std::min(n_, cuts_) + 1;
    levels_.assign(z(levels), Level());
    const auto sizes = [&](int level) {
        const int d = n_ - level, points = 2 * cuts_ + 1;
        return z(2 * (d + 1) * stride_ + 5 * stride_ + points * ((d + kVec - 1) / kVec * kVec + stride_));
    };
    std::size_t numbers = 0;
    for (int i = 0; i < levels; ++i) numbers += sizes(i);
    numbers_.assign(numbers, 0.0);
    codes_.assign(z(levels * (4 * n_ + stride_)), 0);
    point_.assign(z(n_ + kVec), 0.0);
    sum_.assign(z(n_ + kVec), 0.0);
    double *at = numbers_.data();
    int *code = codes_.data();
    for (int i = 0; i < levels; ++i) {
        Level &l = levels_[z(i)];
        l.d = n_ - i;
        const auto take = [&](int count) {
            double *found = at;
            at += count;
            return found;
        };
        const auto take_codes = [&](int count) {
            int *found = code;
            code += count;
            return found;
        };
        l.A = take((l.d + 1) * stride_);
        l.T = take((l.d + 1) * stride_);
        for (double **rows : {&l.error, &l.low, &l.high, &l.least, &l.most}) *rows = take(stride_);
        l.points = take((2 * cuts_ + 1) * ((l.d + kVec - 1) / kVec * kVec));
        l.values = take((2 * cuts_ + 1) * stride_);
        l.coordinate = take_codes(n_);
        l.row_of = take_codes(n_);
        l.nonbasic = take_codes(n_);
        l.where = take_codes(n_);
        l.basic = take_codes(stride_);
    }
}

// An error bound holds for all points of the exact flat where all coordinates are at most 2 in size:
// twice that of the box. What rounding adds in all steps to come is in it from the beginning. A step
// that adds f times another row makes an error of at most 6 kUnit of the sum S of the sizes of both; the
// error and the size of a row change by the same rule, so that one term of 6 kUnit S a step
// covers all of them. An evaluation or a combination of rows adds at most 2 (n + 2) kUnit S.
void Flats::set_row(int r, double sign, double constant, const double *row, double tolerance) {
    Level &l = levels_[0];
    l.A[r] = sign * constant;
    for (int k = 0; k < n_; ++k) l.A[(k + 1) * stride_ + r] = sign * row[k];
    l.error[r] = 2 * tolerance + 32 * (n_ + 8) * kUnit;
}

void Flats::set_nonbasic(const int *codes) {
    Level &l = levels_[0];
    for (int j = 0; j < n_; ++j) {
        l.nonbasic[j] = codes[j];
        if (codes[j] < 2 * n_) l.where[codes[j] / 2] = -1 - j;
    }
}

void Flats::set_basic(int r, int code, double value, const double *row) {
    Level &l = levels_[0];
    l.T[r] = value;
    for (int j = 0; j < n_; ++j) l.T[(j + 1) * stride_ + r] = row[j];
    if (r >= faces_) return;
    l.basic[r] = code;
    l.least[r] = 0.0;
    l.most[r] = code < 2 * n_ ? 2.0 : kInfinity;
    if (code < 2 * n_) l.where[code / 2] = r;
}

template <int B> INLINE void Flats::evaluate(const Level &l, const double *point, Vec *v) const {
    for (int b = 0; b < B; ++b) v[b] = load(l.A + b * kVec);
    const double *column = l.A + B * kVec;
    for (int c = 0; c < l.d; ++c, column += B * kVec) {
        const double t = point[c];
        for (int b = 0; b < B; ++b) v[b] += t * load(column + b * kVec);
    }
}

// Whether a point is certainly inside. If so it is kept, and tells the signs of all rows.
template <int B> INLINE bool Flats::examine(Level &l, double *point) {
    for (int c = 0; c < l.d; ++c)
        if (!(std::fabs(point[c]) <= bound_[l.coordinate[c]])) return false;
    Vec v[B];
    evaluate<B>(l, point, v);
    double *values = l.values + l.n_points * B * kVec;
    uint64_t good = 0;
    for (int b = 0; b < B; ++b) {
        const Vec x = load(l.error + b * kVec);
        store(values + b * kVec) = v[b];
        good |= (above(v[b] - x, load(l.low + b * kVec)) & above(load(l.high + b * kVec), v[b] + x)) << (b * kVec);
    }
    const uint64_t all = rows_ == 64 ? ~uint64_t{0} : bit(rows_) - 1;
    return (good & all) == all;
}

// The row that stops column e, or -1: its variable grows by `own`, to its other bound. Of rows that stop
// it almost together, the one whose pivot is the largest.
template <int B> INLINE int Flats::ratio(const Level &l, int e, double own, double &step) const {
    const double *column = l.T + (e + 1) * B * kVec;
    const Vec inf = Vec{} + kInfinity;
    Vec best = inf, speeds[B], rooms[B];
    for (int b = 0; b < B; ++b) {
        const Vec a = load(column + b * kVec), value = load(l.T + b * kVec), speed = absolute(a);
        const Vec space = a < 0 ? value - load(l.least + b * kVec) : load(l.most + b * kVec) - value;
        const Vec room = space > 0 ? space : Vec{};
        const Lanes moves = speed > kTiny;
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
    uint64_t near = 0;
    for (int b = 0; b < B; ++b) near |= (above(rooms[b], step * speeds[b] + kLoose) ^ 0xff) << (b * kVec);
    int row = first(near);
    if ((near & (near - 1)) == 0) return row;
    alignas(64) double room[B * kVec], speed[B * kVec];
    for (int b = 0; b < B; ++b) {
        store(room + b * kVec) = rooms[b];
        store(speed + b * kVec) = speeds[b];
    }
    for (uint64_t rest = near & (near - 1); rest != 0; rest &= rest - 1)
        if (speed[first(rest)] > speed[row]) row = first(rest);
    step = room[row] / speed[row];
    return row;
}

template <int B> INLINE void Flats::flip(Level &l, int e) const {
    double *column = l.T + (e + 1) * B * kVec;
    for (int b = 0; b < B; ++b) {
        store(l.T + b * kVec) += 2 * load(column + b * kVec);
        store(column + b * kVec) = -load(column + b * kVec);
    }
    l.nonbasic[e] ^= 1;
}

template <int B> INLINE void Flats::pivot(Level &l, int i, int e) const {
    double *entering = l.T + (e + 1) * B * kVec;
    const double p = entering[i], inverse = 1.0 / p;
    const bool rises = p > 0;
    const double step = ((rises ? l.most[i] : 0.0) - l.T[i]) * inverse;
    Vec old[B];
    Lanes here[B];
    for (int b = 0; b < B; ++b) {
        old[b] = load(entering + b * kVec);
        here[b] = kLane + b * kVec == i;
        const Vec value = load(l.T + b * kVec) + step * old[b];
        store(l.T + b * kVec) = here[b] ? Vec{} + step : value;
    }
    double *column = l.T + B * kVec;
    for (int c = 0; c < l.d; ++c, column += B * kVec) {
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
    const int out = l.basic[i] ^ (rises ? 1 : 0), in = l.nonbasic[e];
    l.basic[i] = in;
    l.nonbasic[e] = out;
    l.most[i] = in < 2 * n_ ? 2.0 : kInfinity;
    if (in < 2 * n_) l.where[in / 2] = i;
    if (out < 2 * n_) l.where[out / 2] = -1 - e;
}

// Follow edges on which sign * row grows until it is positive: at a vertex, or on the edge that is then
// not followed to its end.
template <int B> INLINE Flats::Answer Flats::climb(Level &l, int row, double sign, Edge &edge) {
    for (int left = 40 + 4 * (rows_ + l.d); left > 0; --left) {
        edge = {-1, 0.0, sign * l.T[row]};
        if (edge.height > kEnough) return Answer::yes;
        double best = kFlat;
        int e = -1;
        const double *cost = l.T + B * kVec + row;
        for (int c = 0; c < l.d; ++c, cost += B * kVec) {
            const double rate = sign * *cost;
            e = rate > best ? c : e;
            best = rate > best ? rate : best;
        }
        if (e < 0) return Answer::no;
        double step = 0;
        const int i = ratio<B>(l, e, l.nonbasic[e] < 2 * n_ ? 2.0 : kInfinity, step);
        if (edge.height + best * step > kEnough) {
            edge = {e, step, edge.height + best * step};
            return Answer::yes;
        }
        ++pivots;
        if (i < 0)
            flip<B>(l, e);
        else
            pivot<B>(l, i, e);
    }
    return Answer::open;
}

// Whether sign * row is certainly negative all over the flat: weak duality with the reduced costs.
template <int B> INLINE bool Flats::nowhere(const Level &l, int row, double sign) {
    const int stride = B * kVec;
    double *sum = sum_.data();
    for (int c = 0; c <= l.d; ++c) sum[c] = sign * l.A[c * stride + row];
    double margin = l.error[row];
    for (int q = 0; q < l.d; ++q) {
        const double y = -sign * l.T[(q + 1) * stride + row];
        if (!(y > 0)) continue;
        const int code = l.nonbasic[q];
        int r = code / 2 - n_;
        double factor = y;
        if (r < 0) {
            r = l.row_of[code / 2];
            if (r < 0) continue; // a coordinate that is left: the box bounds it
            sum[0] += y;
            if ((code & 1) != 0) factor = -y;
        }
        for (int c = 0; c <= l.d; ++c) sum[c] += factor * l.A[c * stride + r];
        margin += y * (l.error[r] + 4 * kUnit);
    }
    double top = sum[0];
    for (int c = 1; c <= l.d; ++c) top += std::fabs(sum[c]);
    return top + 2 * margin < 0;
}

// Look for a point where sign * row is positive. Yes: the last one kept is such a point.
template <int B> INLINE Flats::Answer Flats::reach(Level &l, int row, double sign, int base) {
    ++programs;
    Edge edge;
    const Answer end = climb<B>(l, row, sign, edge);
    if (end == Answer::open) return end;
    if (end == Answer::no) return nowhere<B>(l, row, sign) ? end : Answer::open;
    const int stride = B * kVec, pitch = (l.d + kVec - 1) / kVec * kVec;
    const double there = sign * l.values[base * stride + row];
    const double share = there < 0 ? 0.5 * edge.height / (edge.height - there) : 0.5;
    const double *from = l.points + base * pitch;
    double *point = l.points + l.n_points * pitch;
    const double *ray = l.T + (edge.entering + 1) * stride;
    for (int c = 0; c < l.d; ++c) {
        const int at = l.where[l.coordinate[c]];
        double t = 0;
        int code = 0;
        if (at < 0) {
            t = -1 - at == edge.entering ? edge.step : 0.0;
            code = l.nonbasic[-1 - at];
        } else {
            t = l.T[at] + (edge.entering < 0 ? 0.0 : edge.step * ray[at]);
            code = l.basic[at];
        }
        const double s = (code & 1) != 0 ? 1.0 - t : t - 1.0;
        point[c] = s + share * (from[c] - s);
    }
    if (!examine<B>(l, point)) return Answer::open;
    if (!(sign * l.values[l.n_points * stride + row] > l.error[row])) return Answer::open;
    ++l.n_points;
    return Answer::yes;
}

// The rows on the flat where row i vanishes, which has one coordinate less.
template <int B> INLINE bool Flats::eliminate(const Level &l, Level &to, int i) const {
    const int stride = B * kVec, d = l.d;
    int e = 1;
    for (int c = 2; c <= d; ++c)
        if (std::fabs(l.A[c * stride + i]) > std::fabs(l.A[e * stride + i])) e = c;
    const double lead = l.A[e * stride + i], inverse = -1.0 / lead;
    if (!(std::fabs(lead) > kSteep * l.error[i])) return false;
    const int gone = l.coordinate[e - 1];
    Vec old[B];
    Lanes here[B];
    const double own = l.error[i] * std::fabs(inverse);
    for (int b = 0; b < B; ++b) {
        const int at = b * kVec;
        old[b] = load(l.A + e * stride + at);
        here[b] = kLane + at == i;
        const Vec error = (load(l.error + at) + own * absolute(old[b])) * (1 + 4 * kUnit);
        store(to.error + at) = here[b] ? Vec{} + own * (1 + 4 * kUnit) : error;
        store(to.low + at) = here[b] ? Vec{} - bound_[gone] : load(l.low + at);
        store(to.high + at) = here[b] ? Vec{} + bound_[gone] : load(l.high + at);
    }
    int put = 0;
    for (int c = 0; c <= d; ++c) {
        if (c == e) continue;
        const double *column = l.A + c * stride;
        double *now = to.A + put * stride;
        const double factor = column[i] * inverse;
        for (int b = 0; b < B; ++b) {
            const Vec sum = load(column + b * kVec) + factor * old[b];
            store(now + b * kVec) = here[b] ? Vec{} + factor : sum;
        }
        if (put > 0) to.coordinate[put - 1] = l.coordinate[c - 1];
        ++put;
    }
    std::memcpy(to.row_of, l.row_of, z(n_) * sizeof(int));
    to.row_of[gone] = i;
    to.n_points = 0;
    return true;
}

// Its dictionary: on an edge where row i changes its sign, that goes to zero and stays there.
template <int B> INLINE bool Flats::descend(Level &l, Level &to, int i) {
    const int stride = B * kVec, d = l.d;
    Edge edge;
    if (climb<B>(l, i, l.T[i] > 0 ? -1.0 : 1.0, edge) != Answer::yes || edge.entering < 0) return false;
    const int e = edge.entering;
    const double *entering = l.T + (e + 1) * stride;
    const double inverse = 1.0 / entering[i], step = -l.T[i] * inverse;
    Vec old[B];
    Lanes here[B];
    const int in = l.nonbasic[e];
    for (int b = 0; b < B; ++b) {
        const int at = b * kVec;
        old[b] = load(entering + at);
        here[b] = kLane + at == i;
        const Vec value = load(l.T + at) + step * old[b];
        store(to.T + at) = here[b] ? Vec{} + step : value;
        store(to.least + at) = here[b] ? Vec{} : load(l.least + at);
        store(to.most + at) = here[b] ? Vec{} + (in < 2 * n_ ? 2.0 : kInfinity) : load(l.most + at);
    }
    std::memcpy(to.basic, l.basic, z(stride) * sizeof(int));
    std::memcpy(to.where, l.where, z(n_) * sizeof(int));
    to.basic[i] = in;
    if (in < 2 * n_) to.where[in / 2] = i;
    int put = 0;
    for (int c = 0; c < d; ++c) {
        if (c == e) continue;
        const double *column = l.T + (c + 1) * stride;
        double *now = to.T + (put + 1) * stride;
        const double factor = -column[i] * inverse;
        for (int b = 0; b < B; ++b) {
            const Vec sum = load(column + b * kVec) + factor * old[b];
            store(now + b * kVec) = here[b] ? Vec{} + factor : sum;
        }
        const int code = l.nonbasic[c];
        to.nonbasic[put] = code;
        if (code < 2 * n_) to.where[code / 2] = -1 - put;
        ++put;
    }
    return true;
}

// On a line c + a t: whether it runs through the polytope, and in how many parts other rows divide it.
// 0: not certain.
template <int B>
INLINE std::int64_t Flats::line(const Vec *c, const Vec *a, const Vec *x, const Vec *low, const Vec *high,
                                double bound, uint64_t others, bool &met) const {
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
        from = larger(from, lower + 5 * doubt);
        start = larger(start, lower - 2 * doubt);
        to = -larger(-to, 5 * doubt - upper);
        end = -larger(-end, -2 * doubt - upper);
    }
    const double left = largest(from), right = -largest(-to), least = largest(start), most = -largest(-end);
    met = false;
    if (most < least) return 1;
    if (!(left < right)) return 0;
    met = true;
    if (others == 0) return 1;
    uint64_t certain = 0, cross = 0;
    for (int b = 0; b < B; ++b) {
        const Vec size = absolute(a[b]), near = c[b] + left * a[b], far = c[b] + right * a[b];
        const Vec s = 2 * x[b] + (left - least) * size, t = 2 * x[b] + (most - right) * size;
        const uint64_t near_plus = above(near, s), near_minus = above(-near, s), far_plus = above(far, t),
                       far_minus = above(-far, t);
        certain |= ((near_plus | near_minus) & (far_plus | far_minus)) << (b * kVec);
        cross |= ((near_plus & far_minus) | (near_minus & far_plus)) << (b * kVec);
    }
    if ((others & ~certain) != 0) return 0;
    cross &= others;
    const int count = __builtin_popcountll(cross);
    if (count < 2) return 1 + count;
    alignas(64) double places[B * kVec], doubts[B * kVec];
    for (int b = 0; b < B; ++b) {
        store(places + b * kVec) = -c[b] * inverse[b];
        store(doubts + b * kVec) = 3 * x[b] * absolute(inverse[b]);
    }
    for (uint64_t rest = cross; rest != 0; rest &= rest - 1)
        for (uint64_t next = rest & (rest - 1); next != 0; next &= next - 1) {
            const int i = first(rest), j = first(next);
            if (!(std::fabs(places[i] - places[j]) > doubts[i] + doubts[j])) return 0;
        }
    return 1 + count;
}

// The parts of a flat of two dimensions.
template <int B> INLINE std::int64_t Flats::plane(const Level &l, uint64_t cuts) {
    const int stride = B * kVec;
    std::int64_t total = 1;
    for (uint64_t rest = cuts; rest != 0; rest &= rest - 1) {
        const int i = first(rest);
        const double p = l.A[stride + i], q = l.A[2 * stride + i];
        const bool second = std::fabs(q) > std::fabs(p);
        const double lead = second ? q : p, inverse = -1.0 / lead;
        if (!(std::fabs(lead) > kSteep * l.error[i])) return 0;
        const double *gone = l.A + (second ? 2 : 1) * stride, *left = l.A + (second ? 1 : 2) * stride;
        const double slope = (second ? p : q) * inverse, constant = l.A[i] * inverse, own = l.error[i] * std::fabs(inverse);
        const double bound = bound_[l.coordinate[second ? 1 : 0]];
        Vec c[B], a[B], x[B], low[B], high[B];
        for (int b = 0; b < B; ++b) {
            const int at = b * kVec;
            const Lanes here = kLane + at == i;
            const Vec old = load(gone + at);
            const Vec c_now = load(l.A + at) + constant * old, a_now = load(left + at) + slope * old,
                      x_now = load(l.error + at) + own * absolute(old);
            c[b] = here ? Vec{} + constant : c_now;
            a[b] = here ? Vec{} + slope : a_now;
            x[b] = (here ? Vec{} + own : x_now) * (1 + 4 * kUnit);
            low[b] = here ? Vec{} - bound : load(l.low + at);
            high[b] = here ? Vec{} + bound : load(l.high + at);
        }
        bool met = false;
        const std::int64_t found =
            line<B>(c, a, x, low, high, bound_[l.coordinate[second ? 0 : 1]], rest & (rest - 1), met);
        if (found == 0) return 0;
        if (met) total += found;
    }
    return total;
}

template <int B> INLINE std::int64_t Flats::node(int level, uint64_t cuts) {
    Level &l = levels_[z(level)];
    ++flats;
    if (l.d == 2) return plane<B>(l, cuts);
    const int stride = B * kVec, pitch = (l.d + kVec - 1) / kVec * kVec;
    // what is known: where each of the hyperplanes' rows is certainly positive, and negative
    uint64_t signs[2] = {0, 0};
    signed char where[2][kRows];
    const auto note = [&](int k) __attribute__((always_inline)) {
        uint64_t now[2] = {0, 0};
        for (int b = 0; b < B; ++b) {
            const Vec v = load(l.values + k * stride + b * kVec), x = load(l.error + b * kVec);
            now[0] |= above(v, x) << (b * kVec);
            now[1] |= above(-v, x) << (b * kVec);
        }
        for (int side = 0; side < 2; ++side) {
            for (uint64_t rest = now[side] & ~signs[side] & cuts; rest != 0; rest &= rest - 1)
                where[side][first(rest)] = static_cast<signed char>(k);
            signs[side] |= now[side];
        }
    };
    note(0);
    uint64_t keep = cuts;
    for (uint64_t rest = cuts; rest != 0; rest &= rest - 1) {
        const int j = first(rest);
        for (int side = 0; side < 2; ++side) {
            if ((signs[side] & bit(j)) != 0) continue;
            const Answer found = reach<B>(l, j, side == 0 ? 1.0 : -1.0, 0);
            if (found == Answer::open) return 0;
            if (found == Answer::no) {
                keep &= ~bit(j);
                break;
            }
            note(l.n_points - 1);
        }
    }
    std::int64_t total = 1;
    for (uint64_t rest = keep; rest != 0; rest &= rest - 1) {
        const uint64_t later = rest & (rest - 1);
        if (later == 0) {
            ++total;
            continue;
        }
        const int i = first(rest);
        Level &to = levels_[z(level + 1)];
        if (!eliminate<B>(l, to, i)) return 0;
        if (to.d > 2) {
            if (!descend<B>(l, to, i)) return 0;
            const int plus = where[0][i], minus = where[1][i];
            const double high = l.values[plus * stride + i], low = l.values[minus * stride + i];
            const double share = -low / (high - low);
            const double *p = l.points + plus * pitch, *q = l.points + minus * pitch;
            double *point = to.points;
            for (int c = 0, put = 0; c < l.d; ++c) {
                if (put < to.d && to.coordinate[put] == l.coordinate[c]) {
                    point[put] = q[c] + share * (p[c] - q[c]);
                    ++put;
                }
            }
            if (!examine<B>(to, point)) return 0;
            to.n_points = 1;
        }
        const std::int64_t found = down(level + 1, later);
        if (found == 0) return 0;
        total += found;
    }
    return total;
}

CLONES std::int64_t Flats::node1(int level, uint64_t cuts) { return node<1>(level, cuts); }
CLONES std::int64_t Flats::node2(int level, uint64_t cuts) { return node<2>(level, cuts); }
CLONES std::int64_t Flats::node3(int level, uint64_t cuts) { return node<3>(level, cuts); }
CLONES std::int64_t Flats::node4(int level, uint64_t cuts) { return node<4>(level, cuts); }
CLONES std::int64_t Flats::node8(int level, uint64_t cuts) { return node<8>(level, cuts); }

std::int64_t Flats::down(int level, uint64_t cuts) {
    switch (blocks_) {
    case 1: return node1(level, cuts);
    case 2: return node2(level, cuts);
    case 3: return node3(level, cuts);
    case 4: return node4(level, cuts);
    default: return node8(level, cuts);
    }
}

CLONES bool Flats::begin(double *inside) {
    switch (blocks_) {
    case 1: return examine<1>(levels_[0], inside);
    case 2: return examine<2>(levels_[0], inside);
    case 3: return examine<3>(levels_[0], inside);
    case 4: return examine<4>(levels_[0], inside);
    default: return examine<8>(levels_[0], inside);
    }
}

std::int64_t Flats::parts(const double *inside) {
    Level &l = levels_[0];
    std::copy(inside, inside + n_, l.points);
    if (!begin(l.points)) return 0;
    l.n_points = 1;
    const uint64_t all = rows_ == 64 ? ~uint64_t{0} : bit(rows_) - 1;
    return down(0, faces_ == 64 ? 0 : all & (~uint64_t{0} << faces_));
}

} // namespace plica

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
INLINE int last(uint64_t set) { return 63 - __builtin_clzll(set); }
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
    l.via = -1;
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
    codes_.assign(z(levels * (5 * n_ + stride_)), 0);
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
        l.scratch = take_codes(n_);
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

// The column in which sign * row grows the most, or -1. Positive numbers are in the order of their bits,
// of which the last ones make room for the column.
template <int B> INLINE int Flats::steepest(const double *row, int d, double sign, double &best) const {
    constexpr std::int64_t room = 1023;
    const auto bits = [](double value) __attribute__((always_inline)) {
        std::int64_t found = 0;
        std::memcpy(&found, &value, sizeof found);
        return found;
    };
    const std::int64_t turn = bits(sign) & std::numeric_limits<std::int64_t>::min(), least = bits(kFlat) | room;
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

// Follow edges on which sign * row grows until it is positive: at a vertex, or on the edge that is then
// not followed to its end.
template <int B> INLINE Flats::Answer Flats::climb(Level &l, int row, double sign, Edge &edge) {
    for (int left = 40 + 4 * (rows_ + l.d); left > 0; --left) {
        edge = {-1, 0.0, sign * l.T[row]};
        if (edge.height > kEnough) return Answer::yes;
        double best = 0;
        const int e = steepest<B>(l.T + B * kVec + row, l.d, sign, best);
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
    // multipliers of faces and of bounds of coordinates that have been eliminated; the box bounds the others
    double *factors = sum_.data(), constant = sign * l.A[row], margin = l.error[row];
    int *rows = l.scratch, n = 0;
    for (int q = 0; q < l.d; ++q) {
        const double rate = -sign * l.T[(q + 1) * stride + row], y = rate > 0 ? rate : 0.0;
        const int code = l.nonbasic[q], k = code / 2;
        const bool face = k >= n_;
        const int r = face ? k - n_ : l.row_of[k];
        rows[n] = r;
        factors[n] = !face && (code & 1) != 0 ? -y : y;
        const bool counts = (r >= 0) & (y > 0);
        constant += !face & counts ? y : 0.0;
        margin += counts ? y * (l.error[r] + 4 * kUnit) : 0.0;
        n += counts ? 1 : 0;
    }
    double top = 0;
    for (int c = 0; c <= l.d; ++c) {
        const double *column = l.A + c * stride;
        double sum = c == 0 ? constant : sign * column[row];
        for (int i = 0; i < n; ++i) sum += factors[i] * column[rows[i]];
        top += c == 0 ? sum : std::fabs(sum);
    }
    return top + 2 * margin < 0;
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

// Its dictionary: on an edge where that row changes its sign, it goes to zero and stays there.
template <int B> INLINE bool Flats::descend(Level &l, Level &to) {
    const int stride = B * kVec, d = l.d, i = to.via;
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
    to.via = -1;
    return true;
}

// Look for a point where sign * row is positive. Yes: the last one kept is such a point.
template <int B> INLINE Flats::Answer Flats::reach(int level, int row, double sign) {
    ++programs;
    Level &l = levels_[z(level)];
    int top = level; // dictionaries are made when they are needed
    while (levels_[z(top)].via >= 0) --top;
    for (; top < level; ++top)
        if (!descend<B>(levels_[z(top)], levels_[z(top + 1)])) return Answer::open;
    Edge edge;
    const Answer end = climb<B>(l, row, sign, edge);
    if (end == Answer::open) return end;
    if (end == Answer::no) return nowhere<B>(l, row, sign) ? end : Answer::open;
    const int stride = B * kVec, pitch = (l.d + kVec - 1) / kVec * kVec;
    const double there = sign * l.values[row];
    const double share = there < 0 ? 0.5 * edge.height / (edge.height - there) : 0.5;
    const double *from = l.points;
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

// The hyperplanes of which certain points of l tell both signs on the flat where row i vanishes, between
// a point where it is positive and one where it is negative. Pairs of points that tell something are listed.
template <int B>
INLINE uint64_t Flats::between(const Level &l, int i, uint64_t rows, Pair *pairs, int &n_pairs) const {
    const int stride = B * kVec;
    const double own = l.error[i];
    uint64_t plus = ~rows, minus = ~rows;
    n_pairs = 0;
    for (int p = 0; p < l.n_points; ++p) {
        const double *above_it = l.values + p * stride;
        const double up = above_it[i];
        if (!(up > own)) continue;
        for (int q = 0; q < l.n_points; ++q) {
            const double *below_it = l.values + q * stride;
            const double down = -below_it[i];
            if (!(down > own)) continue;
            uint64_t now_plus = 0, now_minus = 0;
            for (int b = 0; b < B; ++b) {
                const Vec x = load(above_it + b * kVec), y = load(below_it + b * kVec);
                const Vec value = up * y + down * x;
                const Vec doubt = 2 * ((up + down) * load(l.error + b * kVec) + own * (absolute(x) + absolute(y)));
                now_plus |= above(value, doubt) << (b * kVec);
                now_minus |= above(-value, doubt) << (b * kVec);
            }
            if (((now_plus & ~plus) | (now_minus & ~minus)) == 0 && n_pairs > 0) continue;
            plus |= now_plus;
            minus |= now_minus;
            pairs[n_pairs++] = {p, q, down / (up + down)};
            if ((plus & minus) == ~uint64_t{0}) return rows;
        }
    }
    return rows & plus & minus;
}

// Leave out hyperplanes that do not cut the polytope, where that makes columns shorter.
template <int B> INLINE bool Flats::compress(Level &l, uint64_t keep) {
    const int kept = __builtin_popcountll(keep), rows = faces_ + kept, blocks = std::max(1, (rows + kVec - 1) / kVec);
    if (blocks >= B || blocks > 4) return false;
    const int to = blocks * kVec;
    const auto shorten = [&](double *numbers, int columns, double rest) {
        for (int c = 0; c < columns; ++c) {
            const double *from = numbers + c * B * kVec;
            double *column = numbers + c * to;
            int put = faces_;
            for (int r = 0; r < faces_; ++r) column[r] = from[r];
            for (uint64_t left = keep; left != 0; left &= left - 1) column[put++] = from[first(left)];
            for (; put < to; ++put) column[put] = rest;
        }
    };
    shorten(l.A, l.d + 1, 0.0);
    shorten(l.T, l.d + 1, 0.0);
    shorten(l.error, 1, 0.0);
    shorten(l.values, l.n_points, 0.0); // low, high, least and most are those of any hyperplane
    cuts_ = kept;
    rows_ = rows;
    blocks_ = blocks;
    return true;
}

template <int B> INLINE std::int64_t Flats::node(int level, uint64_t cuts) {
    Level &l = levels_[z(level)];
    ++flats;
    if (l.d == 2) {
        l.keep = cuts;
        return plane<B>(l, cuts);
    }
    const int stride = B * kVec, pitch = (l.d + kVec - 1) / kVec * kVec;
    // what is known: which of the hyperplanes' rows are certainly positive somewhere, and negative
    uint64_t plus = 0, minus = 0;
    const auto note = [&](int k) __attribute__((always_inline)) {
        for (int b = 0; b < B; ++b) {
            const Vec v = load(l.values + k * stride + b * kVec), x = load(l.error + b * kVec);
            plus |= above(v, x) << (b * kVec);
            minus |= above(-v, x) << (b * kVec);
        }
    };
    for (int k = 0; k < l.n_points; ++k) note(k);
    uint64_t keep = cuts;
    for (uint64_t rest = cuts; rest != 0; rest &= rest - 1) {
        const int j = first(rest);
        for (int side = 0; side < 2; ++side) {
            if (((side == 0 ? plus : minus) & bit(j)) != 0) continue;
            const Answer found = reach<B>(level, j, side == 0 ? 1.0 : -1.0);
            if (found == Answer::open) return 0;
            if (found == Answer::no) {
                keep &= ~bit(j);
                break;
            }
            note(l.n_points - 1);
        }
    }
    if (level == 0 && compress<B>(l, keep)) return down(0, keep_all());
    l.keep = keep;
    std::int64_t total = 1;
    Pair pairs[2 * kRows];
    for (uint64_t rest = keep; rest != 0;) { // the last one first
        const int i = last(rest);
        rest ^= bit(i);
        uint64_t later = keep & after(i);
        // two that do not meet on the flat above do not meet here
        if (level > 0) later &= levels_[z(level - 1)].meets[i];
        l.meets[i] = later;
        if (later == 0) {
            ++total;
            continue;
        }
        Level &to = levels_[z(level + 1)];
        if (to.d > 2) {
            int n_pairs = 0;
            const uint64_t known = between<B>(l, i, later, pairs, n_pairs);
            if (known == later && (later & (later - 1)) == 0) { // one, and it cuts the flat
                total += 2;
                continue;
            }
            if (!eliminate<B>(l, to, i)) return 0;
            to.via = i;
            for (int k = 0; k < n_pairs; ++k) {
                const double *p = l.points + pairs[k].above * pitch, *q = l.points + pairs[k].below * pitch;
                double *point = to.points + to.n_points * ((to.d + kVec - 1) / kVec * kVec);
                for (int c = 0, put = 0; c < l.d; ++c)
                    if (put < to.d && to.coordinate[put] == l.coordinate[c]) {
                        point[put] = q[c] + pairs[k].share * (p[c] - q[c]);
                        ++put;
                    }
                if (examine<B>(to, point)) ++to.n_points;
            }
            if (to.n_points == 0) return 0;
        } else if (!eliminate<B>(l, to, i)) {
            return 0;
        }
        const std::int64_t found = down(level + 1, later);
        if (found == 0) return 0;
        total += found;
        l.meets[i] = to.keep;
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
    return down(0, keep_all());
}

// All hyperplanes.
std::uint64_t Flats::keep_all() const {
    return (rows_ == 64 ? ~uint64_t{0} : bit(rows_) - 1) & ~(faces_ == 64 ? ~uint64_t{0} : bit(faces_) - 1);
}

} // namespace plica

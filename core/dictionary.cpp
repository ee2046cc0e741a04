#include "dictionary.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "kernels.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFlat = 1e-12;  // reduced costs and pivots below are taken for zero by the guide
constexpr double kTiny = 1e-10;
constexpr int kSpan = 8; // storage is padded to this many numbers

std::vector<double> cone_bounds(int n, double others, double last) {
    std::vector<double> bounds(z(n), others);
    bounds.back() = last;
    return bounds;
}

std::size_t pad(int n) { return z((n + kSpan - 1) / kSpan * kSpan); }

} // namespace

Dictionary::Dictionary(const Domain &domain, Arbiter &arbiter, double filter)
    : domain_(domain), arbiter_(arbiter), filter_(filter), n_(domain.n),
      g_(domain.n + (domain.cone ? 1 : 0)), ld_(static_cast<int>(pad(g_))),
      lower_(domain.cone ? cone_bounds(g_, -1.0, 0.0) : domain.lower),
      upper_(domain.cone ? cone_bounds(g_, 1.0, 1.0) : domain.upper),
      lp_(lower_.data(), upper_.data(), g_) {
    for (Numbers *numbers : {&middle_, &half_, &gap_, &z_, &d_, &s_, &q_, &sum_, &found_[0], &found_[1]})
        numbers->assign(z(ld_), 0.0);
    for (int k = 0; k < g_; ++k) {
        const double low = lower_[z(k)], high = upper_[z(k)];
        middle_[z(k)] = low / 2 + high / 2;
        double half = std::max(high - middle_[z(k)], middle_[z(k)] - low);
        half = std::nextafter(std::nextafter(half, kInfinity), kInfinity); // covers the domain
        half_[z(k)] = half;
        gap_[z(k)] = 8 * kUnit * (std::fabs(middle_[z(k)]) + half) / half;
    }
}

Dictionary::View Dictionary::view(const Cell &cell) {
    double *numbers = numbers_.at(cell.numbers);
    int *codes = codes_.at(cell.codes);
    const std::size_t m = pad(cell.m);
    double *values = numbers + z(cell.m) * z(ld_);
    return {numbers, values, values + m, values + 2 * m, codes, codes + cell.m, codes + 2 * cell.m};
}

Dictionary::Cell Dictionary::make(int m) {
    Cell cell;
    cell.m = m;
    cell.numbers = numbers_.grow(z(m) * z(ld_) + 2 * pad(m) + z(ld_));
    cell.codes = codes_.grow(z(2 * m + g_));
    return cell;
}

void Dictionary::release(const Mark &mark) {
    numbers_.truncate(mark.numbers);
    codes_.truncate(mark.codes);
    lines_.truncate(mark.lines);
    rows_.truncate(mark.lines * z(ld_));
}

Dictionary::Cell Dictionary::start() {
    Cell cell = make(0);
    const View v = view(cell);
    cell.inside = true;
    std::fill(v.point, v.point + ld_, 0.0);
    for (int k = 0; k < g_; ++k) {
        v.nonbasic[k] = 2 * k;
        // not the middle, where many hyperplanes of real networks meet
        v.point[k] = 0.125 * std::fmod(0.6180339887498949 * (k + 1), 1.0) + 0.01;
        cell.inside = cell.inside && std::fabs(v.point[k]) <= 1 - gap_[z(k)];
    }
    const int facets = static_cast<int>(domain_.b.size());
    std::vector<double> row(z(n_) + 1);
    for (int i = 0; i < facets; ++i) {
        for (int k = 0; k < n_; ++k) row[z(k)] = -domain_.A[z(i) * z(n_) + z(k)];
        row[z(n_)] = domain_.b[z(i)];
        load({row.data(), 1, 0.0, 0.0, {}});
        facet_ = i;
        const int signs = ask_loaded(cell);
        if (signs == 2 || (signs == 0 && !zero(exact_question())))
            throw std::domain_error("the domain has no interior");
        if (signs == 3) cell = child(cell, true);
    }
    return cell;
}

void Dictionary::witness(const Cell &cell, double *point) const {
    const double *s = numbers_.at(cell.numbers) + z(cell.m) * z(ld_) + 2 * pad(cell.m);
    for (int k = 0; k < g_; ++k) {
        const double u = middle_[z(k)] + half_[z(k)] * s[k];
        if (k < n_)
            point[k] = domain_.cone ? u : std::clamp(u, lower_[z(k)], upper_[z(k)]);
        else
            for (int i = 0; i < n_; ++i) point[i] /= u;
    }
}

Range Dictionary::range(const Cell &, const Question &q) const {
    const double constant = q.row[z(n_) * q.stride] - q.shift;
    double centre = domain_.cone ? constant * middle_[z(n_)] : constant;
    double size = domain_.cone ? std::fabs(constant) * half_[z(n_)] : 0.0, sum = std::fabs(constant);
    for (int k = 0; k < n_; ++k) {
        const double a = q.row[z(k) * q.stride];
        centre += a * middle_[z(k)];
        size += std::fabs(a) * half_[z(k)];
        sum += std::fabs(a) * (std::fabs(middle_[z(k)]) + half_[z(k)]);
    }
    const double margin =
        size + filter_ * (q.tolerance + (3 * g_ + 12) * kUnit * (sum + std::fabs(q.shift)) + DBL_MIN);
    return {centre - margin, centre + margin};
}

void Dictionary::decide(const Cell &cell, const Rows &rows, std::uint16_t *verdict) {
    for (int j = 0; j < rows.n; ++j) {
        verdict[j] = kOpen;
        if (rows.left[j] == kInfinity) {
            verdict[j] = 0;
            continue;
        }
        const Range r = range(cell, {rows.map + j, rows.ld, 0.0, rows.tolerance, {}});
        if (r.high < rows.left[j]) verdict[j] = 0;
        if (r.low > rows.right[j]) verdict[j] = rows.last;
    }
}

// Scale the functional to s, and by a power of two so that its size lies between 1/2 and 1.
void Dictionary::load(const Question &q) {
    f_ = q.exact;
    facet_ = -1;
    have_exact_ = false;
    const double constant = q.row[z(n_) * q.stride] - q.shift;
    double centre = 0, size = 0, sum = std::fabs(constant) + std::fabs(q.shift);
    const auto put = [&](int k, double a) {
        const double scaled = a * half_[z(k)];
        z_[z(k)] = scaled;
        centre += a * middle_[z(k)];
        size += std::fabs(scaled);
        sum += std::fabs(a) * (std::fabs(middle_[z(k)]) + half_[z(k)]);
    };
    for (int k = 0; k < n_; ++k) put(k, q.row[z(k) * q.stride]);
    if (domain_.cone)
        put(n_, constant);
    else
        centre += constant;
    size += std::fabs(centre);
    int exponent = 0;
    std::frexp(size, &exponent);
    exponent = std::clamp(exponent, -900, 900);
    scale_ = std::ldexp(1.0, -exponent);
    for (int k = 0; k < g_; ++k) z_[z(k)] *= scale_;
    constant_ = centre * scale_;
    slack_ = (q.tolerance + (3 * g_ + 12) * kUnit * sum) * scale_ + DBL_MIN;
}

double Dictionary::value_at(const double *row, double constant, const double *s) const {
    double sum = constant;
    for (int k = 0; k < ld_; ++k) sum += row[k] * s[k];
    return sum;
}

int Dictionary::ask(Cell &cell, const Question &question) {
    load(question);
    return ask_loaded(cell);
}

int Dictionary::ask_loaded(Cell &cell) {
    ++tally.asked;
    line_ = -1;
    loose_ = false;
    certain_[0] = certain_[1] = false;
    const View v = view(cell);
    at_witness_ = value_at(z_.data(), constant_, v.point);
    int known = 0;
    if (cell.inside) {
        if (std::fabs(at_witness_) > filter_ * slack_) {
            known = at_witness_ > 0 ? 1 : -1;
        } else {
            ++arbiter_.asked;
            if (zero(exact_question())) return 0;
            known = exact_sign(exact_question(), v.point);
        }
        if (known != 0) {
            certain_[known > 0 ? 0 : 1] = true;
            std::memcpy(found_[known > 0 ? 0 : 1].data(), v.point, z(ld_) * sizeof(double));
        }
    }
    if (known != 0) return (known > 0 ? 1 : 2) | (search(cell, -known) ? (known > 0 ? 2 : 1) : 0);
    int signs = search(cell, 1) ? 1 : 0;
    if (have_exact_ && zero(exact_z_)) return 0;
    if (search(cell, -1)) signs |= 2;
    return signs;
}

// Whether sign * z is positive somewhere in the cell.
bool Dictionary::search(Cell &cell, int sign) {
    ++tally.programs;
    Answer found = walk(cell, sign);
    if (found == Answer::open && cell.inside && filter_ < kInfinity) {
        rebuild(cell, sign);
        found = walk(cell, sign);
    }
    if (found != Answer::open) {
        ++tally.certificates;
        return found == Answer::yes;
    }
    return exactly(cell, sign);
}

// Walk to where sign * z is positive, or to its optimum, and certify what was found.
Dictionary::Answer Dictionary::walk(Cell &cell, int sign) {
    const View v = view(cell);
    express(v, cell.m, sign);
    switch (climb(v, cell.m, 16 * slack_ + 1e-14)) {
    case Answer::yes: return certify_yes(cell, v, sign) ? Answer::yes : Answer::open;
    case Answer::no: return certify_no(v, sign) ? Answer::no : Answer::open;
    default: return Answer::open;
    }
}

// Follow the edges on which the functional grows until it is above `enough`: at a vertex, or on the
// edge that is then not followed to its end. No: the vertex is an optimum.
Dictionary::Answer Dictionary::climb(const View &v, int m, double enough) {
    for (int left = 40 + 4 * (m + g_); left > 0; --left) {
        entering_ = -1;
        step_ = 0;
        if (height_ > enough) return Answer::yes;
        const int e = price();
        if (e < 0) return Answer::no;
        double step = 0;
        const int i = ratio(v, m, e, v.nonbasic[e] < 2 * g_ ? 2.0 : kInfinity, step);
        if (height_ + d_[z(e)] * step > enough) {
            entering_ = e;
            step_ = step;
            return Answer::yes;
        }
        ++tally.pivots;
        if (i < 0)
            flip(v, m, e);
        else
            pivot(v, m, i, e);
    }
    entering_ = -1;
    return Answer::open;
}

// sign * z in the nonbasic variables: height_ + sum_j d_[j] t_j
void Dictionary::express(const View &v, int m, int sign) {
    direction_ = sign;
    height_ = sign * constant_;
    std::fill(d_.begin(), d_.end(), 0.0);
    for (int j = 0; j < g_; ++j) {
        const int code = v.nonbasic[j];
        if (code >= 2 * g_) continue;
        const double a = sign * z_[z(code / 2)];
        const double side = (code & 1) != 0 ? -a : a;
        height_ -= side;
        d_[z(j)] = side;
    }
    for (int i = 0; i < m; ++i) {
        const int code = v.basic[i];
        if (code >= 2 * g_) continue;
        const double a = sign * z_[z(code / 2)];
        const double side = (code & 1) != 0 ? -a : a;
        height_ += side * (v.value[i] - 1.0);
        const double *row = v.T + i * ld_;
        for (int j = 0; j < ld_; ++j) d_[z(j)] += side * row[j];
    }
}

int Dictionary::price() const {
    int best = -1;
    double most = kFlat;
    for (int j = 0; j < g_; ++j)
        if (d_[z(j)] > most) {
            most = d_[z(j)];
            best = j;
        }
    return best;
}

// The first row that stops the nonbasic variable e, or -1: it grows by `own`, to its other bound.
int Dictionary::ratio(const View &v, int m, int e, double own, double &step) const {
    step = own;
    int row = -1;
    double size = 0;
    for (int i = 0; i < m; ++i) {
        const double a = v.T[i * ld_ + e];
        if (!(std::fabs(a) > kTiny)) continue;
        const double room = a < 0 ? v.value[i] : v.limit[i] - v.value[i];
        const double t = std::max(room, 0.0) / std::fabs(a);
        if (t < step || (t == step && std::fabs(a) > size && row >= 0)) {
            step = t;
            row = i;
            size = std::fabs(a);
        }
    }
    return row;
}

void Dictionary::flip(const View &v, int m, int e) {
    for (int i = 0; i < m; ++i) {
        double &a = v.T[i * ld_ + e];
        v.value[i] += 2 * a;
        a = -a;
    }
    height_ += 2 * d_[z(e)];
    d_[z(e)] = -d_[z(e)];
    v.nonbasic[e] ^= 1;
}

void Dictionary::reflect(const View &v, int i) const {
    double *row = v.T + i * ld_;
    for (int j = 0; j < ld_; ++j) row[j] = -row[j];
    v.value[i] = 2.0 - v.value[i];
    v.basic[i] ^= 1;
}

// Exchange the basic variable of row i, which goes to one of its bounds, with the nonbasic one e.
void Dictionary::pivot(const View &v, int m, int i, int e) {
    double *row = v.T + i * ld_;
    if (row[e] > 0 && v.basic[i] < 2 * g_) reflect(v, i); // it rises to its upper bound
    const double inverse = 1.0 / row[e];
    for (int j = 0; j < ld_; ++j) row[j] *= -inverse;
    row[e] = inverse;
    v.value[i] *= -inverse;
    for (int r = 0; r < m; ++r) {
        if (r == i) continue;
        double *other = v.T + r * ld_;
        const double factor = other[e];
        if (factor == 0.0) continue;
        other[e] = 0.0;
        for (int j = 0; j < ld_; ++j) other[j] += factor * row[j];
        v.value[r] += factor * v.value[i];
    }
    const double factor = d_[z(e)];
    d_[z(e)] = 0.0;
    for (int j = 0; j < ld_; ++j) d_[z(j)] += factor * row[j];
    height_ += factor * v.value[i];
    std::swap(v.basic[i], v.nonbasic[e]);
    v.limit[i] = v.basic[i] < 2 * g_ ? 2.0 : kInfinity;
}

// The current vertex, moved along the edge where the search ended.
void Dictionary::vertex(const View &v, int m, double *s) const {
    const auto put = [&](int code, double t) {
        if (code < 2 * g_) s[code / 2] = (code & 1) != 0 ? 1.0 - t : t - 1.0;
    };
    for (int j = 0; j < g_; ++j) put(v.nonbasic[j], j == entering_ ? step_ : 0.0);
    if (entering_ < 0)
        for (int i = 0; i < m; ++i) put(v.basic[i], v.value[i]);
    else
        for (int i = 0; i < m; ++i) put(v.basic[i], v.value[i] + step_ * v.T[i * ld_ + entering_]);
}

// Whether a point certainly lies in the cell.
bool Dictionary::inside(const View &v, int m, const double *s) const {
    for (int k = 0; k < g_; ++k)
        if (!(std::fabs(s[k]) <= 1 - gap_[z(k)])) return false;
    for (int i = 0; i < m; ++i) {
        const int line = v.half[i] / 2;
        const Line &l = lines_[z(line)];
        const double value = value_at(rows_.at(z(line) * z(ld_)), l.constant, s);
        if (!(((v.half[i] & 1) != 0 ? -value : value) > filter_ * l.slack)) return false;
    }
    return true;
}

bool Dictionary::certify_yes(const Cell &cell, const View &v, int sign) {
    if (!cell.inside || filter_ == kInfinity) return false;
    vertex(v, cell.m, s_.data());
    const double reached = entering_ < 0 ? height_ : height_ + d_[z(entering_)] * step_;
    return approach(v, cell, sign, reached, false);
}

// From the point s_, where sign * z has this value, towards the witness, to a point that is certainly
// in the cell and on that side.
bool Dictionary::approach(const View &v, const Cell &cell, int sign, double value, bool exact) {
    const double there = sign * at_witness_;
    const double share = there < 0 ? 0.5 * value / (value - there) : 0.5;
    Numbers &q = found_[sign > 0 ? 0 : 1];
    for (int k = 0; k < ld_; ++k) q[z(k)] = s_[z(k)] + share * (v.point[k] - s_[z(k)]);
    bool &certain = certain_[sign > 0 ? 0 : 1];
    certain = sign * value_at(z_.data(), constant_, q.data()) > filter_ * slack_ && inside(v, cell.m, q.data());
    if (!certain && exact)
        certain = sign * exact_sign(exact_question(), q.data()) > 0 && exactly_inside(v, cell.m, q.data());
    return certain;
}

// Weak duality: with any y >= 0, sign * z + sum_i y_i slack_i bounds sign * z on the cell, and its
// largest value over the box of all coordinates is plain.
bool Dictionary::certify_no(const View &v, int sign) {
    double top = sign * constant_, margin = slack_, weight = 1.0;
    for (int k = 0; k < ld_; ++k) sum_[z(k)] = sign * z_[z(k)];
    int terms = g_ + 8;
    for (int j = 0; j < g_; ++j) {
        const int code = v.nonbasic[j];
        if (code < 2 * g_ || !(d_[z(j)] < 0)) continue;
        const double y = -d_[z(j)];
        const int half = v.half[code / 2 - g_];
        const Line &l = lines_[z(half / 2)];
        const double factor = (half & 1) != 0 ? -y : y;
        const double *row = rows_.at(z(half / 2) * z(ld_));
        for (int k = 0; k < ld_; ++k) sum_[z(k)] += factor * row[k];
        top += factor * l.constant;
        margin += y * l.slack;
        weight += y;
        ++terms;
    }
    for (int k = 0; k < ld_; ++k) top += std::fabs(sum_[z(k)]);
    margin += 2 * terms * kUnit * weight;
    return -top > filter_ * margin;
}

// Bring the dictionary to an edge on which the question, which takes both signs, changes its sign.
bool Dictionary::edge(Cell &cell) {
    if (entering_ >= 0 && height_ <= 0) return true;
    const View v = view(cell);
    express(v, cell.m, 1);
    if (height_ > 0) express(v, cell.m, -1);
    return climb(v, cell.m, 1e-13) == Answer::yes && entering_ >= 0;
}

// A fresh dictionary, at a vertex reached from the witness: one coordinate after another moves to
// where sign * z grows, until it or a row meets a bound.
void Dictionary::rebuild(Cell &cell, int sign) {
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
        const int i = ratio(v, m, e, 2.0 - at, step);
        for (int r = 0; r < m; ++r) v.value[r] += step * v.T[r * ld_ + e];
        if (i < 0) { // at its other bound
            for (int r = 0; r < m; ++r) v.T[r * ld_ + e] = -v.T[r * ld_ + e];
            d_[z(e)] = -d_[z(e)];
            v.nonbasic[e] ^= 1;
        } else {
            v.value[i] = v.T[i * ld_ + e] > 0 ? 2.0 : 0.0;
            pivot(v, m, i, e);
            v.value[i] = at + step;
        }
    }
}

int Dictionary::commit() {
    if (line_ >= 0) return line_;
    line_ = static_cast<int>(lines_.size());
    lines_.push({constant_, slack_, scale_, f_, facet_, have_exact_});
    std::memcpy(rows_.at(rows_.grow(z(ld_))), z_.data(), z(ld_) * sizeof(double));
    if (exact_.size() < lines_.size()) exact_.resize(lines_.capacity());
    if (have_exact_) exact_[z(line_)] = exact_z_;
    return line_;
}

// The part of a cell on one side of the question. On the edge where that changes its sign, its slack
// takes the place of the variable that grows along the edge: one pivot, and both parts are feasible.
Dictionary::Cell Dictionary::child(Cell &cell, bool plus) {
    const int line = commit();
    if (!loose_) loose_ = !edge(cell);
    if (loose_) return exact_child(cell, plus);
    const int m = cell.m, e = entering_;
    Cell part = make(m + 1);
    const View from = view(cell), to = view(part);
    // slack of this part = (plus ? 1 : -1) * z = turn * (height_ + sum_j d_[j] t_j)
    const double turn = (direction_ > 0) == plus ? 1.0 : -1.0, inverse = 1.0 / d_[z(e)];
    double *row = to.T + m * ld_;
    for (int j = 0; j < ld_; ++j) row[j] = -inverse * d_[z(j)];
    row[e] = inverse;
    const double value = -inverse * height_;
    for (int i = 0; i < m; ++i) {
        const double *old = from.T + i * ld_;
        double *now = to.T + i * ld_;
        const double factor = old[e];
        for (int j = 0; j < ld_; ++j) now[j] = old[j] + factor * row[j];
        now[e] = turn * factor * inverse;
        to.value[i] = from.value[i] + factor * value;
        to.limit[i] = from.limit[i];
    }
    row[e] = turn * inverse;
    to.value[m] = value;
    std::memcpy(to.half, from.half, z(m) * sizeof(int));
    std::memcpy(to.basic, from.basic, z(m) * sizeof(int));
    std::memcpy(to.nonbasic, from.nonbasic, z(g_) * sizeof(int));
    to.half[m] = 2 * line + (plus ? 0 : 1);
    to.basic[m] = from.nonbasic[e];
    to.nonbasic[e] = 2 * (g_ + m);
    to.limit[m] = to.basic[m] < 2 * g_ ? 2.0 : kInfinity;
    take_witness(part, cell, plus);
    return part;
}

void Dictionary::take_witness(Cell &part, const Cell &cell, bool plus) {
    const int side = plus ? 0 : 1;
    part.inside = certain_[side];
    const double *point = part.inside ? found_[side].data() : view(cell).point;
    std::memcpy(view(part).point, point, z(ld_) * sizeof(double));
}

} // namespace plica

// What the floating-point walk leaves open, decided in exact arithmetic. Part of the dictionary form.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "dictionary.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {
constexpr double kDull = 1e-10; // rows with larger errors than this are worth to be made exact
constexpr double kParallel = 1e-6; // functionals nearer to multiples of each other are compared exactly
}

// A row of the arbiter in the geometry's coordinates: that of a cone has no constant.
Row Dictionary::lift(Row row) const {
    if (domain_.cone) row.emplace_back();
    return row;
}

Row Dictionary::exact_functional(const Functional &f) const { return lift(arbiter_.functional(f)); }

const Row &Dictionary::exact_row(int index) {
    Line &line = lines_[z(index)];
    if (!line.exact) {
        exact_[z(index)] = exact_functional(line.f);
        line.exact = true;
    }
    return exact_[z(index)];
}

const Row &Dictionary::exact_question() {
    if (!have_exact_) exact_z_ = exact_functional(f_);
    have_exact_ = true;
    return exact_z_;
}

// Sign of a row at the point middle + half * s, which is a dyadic one.
int Dictionary::exact_sign(const Row &row, const double *s) const {
    Dyadic sum = row[z(g_)];
    for (int k = 0; k < g_; ++k) {
        if (row[z(k)].zero()) continue;
        Dyadic u(middle_[z(k)]);
        u.add_product(Dyadic(half_[z(k)]), Dyadic(s[k]));
        sum.add_product(row[z(k)], u);
    }
    return sum.sign();
}

bool Dictionary::exactly_inside(const View &v, int m, const double *s) {
    for (int k = 0; k < g_; ++k) {
        Dyadic u(middle_[z(k)]);
        u.add_product(Dyadic(half_[z(k)]), Dyadic(s[k]));
        Dyadic above = u, below(upper_[z(k)]);
        above.add(Dyadic(lower_[z(k)]), true);
        below.add(u, true);
        if (above.sign() <= 0 || below.sign() <= 0) return false;
    }
    for (int i = 0; i < m; ++i)
        if (exact_sign(exact_row(v.half[i] / 2), s) * ((v.half[i] & 1) != 0 ? -1 : 1) <= 0) return false;
    return true;
}

void Dictionary::start_program(const View &v, int m) {
    halves_.clear();
    signs_.clear();
    for (int i = 0; i < m; ++i) exact_row(v.half[i] / 2);
    for (int i = 0; i < m; ++i) {
        halves_.push_back(&exact_[z(v.half[i] / 2)]);
        signs_.push_back((v.half[i] & 1) != 0 ? -1 : 1);
    }
    lp_.start(m, halves_.data(), signs_.data());
}

// Which sign z has in the cell if it is a multiple of one of the cell's half-spaces, exactly; or 0.
int Dictionary::along_face(const Cell &cell) {
    const View v = view(cell);
    const auto largest = static_cast<std::size_t>(
        std::max_element(z_.begin(), z_.begin() + g_, [](double a, double b) { return std::fabs(a) < std::fabs(b); }) -
        z_.begin());
    const double top = z_[largest];
    for (int i = 0; i < cell.m; ++i) {
        const double *row = rows_.at(z(v.half[i] / 2) * z(ld_));
        const double lead = row[largest];
        const double near = kParallel * std::fabs(top * lead);
        int k = 0;
        while (k < g_ && std::fabs(z_[z(k)] * lead - row[k] * top) <= near) ++k;
        if (k < g_ || lead == 0.0) continue;
        const Row &face = exact_row(v.half[i] / 2), &own = exact_question();
        bool same = true;
        for (std::size_t c = 0; same && c < own.size(); ++c) {
            Dyadic gap;
            gap.add_product(own[c], face[largest]);
            gap.add_product(face[c], own[largest], true);
            same = gap.zero();
        }
        if (!same || own[largest].zero()) continue;
        ++arbiter_.asked;
        return own[largest].sign() * face[largest].sign() * ((v.half[i] & 1) != 0 ? -1 : 1);
    }
    return 0;
}

// The scaled coefficients of an exact row, as they are to a few units in the last place. Their error.
double Dictionary::round_row(const Row &exact, double scale, double *row, double &constant) const {
    Dyadic middle = exact[z(g_)];
    double size = 0;
    for (int k = 0; k < g_; ++k) {
        middle.add_product(exact[z(k)], Dyadic(middle_[z(k)]));
        Dyadic entry = exact[z(k)];
        entry.multiply(Dyadic(half_[z(k)]));
        row[k] = entry.approximate() * scale;
        size += std::fabs(row[k]);
    }
    constant = middle.approximate() * scale;
    return (3 * g_ + 24) * kUnit * (size + std::fabs(constant)) + DBL_MIN;
}

// Where the bounds on the errors of maps are too wide for a sign, the exact rows of the question and of the
// cell's half-spaces take the place of the computed ones. Whether any has changed.
bool Dictionary::sharpen(const Cell &cell) {
    const View v = view(cell);
    bool sharper = false;
    for (int i = 0; i < cell.m; ++i) {
        const int line = v.half[i] / 2;
        Line &l = lines_[z(line)];
        if (l.slack < kDull) continue;
        l.slack = round_row(exact_row(line), l.scale, rows_.at(z(line) * z(ld_)), l.constant);
        sharper = true;
    }
    if (slack_ >= kDull) {
        slack_ = round_row(exact_question(), scale_, z_.data(), constant_);
        sharper = true;
    }
    at_witness_ = value_at(z_.data(), constant_, v.point);
    return sharper;
}

// The same as `search`, from the basis where it ended.
bool Dictionary::exactly(Cell &cell, int sign) {
    const View v = view(cell);
    ++arbiter_.asked;
    if (zero(exact_question())) return false;
    start_program(v, cell.m);
    const bool positive = lp_.positive(exact_question(), sign, v.nonbasic);
    tally.exact_pivots = lp_.pivots;
    if (!positive) return false;
    loose_ = true;
    if (cell.inside) {
        exact_vertex(s_.data());
        approach_exactly(v, cell, sign, lp_.value(cell.m) * scale_);
    }
    return true;
}

// The same as `approach`; the point may be certified by exact arithmetic.
void Dictionary::approach_exactly(const View &v, const Cell &cell, int sign, double value) {
    if (approach(v, cell, sign, value)) return;
    const int side = sign > 0 ? 0 : 1;
    const double *q = found_[side].data();
    certain_[side] = sign * exact_sign(exact_question(), q) > 0 && exactly_inside(v, cell.m, q);
}

// The vertex where the exact program ended, in scaled coordinates.
void Dictionary::exact_vertex(double *s) const {
    const auto put = [&](int code, double t) {
        const int k = code / 2;
        if (k < g_) s[k] = (code & 1) != 0 ? 1.0 - t / half_[z(k)] : t / half_[z(k)] - 1.0;
    };
    for (const int code : lp_.nonbasic()) put(code, 0.0);
    for (int i = 0; i < lp_.rows(); ++i) put(lp_.basic()[z(i)], lp_.value(i));
}

// A part made from the tableau of the exact program that ended on its side.
Dictionary::Cell Dictionary::exact_child(Cell &cell, bool plus) {
    const int m = cell.m, sign = plus ? 1 : -1;
    Cell part = make(m + 1);
    const View from = view(cell), to = view(part);
    start_program(from, m);
    if (!lp_.positive(exact_question(), sign, from.nonbasic))
        throw std::logic_error("a part of a cell that is not there");
    tally.exact_pivots = lp_.pivots;
    if (!certain_[plus ? 0 : 1]) {
        exact_vertex(s_.data());
        if (cell.inside) approach_exactly(from, cell, sign, lp_.value(m) * scale_);
    }
    // scale of a variable: coordinates are measured in half widths, cuts by the scale of their lines
    const auto scale = [&](int code) {
        const int k = code / 2;
        return k < g_ ? 1.0 / half_[z(k)] : k < g_ + m ? lines_[z(from.half[k - g_] / 2)].scale : scale_;
    };
    std::memcpy(to.nonbasic, lp_.nonbasic().data(), z(g_) * sizeof(int));
    std::memcpy(to.half, from.half, z(m) * sizeof(int));
    to.half[m] = 2 * line_ + (plus ? 0 : 1);
    for (int i = 0; i <= m; ++i) {
        const int code = i < m ? lp_.basic()[z(i)] : 2 * (g_ + m);
        to.basic[i] = code;
        const double factor = scale(code);
        to.value[i] = factor * lp_.value(i);
        to.limit[i] = code < 2 * g_ ? 2.0 : std::numeric_limits<double>::infinity();
        double *row = to.T + i * ld_;
        for (int j = 0; j < g_; ++j) row[j] = factor * lp_.entry(i, j) / scale(to.nonbasic[j]);
        for (int j = g_; j < ld_; ++j) row[j] = 0.0;
    }
    take_witness(part, cell, plus);
    if (!part.inside) {
        between(to, m + 1, s_.data());
        std::memcpy(to.point, s_.data(), z(ld_) * sizeof(double));
        part.inside = exactly_inside(to, m + 1, to.point);
    }
    return part;
}

} // namespace plica

#include "exact_lp.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace plica {

namespace {
constexpr int kNone = std::numeric_limits<int>::max();
std::size_t z(int i) { return static_cast<std::size_t>(i); }
} // namespace

ExactLp::ExactLp(const double *lower, const double *upper, int n) : n_(n) {
    for (int k = 0; k < n; ++k) {
        lower_.emplace_back(lower[k]);
        upper_.emplace_back(upper[k]);
        width_.push_back(upper_.back());
        width_.back().add(lower_.back(), true);
    }
}

void ExactLp::start(int n_rows, const Row *const *rows, const signed char *signs) {
    half_.assign(rows, rows + n_rows);
    signs_.assign(signs, signs + n_rows);
}

// Write sign * row into row i of the tableau, in terms of the current nonbasic variables.
void ExactLp::express(const Row &row, int sign, int i) {
    Dyadic constant; // times the denominator at the end
    constant.add(row[z(n_)], sign < 0);
    for (int j = 0; j <= n_; ++j) at(i, j).clear();
    for (int k = 0; k < n_; ++k) {
        if (row[z(k)].zero()) continue;
        const int column = column_of_[z(k)], basic = row_of_[z(k)];
        const int code = column >= 0 ? nonbasic_[z(column)] : basic_[z(basic)];
        const bool up = (code & 1) != 0; // measured from the upper bound
        constant.add_product(row[z(k)], up ? upper_[z(k)] : lower_[z(k)], sign < 0);
        const bool minus = (sign < 0) != up;
        if (column >= 0) {
            at(i, column).add_product(row[z(k)], denominator_, minus);
        } else {
            for (int j = 0; j <= n_; ++j) at(i, j).add_product(at(basic, j), row[z(k)], minus);
        }
    }
    at(i, n_).add_product(constant, denominator_);
}

// basic_i = (at(i, n) + sum_j at(i, j) t_j) / denominator: exchange basic_i and t_j.
void ExactLp::pivot(int i, int j) {
    ++pivots;
    Dyadic p = at(i, j);
    const int sign = p.sign();
    if (sign < 0) p.negate();
    const int rows = static_cast<int>(cells_.size()) / (n_ + 1);
    for (int r = 0; r < rows; ++r) {
        if (r == i) continue;
        const Dyadic factor = at(r, j);
        for (int c = 0; c <= n_; ++c) {
            if (c == j) continue;
            Dyadic &entry = at(r, c);
            entry.multiply(p);
            if (!factor.zero()) entry.add_product(factor, at(i, c), sign > 0);
            entry.divide(denominator_);
        }
        if (sign < 0) at(r, j).negate();
    }
    for (int c = 0; c <= n_; ++c)
        if (c != j && sign > 0) at(i, c).negate();
    at(i, j) = denominator_;
    if (sign < 0) at(i, j).negate();
    denominator_ = std::move(p);
    std::swap(basic_[z(i)], nonbasic_[z(j)]);
    const int in = basic_[z(i)] / 2, out = nonbasic_[z(j)] / 2;
    if (in < n_) {
        row_of_[z(in)] = i;
        column_of_[z(in)] = -1;
    }
    if (out < n_) {
        row_of_[z(out)] = -1;
        column_of_[z(out)] = j;
    }
}

void ExactLp::reflect_row(int i) { // x becomes width - x
    const int k = basic_[z(i)] / 2;
    for (int c = 0; c <= n_; ++c) at(i, c).negate();
    at(i, n_).add_product(width_[z(k)], denominator_);
    basic_[z(i)] ^= 1;
}

void ExactLp::reflect_column(int j) {
    const int k = nonbasic_[z(j)] / 2;
    const int rows = static_cast<int>(cells_.size()) / (n_ + 1);
    for (int r = 0; r < rows; ++r) {
        if (at(r, j).zero()) continue;
        at(r, n_).add_product(at(r, j), width_[z(k)]);
        at(r, j).negate();
    }
    nonbasic_[z(j)] ^= 1;
}

bool ExactLp::above(int i) const {
    const int code = basic_[z(i)];
    if (!bounded(code)) return false;
    Dyadic rest = at(i, n_);
    rest.negate();
    rest.add_product(width_[z(code / 2)], denominator_);
    return rest.sign() < 0;
}

// Coordinates nonbasic, then pivots that bring the wanted half-spaces in. Those that depend on others
// stay out.
void ExactLp::enter_basis(const int *nonbasic) {
    column_of_.assign(z(n_), -1);
    row_of_.assign(z(n_), -1);
    nonbasic_.assign(z(n_), 0);
    basic_.clear();
    denominator_ = Dyadic(1.0);
    for (int k = 0; k < n_; ++k) {
        nonbasic_[z(k)] = 2 * k;
        column_of_[z(k)] = k;
    }
    std::vector<char> stays(z(n_), 0);
    std::vector<int> wanted;
    for (int j = 0; j < n_; ++j) {
        if (bounded(nonbasic[j])) {
            stays[z(nonbasic[j] / 2)] = 1;
            nonbasic_[z(nonbasic[j] / 2)] = nonbasic[j];
        } else {
            wanted.push_back(nonbasic[j]);
        }
    }
    const int k = static_cast<int>(wanted.size());
    cells_.assign(z(k * (n_ + 1)), Dyadic());
    for (int i = 0; i < k; ++i) {
        const int half = wanted[z(i)] / 2 - n_;
        basic_.push_back(wanted[z(i)]);
        express(*half_[z(half)], signs_[z(half)], i);
    }
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < n_; ++j) {
            const int code = nonbasic_[z(j)];
            if (bounded(code) && !stays[z(code / 2)] && !at(i, j).zero()) {
                pivot(i, j);
                break;
            }
        }
}

// Criss-cross: the first variable, in the order of codes, that falls as t_j grows. None: its own
// other bound.
int ExactLp::first_to_fall(int m, int j) const {
    int row = kNone, best = bounded(nonbasic_[z(j)]) ? nonbasic_[z(j)] ^ 1 : kNone;
    for (int i = 0; i < m; ++i) {
        const int s = at(i, j).sign();
        if (s == 0 || (s > 0 && !bounded(basic_[z(i)]))) continue;
        const int code = basic_[z(i)] ^ (s > 0 ? 1 : 0);
        if (code < best) {
            best = code;
            row = i;
        }
    }
    return row;
}

// From a feasible dictionary: the variable that reaches a bound first as t_j grows, of several the
// first in the order of codes (Bland 1977). None: its own other bound.
int ExactLp::first_to_stop(int m, int j) const {
    int row = kNone, code = kNone;
    Dyadic room, rate; // t_j stops at room / rate
    if (bounded(nonbasic_[z(j)])) {
        code = nonbasic_[z(j)] ^ 1;
        room = width_[z(code / 2)];
        rate = Dyadic(1.0);
    }
    for (int i = 0; i < m; ++i) {
        const int s = at(i, j).sign();
        if (s == 0 || (s > 0 && !bounded(basic_[z(i)]))) continue;
        const int own = basic_[z(i)] ^ (s > 0 ? 1 : 0);
        Dyadic height = at(i, n_), speed = at(i, j);
        if (s > 0) {
            height.negate();
            height.add_product(width_[z(own / 2)], denominator_);
        } else {
            speed.negate();
        }
        int order = -1;
        if (code != kNone) {
            Dyadic gap;
            gap.add_product(height, rate);
            gap.add_product(room, speed, true);
            order = gap.sign();
        }
        if (order < 0 || (order == 0 && own < code)) {
            row = i;
            code = own;
            room = std::move(height);
            rate = std::move(speed);
        }
    }
    return row;
}

bool ExactLp::positive(const Row &functional, int sign, const int *start) {
    ++solved;
    enter_basis(start);
    int m = static_cast<int>(basic_.size());
    cells_.resize(z((m + 1) * (n_ + 1)));
    express(functional, sign, m);
    const int all = static_cast<int>(half_.size());
    bool complete = m == all;
    for (;;) {
        // the first infeasibility in the order of codes, of a reduced cost or of a value
        int entering = kNone, leaving = kNone, first = kNone;
        for (int j = 0; j < n_; ++j)
            if (at(m, j).sign() > 0 && nonbasic_[z(j)] < first) {
                first = nonbasic_[z(j)];
                entering = j;
            }
        if (entering == kNone && at(m, n_).sign() <= 0) return false;
        if (!complete) { // a bound by the nonbasic half-spaces alone was not enough: add the others
            std::vector<char> there(half_.size(), 0);
            for (const auto *list : {&basic_, &nonbasic_})
                for (const int code : *list)
                    if (!bounded(code)) there[z(code / 2 - n_)] = 1;
            for (int h = 0; h < all; ++h) {
                if (there[z(h)] != 0) continue;
                cells_.resize(cells_.size() + z(n_ + 1));
                basic_.push_back(2 * (n_ + h));
                for (int c = 0; c <= n_; ++c) std::swap(at(m, c), at(m + 1, c));
                express(*half_[z(h)], signs_[z(h)], m);
                ++m;
            }
            complete = true;
        }
        bool feasible = true, beyond = false;
        for (int i = 0; i < m; ++i) {
            const bool below = at(i, n_).sign() < 0, over = !below && above(i);
            if (!below && !over) continue;
            feasible = false;
            const int code = basic_[z(i)] ^ (over ? 1 : 0);
            if (code < first) {
                first = code;
                leaving = i;
                entering = kNone;
                beyond = over;
            }
        }
        if (feasible && at(m, n_).sign() > 0) return true;
        if (leaving != kNone) {
            if (beyond) reflect_row(leaving);
            entering = kNone;
            int best = kNone;
            for (int j = 0; j < n_; ++j)
                if (at(leaving, j).sign() > 0 && nonbasic_[z(j)] < best) {
                    best = nonbasic_[z(j)];
                    entering = j;
                }
            if (entering == kNone) throw std::logic_error("a cell without points");
        } else {
            if (entering == kNone) throw std::logic_error("an optimum that is neither positive nor not");
            leaving = feasible ? first_to_stop(m, entering) : first_to_fall(m, entering);
            if (leaving == kNone) {
                if (!bounded(nonbasic_[z(entering)])) throw std::logic_error("a cell without bounds");
                reflect_column(entering);
                continue;
            }
            if (at(leaving, entering).sign() > 0) reflect_row(leaving);
        }
        pivot(leaving, entering);
    }
}

} // namespace plica

// The largest value of a functional on a cell. Part of the dictionary form.
#include <algorithm>
#include <cmath>

#include "dictionary.hpp"
#include "walk_common.hpp"

namespace plica {

bool Dictionary::below(Cell &cell, const Question &question, int sign) {
    ++tally.asked;
    ++tally.programs;
    load(question);
    if (walk(cell, sign) != Answer::no) return false;
    ++tally.certificates;
    return true;
}

void Dictionary::box(const Cell &cell, double *lower, double *upper) {
    std::vector<double> row(z(n_) + 1, 0.0);
    for (int k = 0; k < n_; ++k) {
        row[z(k)] = 1.0;
        load({row.data(), 1, 0.0, 0.0, {}});
        row[z(k)] = 0.0;
        const double high = ceiling(cell, 1), low = -ceiling(cell, -1);
        const double margin = 4 * kUnit * (std::fabs(high) + std::fabs(low));
        upper[k] = std::min(upper_[z(k)], high + margin);
        lower[k] = std::max(lower_[z(k)], low - margin);
    }
}

// The exact program starts from the basis where floating point finds the optimum. On a cone the value
// at a point (x, x0) is that at x / x0: the functional minus x0 times a value is maximised, which
// that value at the optimum replaces, until nothing is above it (Dinkelbach 1967).
bool Dictionary::exceeds(Cell &cell, const Question &question, int sign, Record &record) {
    const View v = view(cell);
    climb_on(cell);
    ++arbiter_.asked;
    Functional f = question.exact;
    f.shift = 0.0;
    const Row z_row = exact_functional(f);
    start_program(v, cell.m);
    for (bool found = false;; found = true) {
        Row above = z_row; // sign * z * q - p
        for (Dyadic &entry : above) {
            entry.multiply(record.q);
            if (sign < 0) entry.negate();
        }
        above[z(n_)].add(record.p, true);
        const bool higher = !zero(above) && lp_.positive(above, 1, v.nonbasic);
        tally.exact_pivots = lp_.pivots;
        if (!higher) return found;
        lp_.maximise();
        tally.exact_pivots = lp_.pivots;
        std::vector<Dyadic> point;
        for (int k = 0; k < g_; ++k) point.push_back(lp_.coordinate(k));
        if (!domain_.cone) point.push_back(lp_.denominator());
        Dyadic value;
        for (int k = 0; k <= n_; ++k) value.add_product(z_row[z(k)], point[z(k)], sign < 0);
        record.p = value;
        record.q = point.back();
        record.point = std::move(point);
        if (!domain_.cone || record.q.zero()) return true;
    }
}

} // namespace plica

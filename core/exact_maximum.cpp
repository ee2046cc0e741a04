// The largest value of a functional on a polytope, in exact arithmetic. Part of the exact program.
#include <limits>
#include <stdexcept>

#include "exact_lp.hpp"

namespace plica {

// Bland's rule from the feasible tableau of a positive answer.
void ExactLp::maximise() {
    constexpr int none = std::numeric_limits<int>::max();
    const int m = rows();
    for (;;) {
        int entering = none, first = none;
        for (int j = 0; j < n_; ++j)
            if (at(m, j).sign() > 0 && nonbasic_[static_cast<std::size_t>(j)] < first) {
                first = nonbasic_[static_cast<std::size_t>(j)];
                entering = j;
            }
        if (entering == none) return;
        const int leaving = first_to_stop(m, entering);
        if (leaving == none) {
            if (!bounded(nonbasic_[static_cast<std::size_t>(entering)]))
                throw std::logic_error("a cell without bounds");
            reflect_column(entering);
            continue;
        }
        if (at(leaving, entering).sign() > 0) reflect_row(leaving);
        pivot(leaving, entering);
    }
}

Dyadic ExactLp::coordinate(int k) const {
    const auto i = static_cast<std::size_t>(k);
    const int row = row_of_[i];
    const int code = row >= 0 ? basic_[static_cast<std::size_t>(row)]
                              : nonbasic_[static_cast<std::size_t>(column_of_[i])];
    const bool from_above = (code & 1) != 0;
    Dyadic u;
    u.add_product(from_above ? upper_[i] : lower_[i], denominator_);
    if (row >= 0) u.add(at(row, n_), from_above);
    return u;
}

} // namespace plica

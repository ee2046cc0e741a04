// A linear program in exact arithmetic: does a functional take positive values on a polytope?
//
// The polytope is {lower <= u <= upper, sign_i * row_i(u) >= 0} with dyadic rows, and has an
// interior. The tableau is fraction free: its entries are minors of the dyadic matrix over one common
// denominator, and every division is exact (Edmonds 1967; Bareiss 1968). It starts from any
// basis, best one where a floating-point method ended. A feasible one is followed by Bland's rule, others by
// the criss-cross rule (Terlaky 1985), which needs no feasible start; neither cycles.
#pragma once

#include <cstdint>
#include <vector>

#include "arbiter.hpp"

namespace plica {

class ExactLp {
  public:
    ExactLp(const double *lower, const double *upper, int n);

    // Half-spaces sign * row >= 0. A row has n coefficients, then the constant.
    void start(int n_rows, const Row *const *rows, const signed char *signs);

    // Whether sign * z is positive somewhere. `nonbasic` holds n codes of the variables to start
    // with at zero: 2 * v for u_v - lower_v and 2 * v + 1 for upper_v - u_v where v < n, and
    // 2 * (n + i) for half-space i.
    bool positive(const Row &z, int sign, const int *nonbasic);

    // After a positive answer: go on to where sign * z is largest.
    void maximise();
    // Coordinates of the vertex where the last question ended, times denominator().
    Dyadic coordinate(int k) const;
    const Dyadic &denominator() const { return denominator_; }

    // The tableau where the last question ended: basic_i = value(i) + sum_j entry(i, j) t_j >= 0,
    // where the t_j >= 0 are the nonbasic variables. After a positive answer it is feasible.
    int rows() const { return static_cast<int>(basic_.size()); }
    const std::vector<int> &basic() const { return basic_; }
    const std::vector<int> &nonbasic() const { return nonbasic_; }
    double value(int i) const { return Dyadic::ratio(at(i, n_), denominator_); }
    double entry(int i, int j) const { return Dyadic::ratio(at(i, j), denominator_); }

    std::int64_t solved = 0, pivots = 0;

  private:
    Dyadic &at(int i, int j) { return cells_[static_cast<std::size_t>(i * (n_ + 1) + j)]; }
    const Dyadic &at(int i, int j) const { return cells_[static_cast<std::size_t>(i * (n_ + 1) + j)]; }
    bool bounded(int code) const { return code / 2 < n_; }
    void express(const Row &row, int sign, int i);
    void enter_basis(const int *nonbasic);
    void pivot(int i, int j);
    void reflect_row(int i);
    void reflect_column(int j);
    int first_to_fall(int m, int j) const;
    int first_to_stop(int m, int j) const;
    bool above(int i) const; // a basic coordinate beyond its other bound

    int n_;
    std::vector<Dyadic> lower_, width_; // width: upper - lower
    std::vector<Dyadic> upper_;
    std::vector<const Row *> half_;
    std::vector<signed char> signs_;

    std::vector<Dyadic> cells_; // rows of the tableau times denominator_, the last one is z's
    Dyadic denominator_;        // positive
    std::vector<int> basic_, nonbasic_;
    std::vector<int> column_of_, row_of_; // of each coordinate
};

} // namespace plica

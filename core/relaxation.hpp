// Certain linear bounds on an output of a chain over a cell some of whose units are still open.
//
// From a stage on, each unit is replaced by two linear functions of what it reads, above and below it
// on the interval of its values; carried back through the stages they bound the output by a functional
// of the stage's pre-activations (Zhang et al. 2018, Singh et al. 2019). Intervals of later stages
// come from the same bounds. All rounding errors are counted in.
#pragma once

#include <vector>

#include "chain.hpp"

namespace plica {

class Relaxation {
  public:
    struct Interval {
        double low, high;
    };
    // The pre-activations of the stage where the cell stands, as functionals of the coordinates.
    struct Start {
        int stage;
        const double *map; // column after column, constants last
        std::size_t ld;
        double error;                  // of a row, over the domain
        int n;                         // coordinates
        const double *lower, *upper;   // bounds on them over the cell
        const std::uint16_t *piece;    // of the stage's units
        const std::vector<char> *open; // whether a unit is still undecided
    };

    explicit Relaxation(const Chain &chain);
    // Whether the chain is small enough to be held as dense maps.
    bool usable() const { return usable_; }

    // sign * output <= row . x + row[n] + tolerance on the cell.
    void bound(const Start &start, int output, int sign, std::vector<double> &row, double &tolerance);

  private:
    struct Line {
        double slope, intercept;
    };
    struct Unit { // above and below a unit on its interval, as functions of one read
        int source;
        Line above, below;
        Interval values;
        double size; // of both lines on the interval
    };
    using Matrix = std::vector<double>;

    const double *weights(int stage) const { return weights_[static_cast<std::size_t>(stage)].data(); }
    Unit unit(const Stage &stage, int k, const std::vector<Interval> &z) const;
    void relax(int stage, const Start *start);
    void forward(int stage);
    void bent(int stage);
    void carry_back(int rows, int from, const Start &start);
    void concretise(const Start &start, int rows);

    const Chain &chain_;
    bool usable_ = true;
    std::vector<Matrix> weights_;            // row after row
    std::vector<std::vector<Unit>> units_;   // of each stage
    std::vector<std::vector<Interval>> pre_; // of each stage's pre-activations
    std::vector<double> size_;               // bound on all partial sums of a stage's pre-activations
    // functionals that are carried back: over a state, then over pre-activations, then over x
    Matrix state_, carried_, found_;
    std::vector<double> constant_, error_;
    std::vector<int> wanted_;
};

} // namespace plica

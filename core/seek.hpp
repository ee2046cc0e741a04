// A walk over cells for the sake of one number: the largest value of an output, or whether the outputs
// are zero everywhere. Cells that cannot matter are passed over.
#pragma once

#include "cells.hpp"
#include "dictionary.hpp"
#include "relaxation.hpp"

namespace plica {

template <class Form> class Seek : public Cells<Form> {
  public:
    // Seek the largest value of sign * output, above `bar`.
    Seek(const Chain &chain, Domain domain, double filter, int output, int sign, double bar, bool first);
    // Seek a cell where an output is not zero.
    Seek(const Chain &chain, Domain domain, double filter);

    std::int64_t pruned = 0; // cells that were passed over before all units were decided
    bool found() const { return found_; }
    const Record &record() const { return record_; }
    const std::vector<std::uint64_t> &pattern() const { return best_pattern_; }
    // a point inside the cell where an output is not zero, as far as floating point can tell
    const std::vector<double> &witness() const { return witness_; }
    int output() const { return output_; }

  private:
    using Base = Cells<Form>;
    using Cell = typename Form::Cell;
    using Item = typename Base::Item;
    void emit(Cell &cell) override;
    bool hopeless(Item &item) override;
    bool nonzero(int output);
    void stop();

    bool zeros_ = false, first_ = false, found_ = false;
    int output_ = -1, sign_ = 1;
    double bar_ = 0; // not above the record
    Record record_;
    std::vector<std::uint64_t> best_pattern_;
    std::vector<double> witness_;
    Relaxation relaxation_;
    std::vector<double> row_, lower_, upper_;
    std::vector<char> open_;
};

} // namespace plica

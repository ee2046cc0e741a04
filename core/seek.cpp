#include "seek.hpp"

#include <cfloat>
#include <cmath>
#include <limits>

#include "walk_common.hpp"

namespace plica {

namespace {

Listing patterns_only(double filter) {
    Listing listing;
    listing.patterns = true;
    listing.maps = true; // cells are regions after the last stage, whose rows are the outputs
    listing.filter = filter;
    return listing;
}

} // namespace

template <class Form>
Seek<Form>::Seek(const Chain &chain, Domain domain, double filter, int output, int sign, double bar,
                 bool first)
    : Base(chain, std::move(domain), patterns_only(filter)), first_(first), output_(output), sign_(sign),
      bar_(bar), relaxation_(chain) {
    record_.p = Dyadic(bar);
}

template <class Form>
Seek<Form>::Seek(const Chain &chain, Domain domain, double filter)
    : Base(chain, std::move(domain), patterns_only(filter)), zeros_(true), relaxation_(chain) {}

template <class Form> void Seek<Form>::stop() { this->stack_.truncate(0); }

// Whether an output is not zero on the current cell, exactly.
template <class Form> bool Seek<Form>::nonzero(int output) {
    const auto &b = this->buffers_[z(this->last_)];
    double size = 0; // errors of the coefficients, each times the extent of its coordinate, add up to less
    for (int c = 0; c <= this->n_; ++c)
        size += std::fabs(b.map[z(c) * b.ld + z(output)]) * this->extent_[z(c)];
    if (size > this->listing_.filter * 2 * b.error) return true;
    ++this->arbiter_.asked;
    return !zero(this->arbiter_.row(this->last_, output));
}

// Whether no region inside a cell has a value above the bar, by a bound that needs no more decisions.
template <class Form> bool Seek<Form>::hopeless(Item &item) {
    const int s = item.stage;
    if (zeros_ || s >= this->last_ || this->domain_.cone || !relaxation_.usable()) return false;
    this->fresh_ = false; // the form is asked for other things
    const auto &b = this->buffers_[z(s)];
    lower_.resize(z(this->n_));
    upper_.resize(z(this->n_));
    this->form_.box(item.cell, lower_.data(), upper_.data());
    open_.assign(z(this->stage(s).n_out), 0);
    for (std::size_t i = item.list; i < item.list + z(item.length); ++i)
        open_[z(this->candidates_[i].unit)] = 1;
    double tolerance = 0;
    relaxation_.bound({s, b.map.data(), b.ld, b.error, this->n_, lower_.data(), upper_.data(),
                       this->pieces_[z(s)].data(), &open_},
                      output_, sign_, row_, tolerance);
    if (!this->form_.below(item.cell, {row_.data(), 1, bar_, tolerance, {}}, 1)) return false;
    ++pruned;
    return true;
}

template <class Form> void Seek<Form>::emit(Cell &cell) {
    ++this->steps.regions;
    if (zeros_) {
        for (int j = 0; j < this->stage(this->last_).n_pre; ++j) {
            if (!nonzero(j)) continue;
            found_ = true;
            output_ = j;
            best_pattern_ = this->pattern_;
            witness_.resize(z(this->n_));
            this->form_.witness(cell, witness_.data());
            stop();
            return;
        }
        return;
    }
    const Question question = this->question(this->last_, output_, sign_ * bar_);
    if (this->form_.below(cell, question, sign_)) return;
    if (!this->form_.exceeds(cell, question, sign_, record_)) return;
    found_ = true;
    best_pattern_ = this->pattern_;
    if (first_ || record_.q.zero()) {
        stop();
        return;
    }
    const double value = Dyadic::ratio(record_.p, record_.q); // to a few units in the last place
    const double lower = value - 16 * kUnit * std::fabs(value) - DBL_MIN;
    bar_ = std::isfinite(lower) ? std::max(bar_, lower) : bar_;
}

template class Seek<Dictionary>;

} // namespace plica

// The arbiter: exact coefficients of any pre-activation on the current cell, and exact signs.
//
// A walk over cells fixes the piece of every unit, stage after stage. Under these pieces each
// pre-activation is an affine function of the domain's own coordinates, with dyadic coefficients.
// They are computed on demand and kept until a piece that they depend on changes. The class knows
// nothing of dimensions or cells, so any engine can ask it.
#pragma once

#include <cstdint>
#include <vector>

#include "chain.hpp"

namespace plica {

// z[plus] - z[minus] - shift at a stage (minus < 0: no second term)
struct Functional {
    int stage = 0, plus = 0, minus = -1;
    double shift = 0.0;
};

using Row = std::vector<Dyadic>; // coefficients of the coordinates, then the constant

inline bool zero(const Row &row) {
    for (const Dyadic &entry : row)
        if (!entry.zero()) return false;
    return true;
}

class Arbiter {
  public:
    // `pieces[s][k]` is the piece of unit k of stage s; the caller keeps it and reports changes.
    Arbiter(const Chain &chain, const std::vector<std::vector<std::uint16_t>> &pieces);

    void piece_changed(int stage) { changed_[static_cast<std::size_t>(stage)] = ++clock_; }
    const Row &row(int stage, int pre);
    Row functional(const Functional &f);

    std::int64_t asked = 0; // questions answered in exact arithmetic

  private:
    struct Entry {
        std::uint64_t time = 0; // 0: never computed
        Row row;
    };
    const Chain &chain_;
    const std::vector<std::vector<std::uint16_t>> &pieces_;
    std::vector<std::vector<Entry>> rows_;
    std::vector<std::uint64_t> changed_;
    std::uint64_t clock_ = 1;
};

// Sign of the functional `g` at the point where the n functionals `lines` vanish (Cramer's rule:
// g there is a quotient of two determinants). `lines` must have independent gradients.
int sign_at(const std::vector<const Row *> &lines, const Row &g);

} // namespace plica

// The half-spaces whose intersection is the region of an activation pattern.
//
// A scalar unit on a piece gives one for each end of the piece, a max unit one for each read that
// loses. Under the pieces of a pattern all pre-activations are affine; their maps are computed stage
// after stage in floating point, with a bound on their error, and exact rows come from the arbiter.
// The first `outer` pre-activations after the domain's coordinates in the first stage are the slacks of
// the domain's own half-spaces.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "arbiter.hpp"
#include "chain.hpp"
#include "form.hpp"
#include "map_error.hpp"

namespace plica {

using Pieces = std::vector<std::vector<std::uint16_t>>; // of every unit, stage after stage

// First bit and number of bits of each pattern column in a packed pattern.
using Bits = std::vector<std::pair<int, int>>;

struct HalfSpace {
    Functional f; // sign * f >= 0
    int sign;
    int column;     // pattern column of the unit, or -1 - k for half-space k of the domain
    int unit;       // of its stage
    int beyond;     // the piece that the unit would be on, on the other side
    double tolerance; // of the row in floating point, over the extent of the domain
};

class HalfSpaces {
  public:
    HalfSpaces(const Chain &chain, const Domain &domain, int outer, Bits bits, double filter);
    HalfSpaces(const HalfSpaces &) = delete;
    HalfSpaces &operator=(const HalfSpaces &) = delete;

    // The half-spaces of a packed pattern. False: one of them has no interior.
    bool read(const std::uint64_t *packed);

    std::vector<HalfSpace> list; // those that are not all of space
    std::vector<HalfSpace> tied; // functionals that vanish all over the region
    // f of half-space i: n coefficients, then its constant, from which f.shift is yet to be taken
    const double *row(int i) const { return rows_.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(n_ + 1); }

    // sign * f at a point, and a bound on its error (infinite where none is known)
    double value(int i, const double *point, double &margin) const;
    // sign of sign * f at a point, exactly
    int exact_sign(int i, const double *point);
    // sign of sign * f at a point
    int sign_at(int i, const double *point);
    // whether two half-spaces have the same boundary, exactly
    bool parallel(int i, int j);

    int dim() const { return n_; }
    Arbiter arbiter;
    const Pieces &pieces() const { return pieces_; }

  private:
    struct Map : MapError {
        Numbers numbers;
        std::size_t ld = 0;
        std::vector<int> feeds;                  // how many units feed each row (sparse), or all rows
    };
    void product(int s);
    bool constant(int s, int pre) const;
    bool add(int s, HalfSpace half);

    const Chain &chain_;
    const Domain &domain_;
    int n_, outer_, last_;
    Bits bits_;
    double filter_;
    Pieces pieces_;
    std::vector<Map> maps_;
    std::size_t valid_ = 1; // maps before this one fit the pieces
    std::vector<double> extent_, rows_, feed_;
    double reach_ = 0; // the sum of the extents, of which the last one is 1
    std::vector<int> units_;
};

} // namespace plica

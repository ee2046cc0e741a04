// The facets of the region of an activation pattern, exactly, and what lies beyond each.
//
// A half-space of the region is a facet where its functional is negative somewhere in the cell of all
// the others. Most facets are found by rays from a point inside: between the first boundary that a ray
// crosses and the second there is such a point. The others are asked of a cell (a form, form.hpp) that
// the facets known so far cut out (Clarkson 1994): inside it, the half-space is redundant; outside,
// the ray to a point there crosses a facet that was not yet known. Ties go to halving: each half of
// them is decided in the cell of all the others.
//
// The subdivision of a continuous piecewise-linear function is face to face, so one region lies beyond
// each facet. Its pattern differs at most in the units whose functional vanishes on the facet: those
// with the same boundary, and those that are tied all over this region. Their functionals on the
// other side are multiples of the facet's own, and the sign of the factor says the piece.
#pragma once

#include <cstdint>
#include <vector>

#include "form.hpp"
#include "halfspaces.hpp"

namespace plica {

struct Facet {
    int half;                  // of HalfSpaces::list
    int column;                // first pattern column that changes across it, or -1 - k: of the domain
    std::vector<int> together; // all half-spaces with this boundary, this one among them
};

template <class Form> class Outline {
    const Chain &chain_;
    const Domain domain_;
    const Bits bits_;

  public:
    Outline(const Chain &chain, Domain domain, int outer, Bits bits, double filter);
    Outline(const Outline &) = delete;
    Outline &operator=(const Outline &) = delete;

    // The facets of the region of a packed pattern; `inside` is a guess at a point inside, or null.
    // False: the pattern has no region. Then `facets` is empty.
    bool trace(const std::uint64_t *packed, const double *inside);
    std::vector<Facet> facets;
    const std::vector<double> &inside() const { return inside_; } // a point inside, up to rounding

    // The packed pattern beyond a facet, which replaces the region's own; finds facet.column.
    void cross(Facet &facet, std::uint64_t *packed);

    HalfSpaces halves;
    const Tally &tally() const { return form_.tally; }

  private:
    using Cell = typename Form::Cell;
    enum class State : unsigned char { open, facet, doubtful, redundant };

    Question question(int i) const;
    bool cut(const typename Form::Mark &mark, Cell &cell, int i);
    bool surely_inside(const double *point);
    int shoot(const double *to, bool &sure);
    void aim(int i);
    bool explore();
    void search();
    void halve(Cell cell, const int *list, int n);
    void gather(Facet &facet);

    Form form_;
    Cell all_;
    typename Form::Mark mark_;
    Pieces beyond_;
    Arbiter other_; // of the pieces beyond
    std::vector<State> state_;
    std::vector<double> inside_, point_, scale_;
};

} // namespace plica

// What a form of cells offers to the engine that walks over them.
//
// A cell is a convex polytope with an interior: what a domain's half-spaces and the cuts made so far
// leave. The engine (cells.hpp) knows networks and nothing of geometry; a form knows geometry and
// nothing of networks. A form is a class with
//
//   Form(const Domain &, Arbiter &, double filter)
//   struct Cell                       a plain value: a handle to storage on the form's stacks; copies
//                                     of a handle are the same cell
//   struct Mark                       a plain value: how high the stacks are
//   Cell start()                      the domain; throws std::domain_error if it has no interior
//   Mark mark() const, void release(const Mark &)
//                                     drop all that was stored since the mark; older cells stay
//   void decide(const Cell &, const Rows &, std::uint16_t *verdict)
//                                     of all rows of a map at once: 0 where a row is certainly below
//                                     left (negative, with that shift) all over the cell, rows.last
//                                     where above right, kBoth where some of the cell is certainly below
//                                     left and some above right, else kOpen. May leave open what `ask`
//                                     would decide.
//   Range range(const Cell &, const Question &) const
//                                     certain bounds on a functional over the cell; may be wide
//   int ask(Cell &, const Question &) which signs the functional takes in the cell's interior: bit 1
//                                     positive, bit 2 negative, exactly. May change how the cell
//                                     is stored, never what it is.
//   Cell child(Cell &, bool plus)     the part of the cell where the functional last asked, which took
//                                     both signs in this very cell, is positive (or negative);
//                                     both parts may be taken, one after the other
//   static constexpr bool kCounts, kLists
//                                     whether there are
//   int64 parts(const Cell &, const Question *, int n)
//   int list(the same, Column<double> *points)
//                                     the parts into which the hyperplanes of n functionals divide the cell, how
//                                     many, found without making them; 0 where that is not certain. To a column,
//                                     if there is one, goes a point inside each, in the domain's coordinates; of
//                                     parts that are not certain some may be there already
//   int many() const                  for how many functionals that is worth while
//   const uint32 *sets() const        of the last list, for each part: which functionals are positive
//   void witness(const Cell &, double *)
//                                     a point inside, in the domain's n coordinates
//   bool sides(double *plus, double *minus) const
//                                     such points of both parts by the functional last asked, which took
//                                     both signs; false where they are not at hand
//   Tally tally                       what it did
//
// Every sign that floating point does not certify by a rigorous bound is decided by exact rows of the
// arbiter. Exact rows of earlier cuts are the arbiter's only while it stands on the pieces of the
// cell in question: forms ask for them inside `ask` and `child` alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arbiter.hpp"

namespace plica {

// {x : lower <= x <= upper, A x <= b}. Where `cone` is set there are no bounds, and the geometry is
// that of the cone over the domain, {(x, x0) : A x <= b x0, x0 > 0}, cut off at |x_i| <= 1 and x0 <= 1:
// a functional a.x + c becomes a.x + c x0, and a point (x, x0) of the cone is the point x / x0.
struct Domain {
    int n = 0; // number of coordinates
    bool cone = false;
    bool homogeneous = false; // no functional that is asked about has a constant, exactly
    std::vector<double> lower, upper; // n numbers each; unused by a cone
    std::vector<double> A, b;         // row after row
    double extent(int k) const { // bound on |coordinate k|, in the geometry's coordinates
        if (cone) return 1.0;
        const double low = lower[static_cast<std::size_t>(k)], high = upper[static_cast<std::size_t>(k)];
        return -low > high ? -low : high;
    }
};

// A functional of the domain's coordinates: row[0], row[stride], ... are its n coefficients and then
// its constant, from which `shift` is yet to be taken. These numbers are within `tolerance` of `exact`,
// as functionals all over the domain (a cone's is the part cut off); what rounding does where they are
// evaluated is the form's to add.
struct Question {
    const double *row;
    std::size_t stride;
    double shift;
    double tolerance;
    Functional exact;
};

struct Range {
    double low, high; // certain: nothing lies outside
};

// Rows of a map, column after column; row j with left[j] or right[j] for its shift.
struct Rows {
    const double *map;
    std::size_t ld;
    int n;
    double tolerance;
    const double *left, *right;
    std::uint16_t last;
};

struct Tally {
    std::int64_t asked = 0;        // questions
    std::int64_t programs = 0;     // linear programs begun, or vertices looked at one by one
    std::int64_t pivots = 0;       // in floating point
    std::int64_t certificates = 0; // signs certified by floating point
    std::int64_t rebuilt = 0;      // dictionaries computed afresh
    std::int64_t exact_pivots = 0;
};

} // namespace plica

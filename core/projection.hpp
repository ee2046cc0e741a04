// Multipliers of the half-spaces of a polytope at the point of a set that is inside all of them and nearest
// to a given one: a guide, with all of its rounding.
//
// With values w = q + K v of the half-spaces, where K holds the products of their normals, they solve a linear
// complementarity problem: v, w >= 0 and v.w = 0. Principal pivots exchange a multiplier with its value
// until none is negative (Bard 1972); if that takes long, the first negative one is taken, which ends
// (Murty 1974). Where the set bends, as the image of a box does, K changes with v: Newton's method.
#pragma once

#include <vector>

#include "chain.hpp"

namespace plica {

class Projection {
  public:
    // Half-spaces rows[i] . s + constants[i] >= 0 of `dim` coordinates; a force u moves s by M u. Rows, those of
    // M too, are `ld` numbers apart. There is no force yet.
    void set(int m, int dim, std::size_t ld, const double *rows, const double *constants, const Numbers &M);
    // From now on a change u of the force moves s by M u.
    void bend(const Numbers &M);
    // Change the force so that it brings s inside each half-space by the margin, times the root of
    // rows[i] . M rows[i] with the first M. False: that seems to be impossible.
    bool solve(const double *s, double margin);
    void force(double *u) const;
    // Add to s what the force moves it by.
    void move(double *s) const;

  private:
    void products(const double *M);
    bool pivots();
    static constexpr double kFlat = 1e-11, kClose = 1e-12;

    int m_ = 0, dim_ = 0;
    std::size_t ld_ = 0, padded_ = 0;
    const double *rows_ = nullptr, *constants_ = nullptr;
    Numbers push_;         // M rows[i] by the length of rows[i]
    Numbers gram_, table_; // products of the rows, each by its length; in the course of the pivots
    Numbers value_, length_, v_;
    bool forced_ = false;
    std::vector<char> pushes_; // whether the multiplier is the basic one
};

} // namespace plica

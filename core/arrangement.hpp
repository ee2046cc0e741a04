// Into how many parts hyperplanes divide a simple polytope, and into which ones.
//
// Counting looks at nothing of the polytope but the facets that each vertex lies on, and the values of the
// hyperplanes' functionals at the vertices. On an edge from u to w the functional f vanishes at
// u + t (w - u), t = f(u) / (f(u) - f(w)), where any other one is g(u) + t (g(w) - g(u)). So the hyperplanes
// before f's, restricted to f = 0, divide a polytope of one dimension less whose values are known, and each
// of its parts is one part more of the whole (deletion and restriction).
//
// To list: an intersection of hyperplanes that no other one cuts touches all parts around any of its points, and
// each part is touched by one. From a point of it the way goes off one hyperplane after the other, to a point of the
// polytope on the side that is wanted, half as far as the next hyperplane.
//
// All is certain. Where error bounds do not decide a sign, there is no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chain.hpp"
#include "kernels_points.hpp"
#include "lanes.hpp"

namespace plica {

class Arrangement {
  public:
    static constexpr int kMost = 16, kDim = 8; // hyperplanes; dimensions to list in
    using Word = std::uint64_t;

    struct Part {
        std::uint32_t above; // bit i: whether functional i is positive there
        std::size_t at;      // where its point begins in points_
    };

    // A polytope each vertex of which lies on `dim` of its facets, bits of a word; readable up to a multiple
    // of eight vertices.
    void begin(const Cloud &vertices, const Word *facets);
    // One more functional row.x + constant: within `error` at the vertices, within `slack` at a point that is
    // known. False where that does not say the sign at each vertex.
    bool add(const double *row, double constant, double error, double slack);

    bool count(std::int64_t &parts);
    bool list(std::vector<Part> &parts);
    void points(const std::vector<Part> &parts, int first, Vec *x) const;
    const double *point(const Part &part) const { return points_.data() + part.at; }

  private:
    struct Level { // the polytope, restricted to some hyperplanes, and those before that cut it
        int dim = 0, n = 0, words = 0;
        std::size_t ld = 0;
        const Word *facets = nullptr;
        const double *points = nullptr;
        std::vector<Word> own_facets, above; // `above`: `words` words a hyperplane
        Numbers own_points, values;          // columns of points, values: `ld` numbers each
        int cuts = 0, id[kMost];
        double error[kMost];
        std::vector<std::uint32_t> edges; // u << 16 | w
        std::size_t n_edges = 0;
    };

    void find_edges(Level &here);
    bool section(const Level &here, int cut, Level &part, bool listing);
    bool keep(Level &here, int id, double error);
    bool distinct(const Level &edge) const;
    bool count(std::size_t depth, std::int64_t &parts);
    struct Place { // a point, and all functionals there
        alignas(64) double x[kDim];
        alignas(64) double values[kMost];
    };
    struct Side { // of a hyperplane, a place above it and one below
        int id, cut; // of the level
        bool known;  // whether these have been looked for:
        Place up, down;
    };
    bool list(std::size_t depth, std::int64_t &count, std::vector<Part> &parts);
    bool around(std::size_t depth, const Place &point, std::vector<Part> &parts);
    bool push(Place &place, std::vector<Part> &parts);
    void evaluate_all(Place &place) const;
    void vertex(const Level &here, std::size_t v, double *x) const;
    void find_middle(std::size_t depth, Place &middle) const;
    const Side &find_side(std::size_t depth);
    void between(const Place &from, const Place &to, double t, Place &place) const;
    void towards(const Place &from, const Place &to, std::uint32_t functionals, Place &place) const;

    int n_ = 0; // functionals
    std::size_t dim_ = 0;
    std::vector<Level> levels_;
    std::vector<Side, Aligned<Side>> sides_; // of the hyperplanes that the levels are restricted to
    double first_error_[kMost] = {};
    int row_[kMost] = {}; // of those that cut the polytope
    Numbers slack_, rows_; // coefficient after coefficient, kMost numbers each
    Numbers points_;
    // scratch
    std::vector<std::uint32_t> pairs_, ends_, indices_;
    Numbers share_;
    std::vector<char> marks_;
};

} // namespace plica

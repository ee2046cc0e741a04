// Into how many parts hyperplanes divide a simple polytope, and into which ones.
//
// Counting looks at nothing of the polytope but the facets that each vertex lies on, and the values of the
// hyperplanes' functionals at the vertices. On an edge from u to w the functional f vanishes at
// u + t (w - u), t = f(u) / (f(u) - f(w)), where any other one is g(u) + t (g(w) - g(u)). So the hyperplanes
// before f's, restricted to f = 0, divide a polytope of one dimension less whose values are known, and each
// of its parts is one part more of the whole (deletion and restriction).
//
// To list: an intersection of hyperplanes that no other one cuts touches all parts around any of its points, and
// each part is touched by one. From a point of it a step off each of its hyperplanes, on which the others do not
// change, leads to a point of each of these parts; what holds for all of them at once is certified once.
//
// All is certain. Where error bounds do not decide a sign, there is no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "chain.hpp"
#include "kernels_points.hpp"
#include "lanes.hpp"

namespace plica {

class Arrangement {
  public:
    static constexpr int kMost = 16, kDim = 6; // hyperplanes; to list: dimensions
    using Word = std::uint64_t;

    void set_extents(const std::vector<double> &extents); // of the coordinates: bounds on their size

    // A polytope each vertex of which lies on `dim` of its facets, bits of a word; readable up to a multiple
    // of eight vertices.
    void begin(const Cloud &vertices, const Word *facets);
    // One more functional row.x + constant: within `error` at the vertices, within `slack` at a point that is
    // known. False where that does not say the sign at each vertex.
    bool add(const double *row, double constant, double error, double slack);

    bool count(std::int64_t &parts);
    // How many parts; 0: not certain. Within `inside`, in units of the extents, around the point `middle` (kVec numbers, zeros
    // behind the coordinates), all is certainly in the polytope. Rounding may take up to half of `least` away from that.
    int list(const double *middle, double inside, double least);
    // Of each part: bit by bit, whether each functional is positive; a point inside.
    const std::uint32_t *signs() const { return signs_.data(); }
    const double *points() const { return points_.data(); }

  private:
    struct Level { // the polytope, restricted to some hyperplanes, and those before that cut it
        int dim = 0, n = 0, words = 0;
        std::size_t ld = 0;
        const Word *facets = nullptr;
        const double *points = nullptr;      // of the whole
        std::vector<Word> own_facets, above; // `above`: `words` words a hyperplane
        Numbers values;                      // `ld` numbers a hyperplane
        std::vector<std::uint32_t> ends;     // of the edges of the level above on which the vertices lie, twice `ld`
        Numbers share;                       // of the way between these ends
        int cuts = 0, id[kMost], cut[kMost]; // the hyperplane of each cut, and back
        std::uint32_t ids = 0;               // all of them
        double error[kMost];
        std::vector<std::uint32_t> edges; // u << 16 | w
        std::size_t n_edges = 0;
    };

    void find_edges(Level &here);
    bool section(const Level &here, int cut, Level &part);
    bool keep(Level &here, int id, double error);
    bool distinct(const Level &edge) const;
    bool count(std::size_t depth, std::int64_t &parts);
    // What a functional must be at a point around which parts are listed. Half of it is left where steps end: four times
    // its error, for itself and for what rounding adds to places (2 n + 2 kUnit of each coordinate's extent, where the error
    // of a functional has at least 3 n + 12 of all that its coefficients make of these). Beyond 1e280, inverses may not be
    // normal numbers.
    static double room(double error) { return error < 1e280 ? 8 * error : std::numeric_limits<double>::infinity(); }
    struct Way { // off a hyperplane, on which it grows by 1 and the others of a level do not change
        Vec way;
        int id;
    };
    struct Point {
        Vec at;
        double tight; // 1 / the units of the extents within which all is in the polytope
    };
    bool list(std::size_t depth, const Point &from, std::int64_t &count);
    const Way *ways(std::size_t depth) const { return ways_.data() + depth * kDim; }
    void vertex(std::size_t depth, std::size_t v, Vec &place) const;
    bool halves(Point from);
    double opposite(std::size_t depth, int cut, double value, Vec &place) const;
    void values_at(const Vec &at, double *values) const;
    void crossing(std::size_t depth, int cut, const Point &from, double value, Point &to) const;
    void leave(std::size_t depth, int id);
    bool around(std::size_t n, const Point &point);
    template <int D, int B> bool around_in(std::size_t n, const Point &point);

    int n_ = 0; // functionals
    std::size_t dim_ = 0;
    std::vector<Level> levels_;
    double first_error_[kMost] = {};
    Numbers rows_;    // coefficient after coefficient, then constants, then what they must be: kMost numbers each
    Numbers normals_; // the coefficients of each row, kVec numbers
    std::vector<Way, Aligned<Way>> ways_{(kDim + 1) * kDim}; // of the hyperplanes that each level is restricted to
    Numbers squares_, inverse_; // of the extents
    int most_[kMost + 1] = {};  // parts that so many hyperplanes make at most
    double least_ = 0;          // of `inside`, at points that are used
    alignas(64) std::uint32_t columns_[kVec] = {}; // of the coordinates of vertices
    // the parts found
    std::size_t found_ = 0, limit_ = 0; // and how many there may be
    std::vector<std::uint32_t> signs_;
    Numbers points_;
    // scratch
    std::vector<std::uint32_t> pairs_, indices_;
    Numbers reach_;
    std::vector<char> marks_;
};

} // namespace plica

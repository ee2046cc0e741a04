// In how many parts hyperplanes divide a polytope, found without making the parts.
//
// The parts of F under hyperplanes H_1 .. H_k, none of which has F or another one's trace in F for
// its own, are those under H_2 .. H_k, and one more for each part of the flat F and H_1 under H_2 ..
// H_k (deletion and restriction; Zaslavsky 1975). So the search goes over flats, and each step down
// has one coordinate less.
//
// A flat is described twice, by tableaus whose columns lie together: once with the coordinates that
// are left as variables, with certain bounds on what rounding did to each row, and once by a feasible
// simplex dictionary, which is only a guide. All rows are in both: faces, coordinates, hyperplanes. So
// one certified point tells the signs of all hyperplanes at once.
#pragma once

#include <cstdint>
#include <vector>

#include "chain.hpp"
#include "lanes.hpp"

namespace plica {

class Flats {
  public:
    static constexpr int kRows = 64; // most faces and hyperplanes together
    static constexpr int kColumns = 1024; // most coordinates
    // How many hyperplanes certainly make no more than `parts` parts of n dimensions.
    static int many(int n, double parts);

    // A polytope {|s_k| <= 1, faces >= 0} of n coordinates. A point is in it where |s_k| <= bound[k].
    void start(int n, const double *bound, int faces, int hyperplanes);
    // Row r, faces first: within `tolerance` of an exact functional all over the box, and at most 1.
    void set_row(int r, double sign, double constant, const double *row, double tolerance);
    // The feasible dictionary, as in dictionary.hpp: first the rows of its basic variables, then those
    // of the hyperplanes, in terms of the n nonbasic ones.
    void set_nonbasic(const int *codes);
    void set_basic(int r, int code, double value, const double *row);
    // The number of parts, from a point inside; 0 where floating point is not certain of it.
    std::int64_t parts(const double *inside);

    std::int64_t programs = 0, pivots = 0, flats = 0;

  private:
    struct Level { // a flat
        int d = 0;                         // coordinates left
        double *A = nullptr, *error = nullptr; // d + 1 columns, constants first; error of each row
        double *low = nullptr, *high = nullptr; // a point is inside where the rows are between
        int *coordinate = nullptr;         // of column c + 1 of A
        int *row_of = nullptr;             // row of A of each coordinate, or -1
        double *T = nullptr, *least = nullptr, *most = nullptr; // d + 1 columns, values first; bounds
        int *basic = nullptr, *nonbasic = nullptr, *where = nullptr; // row of a coordinate, or -1 - column
        int *scratch = nullptr;
        double *points = nullptr, *values = nullptr; // certified points, and all rows there
        int n_points = 0;
        int via = -1; // row that has been eliminated where the dictionary is yet to be made, or -1
        std::uint64_t keep = 0;         // hyperplanes that cut it
        std::uint64_t meets[kRows] = {}; // for each of them, later ones that may meet it here
    };
    struct Edge {
        int entering; // -1: a vertex
        double step, height;
    };
    struct Pair { // of points, and the share of the first one where a row vanishes between them
        int above, below;
        double share;
    };
    enum class Answer { no, yes, open };

    void lay_out();

    template <int B> bool examine(Level &l, double *point);
    template <int B> void evaluate(const Level &l, const double *point, Vec *v) const;
    template <int B> int steepest(const double *row, int d, double sign, double &best) const;
    template <int B> Answer climb(Level &l, int row, double sign, Edge &edge);
    template <int B> int ratio(const Level &l, int e, double own, double &step) const;
    template <int B> void flip(Level &l, int e) const;
    template <int B> void pivot(Level &l, int i, int e) const;
    template <int B> bool nowhere(const Level &l, int row, double sign);
    template <int B> Answer reach(int level, int row, double sign);
    template <int B> bool eliminate(const Level &l, Level &to, int i) const;
    template <int B> bool descend(Level &l, Level &to);
    template <int B>
    std::uint64_t between(const Level &l, int i, std::uint64_t rows, Pair *pairs, int &n_pairs) const;
    template <int B>
    std::int64_t line(const Vec *c, const Vec *a, const Vec *x, const Vec *low, const Vec *high, double bound,
                      std::uint64_t others, bool &met) const;
    template <int B> bool compress(Level &l, std::uint64_t keep);
    template <int B> std::int64_t plane(const Level &l, std::uint64_t cuts);
    template <int B> std::int64_t node(int level, std::uint64_t cuts);
    std::int64_t node1(int level, std::uint64_t cuts);
    std::int64_t node2(int level, std::uint64_t cuts);
    std::int64_t node3(int level, std::uint64_t cuts);
    std::int64_t node4(int level, std::uint64_t cuts);
    std::int64_t node8(int level, std::uint64_t cuts);
    std::int64_t down(int level, std::uint64_t cuts);
    bool begin(double *inside);
    std::uint64_t keep_all() const;

    int n_ = 0, faces_ = 0, cuts_ = 0, rows_ = 0, blocks_ = 0, stride_ = 0;
    const double *bound_ = nullptr;
    std::vector<Level> levels_;
    Numbers numbers_;
    std::vector<int> codes_;
    Numbers point_, sum_;
    int laid_n_ = 0, laid_stride_ = 0, laid_cuts_ = 0;
};

} // namespace plica

// In how many parts hyperplanes divide a polytope, found without making the parts.
//
// Where each of the hyperplanes H_1 .. H_k cuts F, and no two of them in the same place, F has the
// parts that H_2 .. H_k make, and one more for each part that these make of the flat of F and H_1
// (deletion and restriction; Zaslavsky 1975). So the search goes over flats, and each step down has
// one coordinate less.
//
// A flat is described twice, by tableaus whose columns lie together: once with the coordinates that
// are left as variables, with certain bounds on what rounding did to each row, and once by a feasible
// simplex dictionary, which is only a guide. All rows are in both: faces, coordinates that have been
// eliminated, hyperplanes. So one certified point tells the signs of all hyperplanes at once.
//
// To list: a flat that no other hyperplane cuts touches, around any of its points, a part for each choice of sides of
// the hyperplanes that it lies on, and each part is touched by such a flat. The search leaves a point of each. From there a step
// goes off each of them on which the others do not change, so short that all steps together leave each other row a
// share of what it is; that is certified once for all choices. When there are as many of these parts as have been counted,
// they are all.
#pragma once

#include <cstdint>
#include <vector>

#include "chain.hpp"
#include "columns.hpp"
#include "lanes.hpp"

namespace plica {

class Flats {
  public:
    static constexpr int kRows = 64;      // most faces and hyperplanes together
    static constexpr int kColumns = 256;  // most coordinates: with more, one cell after another is as quick
    static constexpr int kListed = 16;    // most hyperplanes, to list
    // How many hyperplanes certainly make no more than `parts` parts of n dimensions.
    static int many(int n, double parts);

    // A polytope {|s_k| <= 1, faces >= 0} of n coordinates. A point is in it where |s_k| <= bound[k],
    // positive numbers up to a multiple of kVec.
    void start(int n, const double *bound, int faces, int hyperplanes, bool listing = false);
    // Row r, faces first: within `tolerance` of an exact functional all over the box.
    void set_row(int r, double sign, double constant, const double *row, double tolerance);
    // The feasible dictionary, as in dictionary.hpp: first the rows of its basic variables, then those
    // of the hyperplanes, in terms of the n nonbasic ones.
    void set_nonbasic(const int *codes);
    void set_basic(int r, int code, double value, const double *row);
    // The number of parts, from a point inside; 0 where floating point is not certain of it.
    std::int64_t parts(const double *inside);
    struct Target { // a point s of each part goes to a column, if there is one: middle + half * s, between bounds
        const double *middle, *half, *least, *most;
        Column<double> *points;
    };
    // The same parts themselves, where it was started for that; how many.
    int list(const double *inside, const Target &target);
    // Of each of them: bit by bit, whether each hyperplane's row is positive there.
    const std::uint32_t *sets() const { return listed_.data(); }

    std::int64_t programs = 0, pivots = 0;

  private:
    using Set = std::uint64_t; // of rows
    struct Flat {
        int d = 0;                              // coordinates left
        Set on = 0;                             // hyperplanes that it lies on
        int rows = 0, blocks = 0;               // rows, and columns in units of kVec numbers
        double *A = nullptr, *error = nullptr;  // d + 1 columns, constants first; error of each row
        double *low = nullptr, *high = nullptr; // a point is inside where the rows are between
        int *coordinate = nullptr;              // of column c + 1 of A
        int *row_of = nullptr;                  // row of A of each coordinate, or -1
        double *T = nullptr;                    // d + 1 columns, values first
        double *least = nullptr, *most = nullptr; // bounds on the values
        int *basic = nullptr, *nonbasic = nullptr;
        int *where = nullptr;                   // row of each coordinate in T, or -1 - column
        double *points = nullptr, *values = nullptr; // certified points, and all rows there
        int n_points = 0;
        Set keep = 0;         // hyperplanes that cut the flat
        Set meets[kRows];     // for each of them, later ones that may meet it here,
        Set met_above[kRows]; // and that may meet it on the flat above
    };
    struct Edge {
        int entering; // -1: a vertex
        double step, height;
    };
    struct Pair { // of points, and the share of the first one where a row vanishes between them
        int above, below;
        double share;
    };
    struct Line {
        bool met = false; // whether it runs through the polytope
        double left = 0, right = 0;
        Set cross = 0; // rows that certainly change their signs between
        alignas(64) double place[kRows]; // where, if these are asked for
    };
    enum class Answer { no, yes, open };

    void lay_out();

    // flats_dictionary.hpp
    static void copy_codes(int *to, const int *from, int n); // of which there is a multiple of 16
    template <int B> int steepest(const double *row, int d, double sign, double &best) const;
    template <int B> int ratio(const Flat &f, int e, double own, double &step) const;
    template <int B> void flip(Flat &f, int e) const;
    template <int B> void pivot(Flat &f, int i, int e) const;
    template <int B> Answer climb(Flat &f, int row, double sign, Edge &edge);
    template <int B> bool descend(Flat &f, Flat &to, int i);
    double place(const Flat &f, const Edge &edge, int coordinate) const;

    // flats_rows.hpp
    template <int B> void evaluate(const Flat &f, const double *point, Vec *v) const;
    template <int B> bool examine(Flat &f) const;
    template <int B> bool nowhere(const Flat &f, int row, double sign);
    template <int B> bool eliminate(const Flat &f, Flat &to, int i);
    template <int B> Set between(const Flat &f, int i, Set rows, Pair *pairs, int &n_pairs) const;
    void shorten(Flat &f, Set keep);

    // flats_plane.hpp
    template <int B>
    std::int64_t line(const Vec *c, const Vec *a, const Vec *x, const Vec *low, const Vec *high, double bound,
                      Set later, Line &line) const;
    template <int B> std::int64_t plane(int level, Set cuts);

    // flats_list.hpp
    int padded_n() const { return (n_ + kVec - 1) / kVec * kVec; }
    template <int B> void list_at(const Flat &f, int point);
    template <int B> void list_between(const Flat &f, int i);
    template <int B> void list_between(const Flat &f, int i, int j, const Pair *pairs, int n_pairs);
    void leave(const Flat &f, Set more, const double *values, const double *free);
    bool extend(int k, int row);
    template <int B> bool steps(int k, Set on, Set base);
    bool wanted(Set on, Set base);
    template <int B> void around_with(Set on, Set base, const double *point_of_flat);
    void around1(Set on, Set base, const double *point);
    void around2(Set on, Set base, const double *point);
    void around3(Set on, Set base, const double *point);
    void around4(Set on, Set base, const double *point);
    void around8(Set on, Set base, const double *point);
    void around(Set on, Set base, const double *point);
    void list_around(std::size_t count);

    template <int B> Answer reach(Flat &f, int row, double sign);
    template <int B> bool sift(Flat &f, Set cuts);
    template <int B> std::int64_t node(int level, Set cuts);
    std::int64_t node1(int level, Set cuts);
    std::int64_t node2(int level, Set cuts);
    std::int64_t node3(int level, Set cuts);
    std::int64_t node4(int level, Set cuts);
    std::int64_t node8(int level, Set cuts);
    std::int64_t down(int level, Set cuts);

    int n_ = 0, faces_ = 0, cuts_ = 0;
    const double *bound_ = nullptr;
    std::vector<Flat> flats_;
    Numbers numbers_;
    std::vector<int, Aligned<int>> codes_;
    std::vector<double> factors_; // scratch
    std::vector<int> used_;
    int laid_n_ = 0, laid_stride_ = 0, laid_cuts_ = 0;

    bool listing_ = false;
    // a bit for each set of hyperplanes' rows above zero: whether that part is listed
    std::vector<Set, Aligned<Set>> marks_;
    struct Parts {
        Set word, bits; // of the marks
    };
    std::vector<Parts> wanted_; // parts around a point
    int n_wanted_ = 0;
    Column<std::uint32_t> listed_; // these sets; in the end, of all hyperplanes
    Target target_{};
    struct Left {
        Set on, base; // hyperplanes that a point lies on, and of the others those whose rows are above zero there
    };
    std::vector<Left> left_; // points of flats, padded
    Numbers left_points_;
    std::vector<std::uint32_t> order_;
    alignas(64) double given_[kRows]; // errors of the rows as they were given
    Numbers normals_; // of the hyperplanes, a row each
    int off_[kListed]; // hyperplanes that the ways lead off
    Numbers ways_, rates_; // and what these do to all rows
    Numbers from_, steps_, sums_; // scratch
    int id_[kRows]; // of the hyperplanes' rows that are left
    std::uint32_t always_above_ = 0;
};

namespace sets {

inline int first(std::uint64_t set) { return __builtin_ctzll(set); }
inline int last(std::uint64_t set) { return 63 - __builtin_clzll(set); }
inline int size(std::uint64_t set) { return __builtin_popcountll(set); }
inline std::uint64_t one(int i) { return std::uint64_t{1} << i; }
inline std::uint64_t below(int i) { return i >= 64 ? ~std::uint64_t{0} : one(i) - 1; }

} // namespace sets

} // namespace plica

// Cells in dictionary form: each cell keeps a feasible simplex dictionary of its half-spaces.
//
// The coordinates are scaled to s in [-1, 1]; bounds are implicit: a coordinate that is not basic
// lies at one of them. Only cuts and general half-spaces of the domain are rows. A question walks from
// the vertex where the last one ended, and stops on the edge where the functional becomes positive: a
// pivot there gives feasible dictionaries of both parts. So there is never a phase one.
//
// A dictionary is only a guide, and its rounding errors never matter: a positive answer is
// certified by a point that lies in the cell by the bounds on the errors of its rows, a negative one by
// weak duality with any multipliers (the reduced costs), with the same bounds. Where neither is certain,
// exact rows replace those that rounding has blurred the most, and what is still open then, an
// exact linear program decides from the basis where the walk ended.
#pragma once

#include <cstdint>
#include <vector>

#include "exact_lp.hpp"
#include "flats.hpp"
#include "form.hpp"
#include "stack.hpp"

namespace plica {

// A value of a functional, p / q with q > 0, and the point where it is: numerators, then the common
// denominator. Where the functional has no bound, q = 0 and the point is a direction in which it grows.
struct Record {
    Dyadic p, q{1.0};
    std::vector<Dyadic> point;
};

class Dictionary {
  public:
    static constexpr bool kCounts = true, kLists = true;

    struct Cell {
        int m = 0;              // rows
        bool inside = false;    // whether the witness certainly lies in the cell
        bool shallow = false;   // whether it lies so near to faces that it should move
        std::size_t numbers = 0, codes = 0; // places of its storage
    };
    struct Mark {
        std::size_t numbers, codes, lines;
    };

    Dictionary(const Domain &domain, Arbiter &arbiter, double filter);

    Cell start();
    Mark mark() const { return {numbers_.size(), codes_.size(), lines_.size()}; }
    void release(const Mark &mark);
    // Move a cell down to the mark: what has been stored since is dropped, but for cuts.
    Cell lower(const Mark &mark, const Cell &cell);
    void decide(const Cell &cell, const Rows &rows, std::uint16_t *verdict);
    Range range(const Cell &cell, const Question &question) const;
    int ask(Cell &cell, const Question &question);
    // The same of a functional whose coefficients and constant are exactly these.
    int ask(Cell &cell, const std::vector<double> &row);
    Cell child(Cell &cell, bool plus);
    void witness(const Cell &cell, double *point) const;
    bool sides(double *plus, double *minus) const;
    int many() const { return many_; } // so many that they are not too much work at once
    // In how many parts the hyperplanes of n functionals divide the cell; 0: not certain.
    std::int64_t parts(Cell &cell, const Question *questions, int n);
    // These parts themselves; how many, or 0.
    int list(Cell &cell, const Question *questions, int n, Column<double> *points);
    const std::uint32_t *sets() const { return flats_.sets(); }

    // Points are scaled, coordinate = middle + half * s, and padded to so many numbers.
    const double *middle() const { return middle_.data(); }
    const double *half() const { return half_.data(); }
    std::size_t padded() const { return static_cast<std::size_t>(ld_); }
    // Whether all points that are within the margin of s, in each coordinate, are certainly in the cell.
    bool holds(const Cell &cell, const double *s, double margin);
    // The half-spaces rows[i] . s + constants[i] >= 0 of its cuts, up to rounding; rows as wide as points.
    void faces(const Cell &cell, Numbers &rows, Numbers &constants);
    // From where the line from the middle of the domain to the witness enters the cell, this share of the
    // rest of the way.
    void inward(const Cell &cell, double share, double *s);

    // Whether sign * z is certainly negative all over the cell; false where floating point cannot tell.
    bool below(Cell &cell, const Question &question, int sign);
    // Bounds on each of the n coordinates over a cell that is no cone's.
    void box(const Cell &cell, double *lower, double *upper);
    // Whether sign * z takes values above the record in the cell, exactly; `question`, the last one that
    // `below` was asked, has z shifted. If so the record becomes the largest value.
    bool exceeds(Cell &cell, const Question &question, int sign, Record &record);

    Tally tally;

  private:
    struct Line { // a cut; its scaled coefficients lie in rows_ at the same index
        double constant, slack, scale; // what is stored is the functional times scale, a power of two
        Functional f;
        bool exact; // whether exact_[line] is filled
        bool linear; // certainly without a constant
    };
    struct View { // a cell's storage
        double *T, *value, *limit, *point; // m rows of ld; m values, their upper bounds; the witness
        int *half, *basic, *nonbasic;      // 2 * line + (1 if negative); codes as in exact_lp.hpp
    };
    enum class Answer { no, yes, open };

    View view(const Cell &cell);
    Cell make(int m);
    void load(const Question &question);
    int ask_loaded(Cell &cell);
    void place(const double *s, double *point) const;
    double value_at(const double *row, double constant, const double *s) const;
    bool search(Cell &cell, int sign);
    Answer walk(const Cell &cell, int sign);
    double ceiling(const Cell &cell, int sign);
    void climb_on(const Cell &cell);
    void find_apex();
    bool below_apex(const Cell &cell, int sign);
    bool edge(const Cell &cell);
    void express_anew(const Cell &cell, int sign);
    void rebuild(const Cell &cell, int sign);
    void recentre(Cell &cell);
    void between(const View &v, int m, double *s);
    void take_witness(Cell &part, const Cell &cell, bool plus);
    bool approach(const View &v, const Cell &cell, int sign, double value);
    void prepare(double &centre, double &size, double &sum);

    // the inner loops, for rows of W numbers, or any number where W is 0
    template <int W> void express(const View &v, int m, int sign);
    template <int W> int ratio(const View &v, int m, int e, double own, double &step);
    template <int W> void flip(const View &v, int m, int e);
    template <int W> void pivot(const View &v, int m, int i, int e);
    template <int W> Answer climb(const View &v, int m, double enough);
    template <int W> void vertex(const View &v, int m, double *s) const;
    template <int W> double depth(const View &v, int m, const double *s, double margin = 0.0) const;
    template <int W> bool come_near(const View &v, const Cell &cell, int sign, double value);
    template <int W> bool certify_yes(const Cell &cell, const View &v, int sign);
    template <int W> double highest(const View &v, int sign);
    template <int W> bool certify_no(const View &v, int sign);
    template <int W> Answer walk_with(const Cell &cell, int sign);
    template <int W> void exchange_with(const View &from, const View &to, int m, double turn) const;
    Answer walk8(const Cell &cell, int sign);
    Answer walk16(const Cell &cell, int sign);
    Answer walk_any(const Cell &cell, int sign);
    void exchange8(const View &from, const View &to, int m, double turn) const;
    void exchange16(const View &from, const View &to, int m, double turn) const;
    void exchange_any(const View &from, const View &to, int m, double turn) const;

    void approach_exactly(const View &v, const Cell &cell, int sign, double value);
    int along_face(const Cell &cell);
    double round_row(const Row &exact, double scale, double *row, double &constant) const;
    bool sharpen(const Cell &cell);
    bool exactly(Cell &cell, int sign);
    bool start_flats(Cell &cell, const Question *questions, int n, bool listing);
    void tally_flats(bool certain);
    void start_program(const View &v, int m);
    Cell exact_child(Cell &cell, bool plus);
    void exact_vertex(double *s) const;
    int commit();
    Row lift(Row row) const;
    Row exact_functional(const Functional &f) const;
    const Row &exact_row(int line);
    const Row &exact_question();
    int exact_sign(const Row &row, const double *s) const;
    bool exactly_inside(const View &v, int m, const double *s);

    const Domain &domain_;
    Arbiter &arbiter_;
    double filter_;
    int many_ = 0;
    double apex_ = 0;   // factor on errors near the point where all functionals vanish, or 0
    bool flat_ = false; // functionals have no constants, but for a shift
    int n_, g_, ld_; // coordinates of the domain, of the geometry, padded
    std::vector<double> lower_, upper_;
    Numbers middle_, half_; // coordinate = middle + half * s
    Numbers least_, most_;  // the same bounds, padded
    Numbers reach_, bound_; // |middle| + half; |s| <= bound is certainly inside
    ExactLp lp_;

    Stack<double> numbers_;
    Stack<int> codes_;
    Stack<Line> lines_;
    Stack<double> rows_; // ld_ scaled coefficients a line
    std::vector<Row> exact_;

    // the question: its scaled functional
    Numbers z_;
    double constant_ = 0, slack_ = 0, scale_ = 1, at_witness_ = 0;
    Functional f_;
    bool have_exact_ = false;
    bool linear_ = false; // certainly without a constant
    Row exact_z_;
    // and what the last search found
    Numbers d_; // the functional in the nonbasic variables, times the direction of the search
    double height_ = 0, step_ = 0;
    int direction_ = 0, entering_ = -1; // the edge where it becomes positive, or -1: the vertex
    bool loose_ = false;                // the exact program's: parts are made from its tableau
    int line_ = -1;                     // of the question, once a part has been made
    Numbers found_[2];                  // points on the positive and on the negative side
    bool certain_[2] = {false, false}, shallow_[2] = {false, false};
    Numbers s_, sum_, speeds_, rooms_;
    Flats flats_;
    std::vector<const Row *> halves_;
    std::vector<signed char> signs_;
    std::vector<int> start_;
};

} // namespace plica

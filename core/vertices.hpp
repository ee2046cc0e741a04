// Cells in vertex form, for few dimensions: each cell keeps its vertices, and which half-spaces each
// of them lies on.
//
// Two vertices are joined by an edge if the half-spaces that both lie on meet in a line; a cut makes
// new vertices where edges cross it, by interpolation. A vertex is known up to an error that is
// bounded from the errors of what made it. Where that is not enough to tell on which side of a
// functional it lies, it is computed afresh from its half-spaces, then by the arbiter.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "arrangement.hpp"
#include "columns.hpp"
#include "form.hpp"
#include "kernels_points.hpp"
#include "stack.hpp"

namespace plica {

class Vertices {
  public:
    static constexpr bool kCounts = true, kLists = true; // has `parts`, has `list`

    struct Cell {
        int n = 0, ld = 0;   // vertices, and how far apart their columns lie
        int words = 1;       // of the set of half-spaces that a vertex lies on
        int slots = 0;       // of half-spaces, some of which may be free
        bool simple = true;  // no vertex lies on more half-spaces than there are coordinates
        double rho = 0;      // largest error of a vertex: a distance, coordinates in units of their extents
        std::size_t numbers = 0, masks = 0, facets = 0; // places of its storage
    };
    struct Mark {
        std::size_t numbers, masks, facets, lines;
    };

    Vertices(const Domain &domain, Arbiter &arbiter, double filter);

    Cell start();
    Mark mark() const { return {numbers_.size(), masks_.size(), facets_.size(), lines_.size()}; }
    void release(const Mark &mark);
    void decide(const Cell &cell, const Rows &rows, std::uint16_t *verdict);
    Range range(const Cell &cell, const Question &question) const;
    int ask(Cell &cell, const Question &question);
    Cell child(Cell &cell, bool plus);
    void witness(const Cell &cell, double *point);
    bool sides(double *, double *) const { return false; }
    // The parts into which the hyperplanes of n functionals divide the cell, how many; 0: not certain.
    std::int64_t parts(const Cell &cell, const Question *questions, int n);
    int many() const { return 12; }
    int list(const Cell &cell, const Question *questions, int n, Column<double> *points);
    const std::uint32_t *sets() const { return arrangement_.signs(); }

    Tally tally;

  private:
    using Word = std::uint64_t;
    struct Linear { // a functional; its coefficients lie elsewhere
        double constant, slack, size; // error, and Euclidean norm of the coefficients times the extents
    };
    struct Line { // a cut; its coefficients lie in rows_
        Linear f;
        Functional exact;
        int facet;     // row of the domain, or -1; 2 * k and 2 * k + 1 from -2 downwards: a bound
        bool is_exact; // whether exact_[line] is filled
    };
    struct Split { // where a functional is certainly positive and negative, and its values
        const double *values;
        const Word *above, *below;
        double slack, size;
    };

    double *column(const Cell &cell, int k) { return numbers_.at(cell.numbers) + static_cast<std::size_t>(k * cell.ld); }
    const double *column(const Cell &cell, int k) const { return numbers_.at(cell.numbers) + static_cast<std::size_t>(k * cell.ld); }
    Word &mask(const Cell &cell, int v, int w = 0) { return masks_[cell.masks + static_cast<std::size_t>(w * cell.ld + v)]; }
    const Word &mask(const Cell &cell, int v, int w = 0) const { return masks_[cell.masks + static_cast<std::size_t>(w * cell.ld + v)]; }
    Cloud cloud(const Cell &cell) const { return {g_, cell.n, numbers_.at(cell.numbers), static_cast<std::size_t>(cell.ld)}; }

    Cell make(int n, int words, int slots);
    void measure(Cell &cell) const;
    Linear load(const Question &question, double *row) const;
    void make_room(const Cell &cell);
    int ask_loaded(Cell &cell);
    int sign_at_vertex(Cell &cell, int v);
    int settle(Cell &cell, int v);
    int commit();
    void find_edges(const Cell &cell, const Split &split);
    bool third_vertex(const Cell &cell, int u, int w) const;
    void interpolate(const Cell &cell, Cell &made, const Split &split, int first);
    Cell section(const Cell &cell, const Split &split);
    Cell build(const Cell &cell, bool plus);
    void prune(Cell &cell);
    bool arrange(const Cell &cell, const Question *questions, int n);
    double room(const Cell &cell, const double *point) const;

    bool apex(const Cell &cell, int v) const;

    void vertex_lines(const Cell &cell, int v, std::vector<int> &lines) const;
    void solve(const std::vector<int> &lines, const double *from, std::size_t ld);
    void solve_exactly(const std::vector<int> &lines);
    bool sharpen(Cell &cell, int v, const std::vector<int> &lines, double enough);
    Row exact_functional(const Functional &f, int facet) const;
    const Row &exact_row(int line);
    const Row &exact_question();
    // Values of functionals at the vertex that lies on all these lines, times a common factor, the last
    // number.
    std::vector<Dyadic> exact_values(const std::vector<int> &lines, const std::vector<Row> &functionals);

    const Domain &domain_;
    Arbiter &arbiter_;
    double filter_;
    int n_, g_; // coordinates of the domain, of the geometry
    std::size_t pitch_; // of rows_
    std::vector<double> lower_, upper_, extent_, inverse_;
    double rounding_; // error of a vertex from rounding its coordinates
    double narrow_;   // of a ball's radius, half the side of a cube in it

    Stack<double> numbers_;
    Stack<Word> masks_;
    Stack<int> facets_; // twice the line, and 1 where it is positive inside
    Stack<Line> lines_;
    Stack<double> rows_; // of each line the coefficients, the constant, the slack and 1 / the size with it
    std::vector<Row> exact_;

    // the last question
    Numbers row_;
    Linear f_{};
    Functional functional_;
    int facet_ = -1;
    bool have_exact_ = false;
    Row exact_question_;
    Numbers values_;                  // at the vertices
    std::vector<Word> above_, below_; // where it is certainly positive and negative
    std::vector<Word> open_;          // where it is neither, and not certainly zero
    int line_ = -1;                   // of the question, once a part has been made
    Cell made_;                       // its new vertices

    Arrangement arrangement_; // of hyperplanes to be counted or listed
    alignas(64) double middle_[kVec] = {}; // of the last cell that was listed
    // scratch
    std::vector<std::uint32_t> pairs_;
    std::size_t n_pairs_ = 0;
    std::vector<std::uint32_t> side_;
    std::vector<int> found_lines_;
    std::vector<Word> far_;
    std::vector<double> matrix_, point_, mean_;
    std::vector<int> pivots_;
    double error_ = 0; // of the point
};

} // namespace plica

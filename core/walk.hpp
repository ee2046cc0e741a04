// The walk over the activation regions of a chain on an interval (D = 1) or a convex polygon (D = 2).
//
// Depth first over stages. On a cell of the stages before, all pre-activations of the next stage are
// affine: their map is one buffer a stage, changed by rank-1 updates when a unit changes piece
// between sibling cells. Units whose zero lines miss the cell are decided by the signs at its
// vertices; the others split it. Every sign is either certain, by a running error bound, or asked
// from the arbiter.
//
// The walk is an explicit stack: it stops after any number of regions and goes on later.
#pragma once

#include <cstdint>
#include <vector>

#include "arbiter.hpp"
#include "chain.hpp"
#include "columns.hpp"
#include "kernels.hpp"
#include "kernels_fine.hpp"
#include "lanes.hpp"
#include "map_error.hpp"

namespace plica {

struct DomainFacet { // {u : normal . u <= bound}
    double normal[2], bound;
    int id;
};

struct Options {
    bool patterns = false; // the piece of every unit
    bool polygons = false; // the vertices
    bool sides = false;    // of polygons: the crease of each and its place there
    bool maps = false, signs = false;
    bool halve = false; // place new vertices in the middle of their side, not by proportion
    double filter = 1.0; // scale of the error bound; infinity sends every question to the arbiter
};

struct Counters {
    std::int64_t regions = 0, arbitrated = 0, products = 0, updates = 0, splits = 0, tests = 0;
    std::int64_t refined = 0;   // products in twice the working precision
    std::int64_t sharpened = 0; // vertices computed from exact rows
    std::int64_t crowded = 0; // sides too short to be ordered by their places
    double map_error = 0;     // largest error bound of an output map, over the domain
};

template <int D> class Walk {
  public:
    // `facets`: the two ends of an interval, left then right, or the sides of a polygon in
    // counter-clockwise order, side i running from vertex i to vertex i + 1.
    Walk(const Chain &chain, const std::vector<DomainFacet> &facets, const Options &options);

    // Go on until `regions` more are found, `seconds` have passed, or all is done (then true).
    bool run(std::int64_t regions, double seconds);
    bool done() const { return stack_.size() == 0; }

    Columns columns;
    std::vector<std::int32_t> cut_units; // pattern column of the unit of each cut, in order
    Counters counters;
    int words() const { return words_; }
    // first bit and number of bits of each pattern column
    const std::vector<std::pair<int, int>> &bits() const { return bits_; }

  private:
    struct Line {
        double n[D], c; // n . u + c
        double slack;   // bound on its error over the domain, and on rounding where it is evaluated
        double size;    // sum of |n|
        double estimate; // of its error; over `size` it is how far rounding has moved the line
    };
    struct Origin { // of the line of the same index
        Functional f;
        int facet = -1;     // of the domain, or -1
        bool exact = false; // whether rows_[line] is filled
    };
    struct Vertex {
        double p[D], rho; // coordinates, each within rho of the exact ones
        int line;         // of the side from this vertex to the next (D = 1: that defines it)
    };
    struct Side { // from the vertex of the same index to the next one
        std::int64_t edge;
        // The side's part of its cut. Both cells at a cut split it at the same points, so that the
        // order of these intervals on one side matches the order on the other, side for side.
        std::uint64_t from, to;
    };
    // Eight vertices of a cell, and their sides; where a cell has fewer, rho is zero in the rest.
    struct Corners {
        Vec x, y, rho;
        Lanes line;
    };
    struct Sides {
        Lanes edge;
        Places from, to;
    };
    struct Item { // a cell still to be visited
        int stage, list, length, lo;     // candidates still open, first one from piece lo on
        int polygon, n;                  // its vertices: first block in arena_, and number
        int lines, candidates;           // heights of the stacks when it was made
        int unit, piece;                 // decision to make on arrival (unit < 0: none)
    };
    struct Cell {
        int at, n;
        int blocks() const { return (n + kVec - 1) / kVec; }
    };
    struct Ends { // of the part of a cell where a line is positive
        int up, down;     // first vertices of the positive and of the negative part
        int enter, leave; // the vertices before them: where the crossed sides start
        int positive;     // number of positive vertices
    };
    struct Crossing : Ends {
        Vertex a, b;      // the crossings
        std::uint64_t middle_a = 0, middle_b = 0; // where they divide these sides
    };
    struct Slot { // where a unit's piece stands in the packed pattern
        int word = 0, shift = 0;
        std::uint64_t mask = 0;
    };
    struct Level { // where the units of a stage stand; sets of units are bits, 64 units a word
        std::uint16_t *pieces, *applied; // of pieces_ and applied_
        const int *count;                // of pieces
        const double *const *breakpoints; // none of a max
        const Slot *slots;
        std::uint64_t *first, *top;  // units on their first piece, and on their last one
        std::uint64_t *moved;        // set to another piece since the next map was brought up to date
        const std::uint64_t *silent; // units that feed nothing while they are on their first piece
        int words;
    };
    struct Range {
        double low, high, margin;
    };
    struct Candidate {
        int unit, lo, hi; // pieces lo..hi are still possible
        bool cuts;        // certainly, the cell that its stage was entered on
        double row[D + 1];
    };
    struct Sparse { // what the units of the stage before feed into a sparse map
        std::vector<char> fed;      // whether anything
        std::vector<double> inputs; // D + 1 numbers a unit
        std::vector<int> stale;     // rows to be computed anew
        std::vector<char> is_stale;
    };
    struct Fine { // a map in twice the working precision, with its own error
        Numbers high, low;
        MapError error;
        bool valid = false;
    };
    struct Buffer : MapError { // the map of a stage's pre-activations on the current cell
        Numbers map;
        std::size_t ld = 0;
        double tolerance = 0; // the error, and rounding where rows are evaluated
        double estimate = 0; // of the error, if roundings are independent; for coordinates only
        double root = 1; // of the number of entries of the map
        int age = 0; // updates since the full product
        // how many units feed something into each row (sparse stages), or into all rows (dense)
        std::vector<int> row_feeds;
        int feeds = 1;
        bool valid = false;
        Sparse sparse; // of a sparse stage
        bool refinable = false; // whether it can be computed in twice the precision
        bool refined = false;   // whether it is, as the plain product was not good enough
        Fine fine;
    };

    const Stage &stage(int s) const { return chain_.stages[static_cast<std::size_t>(s)]; }
    void set_piece(int s, int unit, int piece);
    static void spell(const Slot &slot, int piece, std::uint64_t *pattern);
    void enter(int s, const Cell &cell);
    void visit(Item item);
    void emit(const Cell &cell);
    void write(const Corners *corners, const Sides *sides, int n);
    void write_both(const Cell &cell, int line, int s, int unit, int lo);
    void emit_signs(const Cell &cell);
    void update(int s);
    void full_product(int s);
    void sparse_product(int s);
    void refine(int s);
    void take_refined(int s);
    bool pieces_changed(int s) const;
    void remember(int s, int unit, bool on, const Feed &now);
    static void stale(Buffer &b, int row);
    void reset_if_idle(int s, int row);
    bool known(int s, int pre) const;
    Points gather(const Cell &cell);
    void settle(int s, int unit, const Points &points, bool bounded);
    Range range(const double *row, std::size_t stride, double tolerance, const Points &points) const;
    void narrow(const double *breakpoints, const Range &r, int &lo, int &hi) const;
    const std::vector<int> &contenders(int s, int unit, const Points &points, bool bounded);
    bool identical(int s, int i, int j);
    bool steeper(int s, int i, int j);
    bool feed(int s, int unit, int piece, Feed &out) const;

    void set_line(Line &g, const double *row, double constant, double error, double shift,
                  const Buffer &buffer) const;
    int push_line(const Line &g, const Functional &f);
    void drop_lines(std::size_t n);
    Vertex vertex(const Cell &cell, int i) const;
    int line_of(const Cell &cell, int i) const;
    Side side(const Cell &cell, int i) const;
    static void place(Corners *corners, int i, const Vertex &v);
    static void place(Sides *sides, int i, const Side &side);
    Functional breakpoint(int s, int unit, double t) const;
    void branch(Item &item, Cell &cell, int line, int unit, int lo, int hi, bool clear);
    int certain(const Cell &cell, const Line &g);
    template <class Describe> int classify(const Cell &cell, const Line &g, const Describe &describe);
    int arrangement(const Cell &cell, int s, int list, int length);
    int classify_slowly(const Cell &cell, const Line &g, const Functional &f);
    void spell_signs(const Cell &cell);
    void split(const Cell &cell, int g, bool plus_first, std::int64_t edge, Cell &first, Cell &second);
    const Row &exact_row(int line);
    void meet(const Line &a, const Line &b, Vertex &v) const;
    void sharpen(Vertex &v, int a, int b);
    void solve_exactly(Vertex &v, int a, int b);
    static Side whole_side(std::int64_t edge) { return {edge, 0, ~std::uint64_t{0}}; }
    static Ends find_ends(std::uint64_t positive, int n);
    Crossing cross(const Cell &cell, int g);
    int part(const Cell &cell, const Crossing &x, int g, bool plus, std::int64_t edge, Corners *to,
             Sides *sides) const;
    std::uint64_t middle(const Side &side, double share);
    static void shorten(Side &side, std::uint64_t middle, bool before);
    double share(int here, int there) const;
    void cut(const Cell &cell, int g, bool plus, std::int64_t edge, Cell &out);
    void take(const Cell &cell);
    bool max_unit(Item &item, Cell &cell, const Candidate &candidate);
    Cell clip(const Cell &cell, int s, const Candidate &c, int winner, const std::vector<int> &rivals,
              std::vector<std::int64_t> &ids);
    void filter(int s, const Cell &cell, int list, int length, int &new_list, int &new_length);

    const Chain &chain_;
    Options options_;
    int last_ = 0; // the stage after which a cell is a region
    bool counting_ = false; // nothing is written
    std::vector<std::vector<std::uint16_t>> pieces_, applied_;
    std::vector<Level> levels_;
    std::vector<std::vector<std::uint64_t>> sets_; // that levels_ point to
    std::vector<std::vector<const double *>> breakpoints_;
    std::vector<std::pair<int, int>> parents_; // candidates of the current parent cell, by stage
    std::vector<Buffer> buffers_;
    Arbiter arbiter_;

    Pile<Line> lines_;
    Pile<Origin> origins_;
    std::vector<Row> rows_; // exact rows of lines_, where asked
    Pile<Corners> arena_;
    Pile<Sides> sides_; // as high as the arena where sides are written, else empty
    Pile<Candidate> candidates_;
    Pile<Item> stack_;

    int words_ = 0;
    std::vector<std::pair<int, int>> bits_;
    std::vector<std::vector<Slot>> slots_; // of the units of each stage
    std::vector<std::uint64_t, Aligned<std::uint64_t>> pattern_; // padded to whole vectors

    double extent_[2] = {1.0, 1.0};
    double reach_ = 1.0; // 1 plus the sum of the extents
    double work_ = 0;
    std::int64_t target_ = 0; // regions at which to stop
    std::int64_t vertices_ = 0; // written with signs
    // scratch
    Numbers xs_, ys_;
    std::vector<Verdicts> verdicts_;
    Numbers low_, high_; // certain bounds on the rows of a map over a cell
    std::vector<Range> ranges_;
    std::vector<int> open_;
    std::vector<signed char> signs_;
    Numbers values_ = Numbers(64);
    std::uint64_t positive_ = 0;
    std::vector<Feed> feeds_;
    std::vector<FineFeed> fine_feeds_;
};

} // namespace plica

// The walk over the activation regions of a chain on a domain of any dimension.
//
// Depth first over stages. On a cell of the stages before, all pre-activations of the next stage are
// affine: their map is one buffer a stage, changed by rank-1 updates when a unit changes piece
// between sibling cells, with a running bound on its error. Units whose sign the cell decides are
// settled on arrival; the others split it, one after another. What a cell is, and how the sign of a
// functional on it is found, is the business of a form (form.hpp).
//
// The walk is an explicit stack: it stops after any number of regions and goes on later, and its
// memory grows with the depth of the search and not with the number of regions.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "arbiter.hpp"
#include "chain.hpp"
#include "claims.hpp"
#include "columns.hpp"
#include "form.hpp"
#include "kernels_any.hpp"
#include "map_error.hpp"
#include "stack.hpp"

namespace plica {

// What the regions found so far are, column by column.
struct Listed {
    Column<std::uint64_t> patterns; // packed, `words` a region
    Column<double> witnesses;       // a point inside each, n coordinates
    Column<double> maps;            // (n + 1) * n_outputs a region, coefficient after coefficient
};

struct Listing {
    bool patterns = false, witnesses = false, maps = false;
    bool each = false; // find each region even where nothing of it is written
    double filter = 1.0; // scale of the error bound; infinity sends every question to the arbiter
};

struct Steps {
    std::int64_t regions = 0, arbitrated = 0, products = 0, updates = 0, splits = 0;
    double map_error = 0; // largest error bound of an output map, over the domain
};

template <class Form> class Cells {
  public:
    Cells(const Chain &chain, Domain domain, const Listing &listing);
    virtual ~Cells() = default;
    Cells(const Cells &) = delete;
    Cells &operator=(const Cells &) = delete;

    // Go on until `regions` more are found, `seconds` have passed, or all is done (then true).
    bool run(std::int64_t regions, double seconds);
    bool done() const { return stack_.size() == 0 && waiting_ == 0; }
    // Leave out what other walks have taken: of the first stage whose units have more than one piece, the
    // cells that `depth` cuts have made; else the cells of this stage. Before anything is run.
    void share(Claims &claims, int stage, int depth);

    Listed take(); // what has been found since the last time
    Steps steps;
    const Tally &tally() const { return form_.tally; }
    int words() const { return words_; }
    // first bit and number of bits of each pattern column
    const std::vector<std::pair<int, int>> &bits() const { return bits_; }

  protected:
    using Cell = typename Form::Cell;
    using Mark = typename Form::Mark;
    struct Candidate {
        int unit, lo, hi; // pieces lo..hi are still possible
        std::size_t row;  // of its pre-activation in coefficients_, where it is a scalar unit
        bool cuts = false; // certainly, the whole cell
    };
    struct Item { // a cell still to be visited
        int stage;
        std::size_t list; // candidates still open, first one from piece lo on; -1: to be found
        int length, lo;
        Cell cell;
        Mark mark; // heights of the stacks when it was made
        std::size_t candidates, coefficients;
        int unit, piece; // decision to make on arrival (unit < 0: none)
        std::uint64_t path; // where it lies in the tree of cuts, while nobody has taken it; 0: taken
    };
    struct Buffer : MapError { // the map of a stage's pre-activations on the current cell
        Numbers map;
        std::size_t ld = 0;
        int age = 0; // updates since the full product
        // how many units feed something into each row (sparse stages), or into all rows (dense)
        std::vector<int> row_feeds;
        int feeds = 1;
        bool valid = false;
    };
    static constexpr int kToFind = -1;
    static constexpr int kWhole = 6; // cuts of a cell that is not worth dividing among walks

    const Stage &stage(int s) const { return chain_.stages[static_cast<std::size_t>(s)]; }
    void set_piece(int s, int unit, int piece);
    void visit(Item item);
    void enter(Item &item);
    void settle(int s, int unit, std::uint16_t verdict, const Cell &cell);
    void sift(Item &item);
    bool narrow(int s, Candidate &c, Cell &cell);
    bool at_once(Item &item);
    int many() const { // cuts of a cell whose regions may be found all at once; -1: never
        if constexpr (Form::kCounts)
            if (counting_ || (Form::kLists && plain_)) return form_.many();
        return -1;
    }
    void encode(const Item &item);
    void decode(const std::uint32_t *sets, int n, std::uint64_t *pattern);
    void write(bool later);
    bool write_sides(int unit, int lo);
    void branch(Item &item, int unit, int lo, int hi);
    virtual void emit(Cell &cell);
    virtual void finish() {} // write what waits
    // Whether nothing in a cell whose units of the item's stage have been looked at can matter.
    virtual bool hopeless(Item &) { return false; }
    bool lost(Item &item, int depth);
    bool taken(int s);

    bool feed(int s, int unit, int piece, double *row) const;
    void full_product(int s);
    void count_feed(int s, int unit, int change);
    bool known(int s, int pre) const;
    void update(int s);

    Question question(int s, int pre, double shift) const;
    Question question(int s, const Candidate &c, double shift) const;
    Question difference(int s, int plus, int minus);
    const std::vector<int> &contenders(int s, int unit, const Cell &cell);
    bool identical(int s, int i, int j);
    bool clip(Cell &cell, int s, int unit, int winner, const std::vector<int> &rivals);
    bool max_unit(Item &item, const Candidate &candidate);

    const Chain &chain_;
    const Domain domain_;
    const Listing listing_;
    int n_;
    Claims *claims_ = nullptr;
    int shared_ = -1, depth_ = 0;
    int last_ = 0; // the stage after which a cell is a region
    bool counting_ = false; // nothing is written
    bool plain_ = false;    // regions are written as they are found, without their maps
    std::vector<std::vector<std::uint16_t>> pieces_, applied_;
    std::vector<std::pair<std::size_t, std::size_t>> parents_; // candidates of the current parent cell
    std::vector<Buffer> buffers_;
    Arbiter arbiter_;
    Form form_;

    Listed listed;
    Stack<Candidate> candidates_;
    Stack<double> coefficients_;
    Stack<Item> stack_;
    std::int64_t target_ = 0; // regions at which to stop
    int ready_ = 0, waiting_ = 0; // regions found at once, and those of them that are still to be written
    bool fresh_ = false; // the form's last question is the first candidate's, and took both signs

    int words_ = 0;
    std::vector<std::pair<int, int>> bits_;
    std::vector<std::uint64_t> pattern_;
    std::vector<double> extent_;
    double reach_ = 0; // the sum of the extents, of which the last one is 1
    // scratch
    std::vector<std::uint16_t> verdicts_;
    std::vector<Range> ranges_;
    std::vector<Question> asks_;
    // Of regions found at once: the pattern where no question is above zero, and a bit for each question that is, in their
    // order once these two and two have been exchanged. Or, where units have more than two pieces, for each question the word
    // of the pattern and what to add to it.
    std::vector<std::uint64_t> base_, places_;
    std::vector<std::pair<int, int>> swaps_;
    std::vector<std::pair<std::size_t, std::uint64_t>> next_piece_;
    std::vector<int> bits_asked_;
    std::vector<std::uint32_t> sets_;
    std::vector<int> open_, units_;
    std::vector<double> rows_, now_, then_;
};

} // namespace plica

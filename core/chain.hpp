// The chain as the engines read it: affine maps in panels or compressed columns, units as pieces.
#pragma once

#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "dyadic.hpp"

namespace plica {

// Vectors of numbers that start on a cache line.
template <class T> struct Aligned {
    using value_type = T;
    Aligned() = default;
    template <class U> Aligned(const Aligned<U> &) {}
    T *allocate(std::size_t n) {
        return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t{64}));
    }
    void deallocate(T *p, std::size_t) { ::operator delete(p, std::align_val_t{64}); }
    template <class U> bool operator==(const Aligned<U> &) const { return true; }
    template <class U> bool operator!=(const Aligned<U> &) const { return false; }
};
using Numbers = std::vector<double, Aligned<double>>;

constexpr int kPanel = 16; // rows of an affine map that lie together

inline int padded(int n) { return (n + 2 * kPanel - 1) / (2 * kPanel) * (2 * kPanel); }

// A continuous scalar piecewise-linear function: piece q is slope[q] * z + intercept[q].
struct Function {
    std::vector<double> breakpoints, slopes, intercepts; // intercepts rounded to nearest
    std::vector<Dyadic> exact_intercepts;
    double max_slope = 0, max_intercept = 0;

    Function(std::vector<double> breakpoints_, std::vector<double> slopes_, double intercept);
    int pieces() const { return static_cast<int>(slopes.size()); }
};

// h'[k] = slope * z[source] + intercept on the piece that unit k is on
struct Piece {
    int source;
    double slope, intercept;
};

// Verdicts on a unit over a cell: the last piece, where that differs from unit to unit; certainly both
// the first and the last piece somewhere; open.
constexpr std::uint16_t kMixed = 0xfffd, kBoth = 0xfffe, kOpen = 0xffff;
constexpr int kIdentity = -1, kMax = -2;

struct Stage {
    int n_state = 0, n_pre = 0, n_out = 0;
    // dense: panels of kPanel rows, column after column inside a panel; else compressed columns
    bool dense = true;
    Numbers panels;
    std::vector<std::int64_t> column_start, row_start; // CSC and CSR, where sparse
    std::vector<std::int32_t> column_row, row_column;
    std::vector<double> column_value, row_value;
    Numbers bias; // padded

    std::vector<std::int64_t> unit_start;
    std::vector<std::int32_t> unit_reads, unit_function;
    std::vector<int> unit_pieces;
    std::vector<int> nonlinear;        // units with more than one piece
    std::vector<int> column_of;        // pattern column of a unit, -1 for linear units
    // where unit k reads coordinate k for all k and none is a max: its first and last breakpoint
    bool direct = true;
    Numbers left, right; // padded
    std::uint16_t last_piece = 0; // of the units with several pieces, kMixed if they differ
    std::vector<int> table_start;      // of a unit's pieces in `table`
    std::vector<Piece> table;

    // bounds over all pieces of the units of the stage before, for the running error bound:
    // max over rows of sum |A_jk| S_k, sum |A_jk| C_k, |a_j|, sum |A_jk|, and of the number of terms
    double slope_norm = 0, intercept_norm = 0, bias_max = 0, weight_norm = 0;
    // bound on the largest singular value of the map times that of the step from the pre-activations
    // of the stage before to its state; infinite where nobody has computed it
    double spectral_norm = std::numeric_limits<double>::infinity();
    double euclidean_norm = 0; // max over rows of the root of sum (A_jk S_k)^2, times the root of
                               // the number of units of the stage before that read one coordinate
    int terms = 0;

    double weight(int row, int column) const; // dense only
    const Piece &piece(int unit, int q) const {
        return table[static_cast<std::size_t>(table_start[static_cast<std::size_t>(unit)] + q)];
    }
    template <class Visit> void for_row(int row, Visit visit) const {
        if (dense) {
            for (int k = 0; k < n_state; ++k) {
                const double w = weight(row, k);
                if (w != 0.0) visit(k, w);
            }
        } else {
            for (auto i = row_start[static_cast<std::size_t>(row)];
                 i < row_start[static_cast<std::size_t>(row) + 1]; ++i)
                visit(row_column[static_cast<std::size_t>(i)], row_value[static_cast<std::size_t>(i)]);
        }
    }
};

inline double Stage::weight(int row, int column) const {
    const auto panel = static_cast<std::size_t>(row / kPanel);
    return panels[(panel * static_cast<std::size_t>(n_state) + static_cast<std::size_t>(column)) *
                      kPanel +
                  static_cast<std::size_t>(row % kPanel)];
}

struct Chain {
    std::vector<Stage> stages;
    std::vector<Function> functions;
    int n_units = 0; // units with more than one piece

    // Add a stage. `row_start` empty: `values` holds the dense map row after row; otherwise CSR.
    void add_stage(int n_pre, int n_state, const double *values, const std::int64_t *row_start,
                   const std::int32_t *columns, const double *bias,
                   std::vector<std::int64_t> unit_start, std::vector<std::int32_t> unit_reads,
                   std::vector<std::int32_t> unit_function);

    // First bit and number of bits of each pattern column in a packed pattern; no piece lies in two words.
    std::vector<std::pair<int, int>> pattern_bits() const;
    int last_nonlinear() const; // index of the last stage with a unit of several pieces, or -1
};

// Words of a packed pattern.
inline int pattern_words(const std::vector<std::pair<int, int>> &bits) {
    return bits.empty() ? 0 : (bits.back().first + bits.back().second + 63) / 64;
}

} // namespace plica

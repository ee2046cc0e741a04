// Cells that hyperplanes divide into regions, all at once. Part of the vertex form.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bits.hpp"
#include "lanes.hpp"
#include "vertices.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

// Whether the signs of all functionals at all vertices are certain.
bool Vertices::arrange(const Cell &cell, const Question *questions, int n) {
    if (domain_.cone || filter_ == kInfinity || !cell.simple || cell.words > 1) return false;
    arrangement_.begin(cloud(cell), &mask(cell, 0));
    for (int i = 0; i < n; ++i) {
        const Linear f = load(questions[i], row_.data());
        if (!arrangement_.add(row_.data(), f.constant, filter_ * (f.slack + f.size * cell.rho), filter_ * f.slack)) return false;
    }
    return true;
}

std::int64_t Vertices::count(const Cell &cell, const Question *questions, int n) {
    std::int64_t found = 0;
    return arrange(cell, questions, n) && arrangement_.count(found) ? found : 0;
}

int Vertices::list(const Cell &cell, const Question *questions, int n) {
    if (!arrange(cell, questions, n) || !arrangement_.list(parts_) || !all_inside(cell)) return 0;
    return static_cast<int>(parts_.size());
}

// Whether the points of the parts lie inside all facets of the cell, for certain.
bool Vertices::all_inside(const Cell &cell) {
    Word facets = 0;
    for (int v = 0; v < cell.n; ++v) facets |= mask(cell, v);
    const std::size_t n = z(count_bits(facets)), ld = z(padded8(static_cast<int>(n))), g = z(g_);
    if (facet_rows_.size() < (g + 2) * ld) facet_rows_.resize(2 * (g + 2) * ld);
    double *rows = facet_rows_.data(), *slack = rows + (g + 1) * ld;
    std::size_t i = 0;
    for (Word rest = facets; rest != 0; rest &= rest - 1, ++i) {
        const int facet = facets_[cell.facets + z(first_bit(rest))];
        const auto line = z(facet / 2);
        const double side = facet % 2 != 0 ? 1.0 : -1.0;
        for (std::size_t k = 0; k < g; ++k) rows[k * ld + i] = side * rows_[line * g + k];
        rows[g * ld + i] = side * lines_[line].f.constant;
        slack[i] = filter_ * lines_[line].f.slack;
    }
    for (; i < ld; ++i) // as the last one
        for (std::size_t k = 0; k < g + 2; ++k) rows[k * ld + i] = rows[k * ld + n - 1];
    for (const auto &part : parts_) {
        const double *x = arrangement_.point(part);
        for (std::size_t b = 0; b < ld; b += kVec) {
            Vec sum = plica::load(rows + g * ld + b);
            for (std::size_t k = 0; k < g; ++k) sum += plica::load(rows + k * ld + b) * x[k];
            if (above(sum, plica::load(slack + b)) != 0xff) return false;
        }
    }
    return true;
}

} // namespace plica

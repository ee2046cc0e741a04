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
//
// The mean of the vertices, which lie within rho of the true ones, is within rho of a point inside: if a
// facet's functional is farther from zero there, its sign is that of the inside.
bool Vertices::all_inside(const Cell &cell) {
    Word facets = 0;
    for (int v = 0; v < cell.n; ++v) facets |= mask(cell, v);
    const std::size_t n = z(count_bits(facets)), ld = z(padded8(static_cast<int>(n))), g = z(g_);
    if (facet_rows_.size() < (g + 3) * ld) facet_rows_.resize(2 * (g + 3) * ld);
    double *rows = facet_rows_.data(), *slack = rows + (g + 1) * ld, *blurred = slack + ld;
    const double mean_error = cell.rho + rounding_ * (cell.n + 4);
    std::size_t i = 0;
    for (Word rest = facets; rest != 0; rest &= rest - 1, ++i) {
        const auto line = z(facets_[cell.facets + z(first_bit(rest))]);
        const Linear &f = lines_[line].f;
        for (std::size_t k = 0; k < g; ++k) rows[k * ld + i] = rows_[line * g + k];
        rows[g * ld + i] = f.constant;
        slack[i] = filter_ * f.slack;
        blurred[i] = filter_ * (f.slack + f.size * mean_error);
    }
    for (; i < ld; ++i) { // as the last one
        for (std::size_t k = 0; k <= g + 2; ++k) rows[k * ld + i] = rows[k * ld + n - 1];
    }
    double mean[Arrangement::kDim]; // `list` has seen that it has no more coordinates
    find_mean(cloud(cell), mean);
    for (std::size_t b = 0; b < ld; b += kVec) {
        const auto at = [&](const double *x) {
            Vec sum = plica::load(rows + g * ld + b);
            for (std::size_t k = 0; k < g; ++k) sum += plica::load(rows + k * ld + b) * x[k];
            return sum;
        };
        const Vec inner = at(mean), least = plica::load(slack + b);
        if (plica::above(absolute(inner), plica::load(blurred + b)) != 0xff) return false;
        const Vec side = inner > 0 ? Vec{} + 1.0 : Vec{} - 1.0;
        for (const auto &part : parts_)
            if (plica::above(at(arrangement_.point(part)) * side, least) != 0xff) return false;
    }
    return true;
}

} // namespace plica

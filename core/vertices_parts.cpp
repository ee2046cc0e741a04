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

std::int64_t Vertices::parts(const Cell &cell, const Question *questions, int n) {
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
    const int n = static_cast<int>(parts_.size());
    for (int first = 0; first < n; first += kVec) { // eight points at a time
        Vec x[Arrangement::kDim];
        arrangement_.points(parts_, first, x);
        for (Word rest = facets; rest != 0; rest &= rest - 1) {
            const int facet = facets_[cell.facets + z(first_bit(rest))];
            const double *row = rows_.at(z(facet / 2) * z(g_));
            const Linear &f = lines_[z(facet / 2)].f;
            Vec sum = Vec{} + f.constant;
            for (int k = 0; k < g_; ++k) sum += row[k] * x[k];
            const Vec slack = Vec{} + filter_ * f.slack;
            if ((facet % 2 != 0 ? above(sum, slack) : above(-slack, sum)) != 0xff) return false;
        }
    }
    return true;
}

} // namespace plica

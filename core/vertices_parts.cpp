// Cells that hyperplanes divide into regions, all at once. Part of the vertex form.
#include <limits>

#include "bits.hpp"
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
    if (!arrange(cell, questions, n)) return 0;
    Word facets = 0;
    for (int v = 0; v < cell.n; ++v) facets |= mask(cell, v);
    for (; facets != 0; facets &= facets - 1) {
        const int facet = facets_[cell.facets + z(first_bit(facets))];
        arrangement_.wall(rows_.at(z(facet / 2) * pitch_), filter_, facet % 2 != 0);
    }
    return arrangement_.list();
}

} // namespace plica

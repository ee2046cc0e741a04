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

// Within how many units of the extents around a point all is certainly in the cell.
double Vertices::room(const Cell &cell, const double *point) const {
    Word facets = 0;
    for (int v = 0; v < cell.n; ++v) facets |= mask(cell, v);
    alignas(64) double at[2][kVec] = {}; // what a row is to be multiplied with, where it is negative and positive inside
    for (int k = 0; k < g_; ++k) {
        at[0][k] = -point[k];
        at[1][k] = point[k];
    }
    at[0][g_] = -1;
    at[1][g_] = 1;
    double least = kInfinity, sum = 0; // not a number, if one of them is not
    for (; facets != 0; facets &= facets - 1) {
        const auto facet = z(facets_[cell.facets + z(first_bit(facets))]);
        const double *row = rows_.at(facet / 2 * pitch_);
        const double far = (sum_of(plica::load(row) * plica::load(at[facet % 2])) - 2 * filter_ * row[g_ + 1]) * row[g_ + 2];
        least = far < least ? far : least;
        sum += far;
    }
    return sum > 0 && least > 0 ? least * narrow_ : 0.0;
}

int Vertices::list(const Cell &cell, const Question *questions, int n, Column<double> *points) {
    if (g_ > Arrangement::kDim || !arrange(cell, questions, n)) return 0;
    find_mean(cloud(cell), middle_);
    // Half of it is for rounding, a few kUnit at each of up to six levels and steps, and for the errors of vertices.
    const int found = arrangement_.list(middle_, room(cell, middle_), filter_ * (4 * cell.rho + 256 * kUnit));
    if (points != nullptr) points->append(arrangement_.points(), z(found * n_));
    return found;
}

} // namespace plica

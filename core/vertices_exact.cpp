// What the interpolated vertices leave open: vertices computed afresh from their half-spaces, and
// exact signs. Part of the vertex form.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "vertices.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSharpened = 1e-13; // errors that computing a vertex afresh hardly improves
}

void Vertices::vertex_lines(const Cell &cell, int v, std::vector<int> &lines) const {
    lines.clear();
    for (int w = 0; w < cell.words; ++w)
        for (Word rest = mask(cell, v, w); rest != 0; rest &= rest - 1)
            lines.push_back(facets_[cell.facets + z(64 * w + __builtin_ctzll(rest))] / 2);
}

// The sign of the question at a vertex whose value says nothing.
int Vertices::sign_at_vertex(Cell &cell, int v) {
    ++tally.programs;
    if (apex(cell, v)) {
        values_[z(v)] = 0;
        return 0;
    }
    const auto certain = [&] { return std::fabs(values_[z(v)]) > filter_ * (f_.slack + f_.size * column(cell, g_)[v]); };
    if (certain()) return values_[z(v)] > 0 ? 1 : -1;
    vertex_lines(cell, v, found_lines_);
    if (filter_ < kInfinity && column(cell, g_)[v] > kSharpened && sharpen(cell, v, found_lines_, kInfinity)) {
        values_[z(v)] = f_.constant;
        for (int k = 0; k < g_; ++k) values_[z(v)] += row_[z(k)] * column(cell, k)[v];
        measure(cell);
        if (certain()) return values_[z(v)] > 0 ? 1 : -1;
    }
    ++arbiter_.asked;
    if (zero(exact_question())) return 0;
    const std::vector<Dyadic> value = exact_values(found_lines_, {exact_question()});
    return value[0].sign() * value[1].sign();
}

// Compute a vertex that lies on these lines afresh, exactly if its error stays above `enough`. Whether it became
// better known.
bool Vertices::sharpen(Cell &cell, int v, const std::vector<int> &lines, double enough) {
    double &rho = column(cell, g_)[v];
    error_ = kInfinity;
    if (filter_ < kInfinity) solve(lines, column(cell, 0) + v, z(cell.ld));
    if (!(std::min(error_, rho) <= enough)) solve_exactly(lines);
    if (!(error_ < rho)) return false;
    for (int k = 0; k < g_; ++k) column(cell, k)[v] = point_[z(k)];
    rho = error_;
    return true;
}

// The vertex where k lines A x + c = 0 meet, near a point. With an approximate left inverse B of A and residuals of at
// most r, it is within |B| r + d max(|B| r) / (1 - d), d = |I - B A| (maximum norm; coordinates in units of their
// extents).
void Vertices::solve(const std::vector<int> &lines, const double *from, std::size_t ld) {
    ++tally.rebuilt;
    const auto g = z(g_);
    const std::size_t k = lines.size(), width = g + k, all = g + 2;
    matrix_.resize(k * (width + all) + 2 * g + k);
    double *m = matrix_.data(), *rows = m + k * width, *at = rows + k * all, *bound = at + g, *rest = bound + g;
    for (std::size_t i = 0; i < k; ++i) { // [A | c, slack], and [A | I] to eliminate in
        const double *line = rows_.at(z(lines[i]) * pitch_);
        double *row = rows + i * all, *work = m + i * width, largest = 0;
        for (std::size_t j = 0; j < g; ++j) {
            row[j] = line[j] * extent_[j];
            largest = std::max(largest, std::fabs(row[j]));
        }
        const Linear &f = lines_[z(lines[i])].f;
        const double scale = largest > 1e-280 ? 1 / largest : 1.0; // rounds: within 4 units of row and constant
        for (std::size_t j = 0; j < g; ++j) work[j] = row[j] *= scale;
        row[g] = f.constant * scale;
        row[g + 1] = f.slack * scale;
        std::fill(work + g, work + width, 0.0);
        work[g + i] = 1.0;
    }
    point_.resize(g);
    pivots_.assign(k, -1);
    for (std::size_t c = 0; c < g; ++c) {
        std::size_t best = k;
        for (std::size_t i = 0; i < k; ++i)
            if (pivots_[i] < 0 && (best == k || std::fabs(m[i * width + c]) > std::fabs(m[best * width + c]))) best = i;
        if (best == k || !(std::fabs(m[best * width + c]) > 0)) return;
        pivots_[best] = static_cast<int>(c);
        double *row = m + best * width;
        const double inverse = 1 / row[c];
        for (std::size_t j = 0; j < width; ++j) row[j] *= inverse;
        for (std::size_t i = 0; i < k; ++i) {
            double *other = m + i * width;
            const double factor = other[c];
            if (i == best || factor == 0.0) continue;
            for (std::size_t j = 0; j < width; ++j) other[j] -= factor * row[j];
        }
    }
    const auto residuals = [&] {
        for (std::size_t q = 0; q < k; ++q) {
            double r = rows[q * all + g], size = std::fabs(r);
            for (std::size_t j = 0; j < g; ++j) {
                r += rows[q * all + j] * at[j];
                size += std::fabs(rows[q * all + j] * at[j]);
            }
            rest[q] = r;
            m[q * width] = std::fabs(r) + static_cast<double>(g + 8) * kUnit * size + rows[q * all + g + 1];
        }
    };
    for (std::size_t j = 0; j < g; ++j) at[j] = from[j * ld] * inverse_[j];
    residuals();
    for (std::size_t i = 0; i < k; ++i) {
        if (pivots_[i] < 0) continue;
        const double *row = m + i * width + g;
        for (std::size_t q = 0; q < k; ++q) at[pivots_[i]] -= row[q] * rest[q];
    }
    residuals();
    double gap = 0, most = 0;
    for (std::size_t i = 0; i < k; ++i) {
        if (pivots_[i] < 0) continue;
        const double *row = m + i * width + g;
        double sum = 0, moved = 0, size = 1;
        for (std::size_t j = 0; j < g; ++j) {
            double e = static_cast<int>(j) == pivots_[i] ? -1.0 : 0.0;
            for (std::size_t q = 0; q < k; ++q) e += row[q] * rows[q * all + j];
            sum += std::fabs(e);
        }
        for (std::size_t q = 0; q < k; ++q) {
            size += std::fabs(row[q]); // rows are at most 1
            moved += std::fabs(row[q]) * m[q * width];
        }
        gap = std::max(gap, sum + static_cast<double>(g * (k + 8)) * kUnit * size);
        bound[pivots_[i]] = moved;
        most = std::max(most, moved);
    }
    if (!(gap < 0.5) || !(most < kInfinity)) return;
    double square = 0;
    for (std::size_t j = 0; j < g; ++j) {
        const double moved = bound[j] + gap * most / (1 - gap);
        square += moved * moved;
        point_[j] = at[j] * extent_[j];
    }
    error_ = std::sqrt(square) * (1 + 1e-10) + rounding_;
}

void Vertices::solve_exactly(const std::vector<int> &lines) {
    ++arbiter_.asked;
    std::vector<Row> coordinates;
    for (int k = 0; k < g_; ++k) {
        Row row(z(g_) + 1);
        row[z(k)] = Dyadic(1.0);
        coordinates.push_back(std::move(row));
    }
    const std::vector<Dyadic> values = exact_values(lines, coordinates);
    point_.resize(z(g_));
    for (int k = 0; k < g_; ++k) point_[z(k)] = Dyadic::ratio(values[z(k)], values.back());
    error_ = rounding_;
}

Row Vertices::exact_functional(const Functional &f, int facet) const {
    Row row;
    if (facet == -1) {
        row = arbiter_.functional(f);
        if (domain_.cone) row.emplace_back();
    } else if (facet >= 0) {
        for (int k = 0; k < n_; ++k) row.emplace_back(-domain_.A[z(facet) * z(n_) + z(k)]);
        row.emplace_back(domain_.b[z(facet)]);
        if (domain_.cone) row.emplace_back();
    } else {
        const int k = (-2 - facet) / 2;
        row.resize(z(g_) + 1);
        row[z(k)] = Dyadic(1.0);
        row.back() = Dyadic((-2 - facet) % 2 != 0 ? -upper_[z(k)] : -lower_[z(k)]);
    }
    return row;
}

const Row &Vertices::exact_row(int index) {
    Line &line = lines_[z(index)];
    if (!line.is_exact) {
        exact_[z(index)] = exact_functional(line.exact, line.facet);
        line.is_exact = true;
    }
    return exact_[z(index)];
}

const Row &Vertices::exact_question() {
    if (!have_exact_) exact_question_ = exact_functional(functional_, facet_);
    have_exact_ = true;
    return exact_question_;
}

// Elimination without fractions (Bareiss): after a pivot for every coordinate, a functional's last number is
// its value times the last pivot.
std::vector<Dyadic> Vertices::exact_values(const std::vector<int> &lines, const std::vector<Row> &functionals) {
    const auto g = z(g_);
    std::vector<Row> rows;
    for (const int line : lines) rows.push_back(exact_row(line));
    rows.insert(rows.end(), functionals.begin(), functionals.end());
    Dyadic before(1.0);
    for (std::size_t c = 0; c < g; ++c) {
        ++tally.exact_pivots;
        std::size_t pivot = c;
        while (pivot < lines.size() && rows[pivot][c].zero()) ++pivot;
        if (pivot >= lines.size()) throw std::logic_error("a vertex on too few hyperplanes");
        std::swap(rows[pivot], rows[c]);
        const Dyadic &p = rows[c][c];
        for (std::size_t i = c + 1; i < rows.size(); ++i) {
            const Dyadic factor = rows[i][c];
            for (std::size_t j = c + 1; j <= g; ++j) {
                rows[i][j].multiply(p);
                if (!factor.zero()) rows[i][j].add_product(factor, rows[c][j], true);
                rows[i][j].divide(before);
            }
        }
        before = p;
    }
    std::vector<Dyadic> values;
    for (std::size_t i = lines.size(); i < rows.size(); ++i) values.push_back(rows[i][g]);
    values.push_back(before);
    return values;
}

} // namespace plica

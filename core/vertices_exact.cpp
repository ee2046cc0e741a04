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
}

void Vertices::vertex_lines(const Cell &cell, int v, std::vector<int> &lines) const {
    lines.clear();
    for (int w = 0; w < cell.words; ++w)
        for (Word rest = mask(cell, v, w); rest != 0; rest &= rest - 1)
            lines.push_back(facets_[cell.facets + z(64 * w + __builtin_ctzll(rest))]);
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
    if (filter_ < kInfinity && column(cell, g_)[v] * f_.size > f_.slack) {
        std::vector<double> x(z(g_));
        double rho = kInfinity;
        solve(found_lines_, x.data(), rho);
        if (rho < column(cell, g_)[v] / 2) {
            column(cell, g_)[v] = rho;
            values_[z(v)] = f_.constant;
            for (int k = 0; k < g_; ++k) {
                column(cell, k)[v] = x[z(k)];
                values_[z(v)] += row_[z(k)] * x[z(k)];
            }
            pad(cell);
            if (certain()) return values_[z(v)] > 0 ? 1 : -1;
        }
    }
    ++arbiter_.asked;
    if (zero(exact_question())) return 0;
    const std::vector<Dyadic> value = exact_values(found_lines_, {exact_question()});
    return value[0].sign() * value[1].sign();
}

// The vertex where these lines meet, by an approximate inverse B of n of them, A. With residuals of
// at most r, the true vertex is within |B| r / (1 - |I - B A|) (maximum norms, coordinates in units of their
// extents).
bool Vertices::solve(const std::vector<int> &lines, double *x, double &rho) {
    ++tally.rebuilt;
    rho = kInfinity;
    const auto g = z(g_);
    const std::size_t k = lines.size();
    // rows of [A | c], every one with its largest coefficient scaled to 1; chosen by elimination
    std::vector<double> all(k * (g + 2)), work;
    for (std::size_t i = 0; i < k; ++i) {
        double *row = all.data() + i * (g + 2), largest = 0;
        const double *from = rows_.at(z(lines[i]) * g);
        for (std::size_t j = 0; j < g; ++j) {
            row[j] = from[j] * extent_[j];
            largest = std::max(largest, std::fabs(row[j]));
        }
        int exponent = 0;
        std::frexp(largest, &exponent);
        const double scale = std::ldexp(1.0, -std::clamp(exponent, -900, 900));
        const Linear &f = lines_[z(lines[i])].f;
        for (std::size_t j = 0; j < g; ++j) row[j] *= scale;
        row[g] = f.constant * scale;
        row[g + 1] = f.slack * scale;
    }
    work = all;
    std::vector<std::size_t> chosen;
    std::vector<char> used(k, 0);
    for (std::size_t c = 0; c < g; ++c) { // elimination with the largest pivot of a column
        std::size_t best = k;
        for (std::size_t i = 0; i < k; ++i)
            if (used[i] == 0 && (best == k || std::fabs(work[i * (g + 2) + c]) > std::fabs(work[best * (g + 2) + c]))) best = i;
        if (best == k || !(std::fabs(work[best * (g + 2) + c]) > 0)) return false;
        used[best] = 1;
        chosen.push_back(best);
        for (std::size_t i = 0; i < k; ++i) {
            if (used[i] != 0) continue;
            const double factor = work[i * (g + 2) + c] / work[best * (g + 2) + c];
            for (std::size_t j = c; j < g; ++j) work[i * (g + 2) + j] -= factor * work[best * (g + 2) + j];
        }
    }
    // the inverse of the chosen rows, by Gauss and Jordan with pivots in that order
    std::vector<double> m(g * 2 * g, 0.0);
    for (std::size_t i = 0; i < g; ++i) {
        std::copy_n(all.data() + chosen[i] * (g + 2), g, m.data() + i * 2 * g);
        m[i * 2 * g + g + i] = 1.0;
    }
    for (std::size_t c = 0; c < g; ++c) {
        const double pivot = m[c * 2 * g + c];
        if (!(std::fabs(pivot) > 0)) return false;
        for (std::size_t j = 0; j < 2 * g; ++j) m[c * 2 * g + j] /= pivot;
        for (std::size_t i = 0; i < g; ++i) {
            if (i == c) continue;
            const double factor = m[i * 2 * g + c];
            for (std::size_t j = 0; j < 2 * g; ++j) m[i * 2 * g + j] -= factor * m[c * 2 * g + j];
        }
    }
    const auto inverse = [&](std::size_t i, std::size_t j) { return m[i * 2 * g + g + j]; };
    const auto entry = [&](std::size_t i, std::size_t j) { return all[chosen[i] * (g + 2) + j]; };
    double gap = 0; // |I - B A|
    for (std::size_t i = 0; i < g; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < g; ++j) {
            double e = i == j ? -1.0 : 0.0, size = 1.0;
            for (std::size_t q = 0; q < g; ++q) {
                e += inverse(i, q) * entry(q, j);
                size += std::fabs(inverse(i, q) * entry(q, j));
            }
            sum += std::fabs(e) + static_cast<double>(g + 2) * kUnit * size;
        }
        gap = std::max(gap, sum);
    }
    if (!(gap < 0.5)) return false;
    std::vector<double> at(g);
    const auto residual = [&](std::size_t i) {
        double r = entry(i, g);
        for (std::size_t j = 0; j < g; ++j) r += entry(i, j) * at[j];
        return r;
    };
    for (int round = 0; round < 2; ++round) { // and once more, for the residuals' sake
        std::vector<double> step(g, 0.0);
        for (std::size_t q = 0; q < g; ++q) {
            const double r = residual(q);
            for (std::size_t i = 0; i < g; ++i) step[i] += inverse(i, q) * r;
        }
        for (std::size_t i = 0; i < g; ++i) at[i] -= step[i];
    }
    std::vector<double> bound(g);
    for (std::size_t q = 0; q < g; ++q) {
        double size = std::fabs(entry(q, g));
        for (std::size_t j = 0; j < g; ++j) size += std::fabs(entry(q, j) * at[j]);
        bound[q] = std::fabs(residual(q)) + static_cast<double>(g + 4) * kUnit * size + entry(q, g + 1);
    }
    double worst = 0;
    for (std::size_t i = 0; i < g; ++i) {
        double sum = 0;
        for (std::size_t q = 0; q < g; ++q) sum += std::fabs(inverse(i, q)) * bound[q];
        worst = std::max(worst, sum);
    }
    rho = worst / (1 - gap) * (1 + 1e-10) + 4 * kUnit;
    if (!(rho >= 0)) rho = kInfinity;
    for (std::size_t i = 0; i < g; ++i) x[i] = at[i] * extent_[i];
    return rho < kInfinity;
}

void Vertices::solve_exactly(const std::vector<int> &lines, double *x, double &rho) {
    ++arbiter_.asked;
    std::vector<Row> coordinates;
    for (int k = 0; k < g_; ++k) {
        Row row(z(g_) + 1);
        row[z(k)] = Dyadic(1.0);
        coordinates.push_back(std::move(row));
    }
    const std::vector<Dyadic> values = exact_values(lines, coordinates);
    for (int k = 0; k < g_; ++k) x[k] = Dyadic::ratio(values[z(k)], values.back());
    rho = 16 * kUnit;
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

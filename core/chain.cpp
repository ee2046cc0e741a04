#include "chain.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

namespace plica {

Function::Function(std::vector<double> breakpoints_, std::vector<double> slopes_, double intercept)
    : breakpoints(std::move(breakpoints_)), slopes(std::move(slopes_)) {
    Dyadic exact(intercept);
    for (std::size_t q = 0; q < slopes.size(); ++q) {
        if (q > 0) { // continuity at breakpoint q - 1: c += (s[q-1] - s[q]) t
            const Dyadic t(breakpoints[q - 1]);
            exact.add_product(Dyadic(slopes[q - 1]), t);
            exact.add_product(Dyadic(slopes[q]), t, true);
        }
        exact_intercepts.push_back(exact);
        intercepts.push_back(exact.approximate());
        max_slope = std::max(max_slope, std::fabs(slopes[q]));
        max_intercept = std::max(max_intercept, std::fabs(intercepts.back()));
    }
}

void Chain::add_stage(int n_pre, int n_state, const double *values, const std::int64_t *row_start,
                      const std::int32_t *columns, const double *bias,
                      std::vector<std::int64_t> unit_start, std::vector<std::int32_t> unit_reads,
                      std::vector<std::int32_t> unit_function) {
    Stage stage;
    stage.n_pre = n_pre;
    stage.n_state = n_state;
    stage.n_out = static_cast<int>(unit_function.size());
    stage.dense = row_start == nullptr;
    const auto rows = static_cast<std::size_t>(n_pre), width = static_cast<std::size_t>(n_state);
    stage.bias.assign(static_cast<std::size_t>(padded(n_pre)), 0.0);
    std::copy(bias, bias + n_pre, stage.bias.begin());

    std::vector<double> S(width, 1.0), C(width, 0.0);
    if (!stages.empty()) {
        const Stage &before = stages.back();
        for (std::size_t k = 0; k < width; ++k)
            if (const int f = before.unit_function[k]; f >= 0) {
                S[k] = functions[static_cast<std::size_t>(f)].max_slope;
                C[k] = functions[static_cast<std::size_t>(f)].max_intercept;
            }
    }
    const auto measure = [&](std::size_t j, auto begin, auto end, auto column) {
        double s = 0, c = 0, squares = 0, sum = 0;
        int terms = 0;
        for (auto i = begin; i < end; ++i) {
            const double w = std::fabs(values[i]);
            if (w == 0.0) continue;
            s += w * S[column(i)] + DBL_TRUE_MIN; // the product may have underflowed
            squares += w * S[column(i)] * w * S[column(i)];
            c += w * C[column(i)];
            sum += w;
            ++terms;
        }
        stage.slope_norm = std::max(stage.slope_norm, s);
        stage.euclidean_norm = std::max(stage.euclidean_norm, std::sqrt(squares + terms * DBL_MIN)); // underflow
        stage.weight_norm = std::max(stage.weight_norm, sum);
        stage.intercept_norm = std::max(stage.intercept_norm, c);
        stage.bias_max = std::max(stage.bias_max, std::fabs(bias[j]));
        stage.terms = std::max(stage.terms, terms);
    };
    if (stage.dense) {
        const auto padded_rows = static_cast<std::size_t>(padded(n_pre));
        stage.panels.assign(padded_rows * width, 0.0);
        for (std::size_t j = 0; j < rows; ++j) {
            for (std::size_t k = 0; k < width; ++k)
                stage.panels[(j / kPanel * width + k) * kPanel + j % kPanel] = values[j * width + k];
            measure(j, j * width, (j + 1) * width, [&](std::size_t i) { return i - j * width; });
        }
    } else {
        const auto nnz = static_cast<std::size_t>(row_start[rows]);
        stage.row_start.assign(row_start, row_start + rows + 1);
        stage.row_column.assign(columns, columns + nnz);
        stage.row_value.assign(values, values + nnz);
        stage.column_start.assign(width + 1, 0);
        for (std::size_t i = 0; i < nnz; ++i) ++stage.column_start[static_cast<std::size_t>(columns[i]) + 1];
        for (std::size_t k = 0; k < width; ++k) stage.column_start[k + 1] += stage.column_start[k];
        stage.column_row.resize(nnz);
        stage.column_value.resize(nnz);
        auto next = stage.column_start;
        for (std::size_t j = 0; j < rows; ++j) {
            const auto begin = static_cast<std::size_t>(row_start[j]);
            const auto end = static_cast<std::size_t>(row_start[j + 1]);
            for (auto i = begin; i < end; ++i) {
                const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(columns[i])]++);
                stage.column_row[at] = static_cast<std::int32_t>(j);
                stage.column_value[at] = values[i];
            }
            measure(j, begin, end, [&](std::size_t i) { return static_cast<std::size_t>(columns[i]); });
        }
    }

    if (!stages.empty()) { // units that read the same coordinate share its error
        const Stage &before = stages.back();
        std::vector<int> readers(static_cast<std::size_t>(before.n_pre), 0);
        for (const std::int32_t j : before.unit_reads) ++readers[static_cast<std::size_t>(j)];
        const int most = *std::max_element(readers.begin(), readers.end());
        stage.euclidean_norm *= std::sqrt(static_cast<double>(std::max(most, 1)));
    }

    stage.unit_start = std::move(unit_start);
    stage.unit_reads = std::move(unit_reads);
    stage.unit_function = std::move(unit_function);
    stage.left.assign(static_cast<std::size_t>(padded(std::max(n_pre, stage.n_out))), 0.0);
    stage.right = stage.left;
    for (int k = 0; k < stage.n_out; ++k) {
        const auto u = static_cast<std::size_t>(k);
        const int f = stage.unit_function[u];
        int pieces = 1;
        if (f >= 0) pieces = functions[static_cast<std::size_t>(f)].pieces();
        if (f == kMax) pieces = static_cast<int>(stage.unit_start[u + 1] - stage.unit_start[u]);
        stage.unit_pieces.push_back(pieces);
        stage.table_start.push_back(static_cast<int>(stage.table.size()));
        const auto reads = stage.unit_reads.begin() + stage.unit_start[u];
        for (int q = 0; q < pieces; ++q) {
            if (f >= 0) {
                const Function &function = functions[static_cast<std::size_t>(f)];
                stage.table.push_back({*reads, function.slopes[static_cast<std::size_t>(q)],
                                       function.intercepts[static_cast<std::size_t>(q)]});
            } else {
                stage.table.push_back({reads[q], 1.0, 0.0});
            }
        }
        stage.direct &= f != kMax && *reads == k;
        if (pieces == 1) { // always on piece 0
            stage.left[u] = std::numeric_limits<double>::infinity();
        } else if (f >= 0) {
            const auto &t = functions[static_cast<std::size_t>(f)].breakpoints;
            stage.left[u] = t.front();
            stage.right[u] = t.back();
        }
        stage.column_of.push_back(pieces > 1 ? n_units++ : -1);
        if (pieces > 1) {
            const auto last = static_cast<std::uint16_t>(pieces - 1);
            stage.last_piece = stage.nonlinear.empty() || stage.last_piece == last ? last : kMixed;
            stage.nonlinear.push_back(k);
        }
    }
    stage.direct &= stage.n_out == n_pre;
    stages.push_back(std::move(stage));
}

std::vector<std::pair<int, int>> Chain::pattern_bits() const {
    std::vector<std::pair<int, int>> bits;
    int bit = 0;
    for (const Stage &s : stages)
        for (const int k : s.nonlinear) {
            int width = 1;
            while ((1 << width) < s.unit_pieces[static_cast<std::size_t>(k)]) ++width;
            if (bit / 64 != (bit + width - 1) / 64) bit = (bit + 63) / 64 * 64;
            bits.emplace_back(bit, width);
            bit += width;
        }
    return bits;
}

int Chain::last_nonlinear() const {
    for (int s = static_cast<int>(stages.size()) - 1; s >= 0; --s)
        if (!stages[static_cast<std::size_t>(s)].nonlinear.empty()) return s;
    return -1;
}

} // namespace plica

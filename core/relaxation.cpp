#include "relaxation.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "walk_common.hpp"

namespace plica {

namespace {
constexpr std::size_t kMostWeights = std::size_t{1} << 22;
}

Relaxation::Relaxation(const Chain &chain) : chain_(chain) {
    std::size_t all = 0;
    for (const Stage &stage : chain.stages) all += z(stage.n_pre) * z(stage.n_state);
    usable_ = all <= kMostWeights;
    for (const Stage &stage : chain.stages) {
        weights_.emplace_back();
        units_.emplace_back(z(stage.n_out));
        pre_.emplace_back(z(stage.n_pre));
        size_.push_back(0.0);
        if (!usable_) continue;
        Matrix &A = weights_.back();
        A.assign(z(stage.n_pre) * z(stage.n_state), 0.0);
        for (int j = 0; j < stage.n_pre; ++j)
            stage.for_row(j, [&](int k, double w) { A[z(j) * z(stage.n_state) + z(k)] = w; });
    }
}

// Lines above and below a unit on the intervals of what it reads.
Relaxation::Unit Relaxation::unit(const Stage &stage, int k, const std::vector<Interval> &pre) const {
    const std::int32_t *reads = stage.unit_reads.data() + stage.unit_start[z(k)];
    const int pieces = stage.unit_pieces[z(k)], f = stage.unit_function[z(k)];
    const Interval x = pre[z(reads[0])];
    const double width = std::max(std::fabs(x.low), std::fabs(x.high));
    if (f == kMax && pieces > 1) { // the largest upper end, and the read with the largest lower end
        int best = 0;
        double high = -DBL_MAX;
        for (int q = 0; q < pieces; ++q) {
            if (pre[z(reads[q])].low > pre[z(reads[best])].low) best = q;
            high = std::max(high, pre[z(reads[q])].high);
        }
        const Interval y = pre[z(reads[best])];
        bool wins = true;
        for (int q = 0; q < pieces; ++q) wins &= q == best || pre[z(reads[q])].high <= y.low;
        const Line identity{1.0, 0.0};
        return {reads[best], wins ? identity : Line{0.0, high}, identity, {y.low, high},
                std::max({std::fabs(y.low), std::fabs(y.high), std::fabs(high)})};
    }
    if (f < 0) return {reads[0], {1.0, 0.0}, {1.0, 0.0}, x, width};
    // at the ends of the interval and at the breakpoints inside; a line that is above (below) the
    // function there is so everywhere
    const Function &g = chain_.functions[z(f)];
    int first = 0, last = 0;
    while (first < pieces - 1 && g.breakpoints[z(first)] < x.low) ++first;
    last = first;
    while (last < pieces - 1 && g.breakpoints[z(last)] < x.high) ++last;
    const auto value = [&](int q, double t) { return g.slopes[z(q)] * t + g.intercepts[z(q)]; };
    const double margin = 8 * kUnit * (g.max_slope * width + g.max_intercept) + DBL_MIN;
    const double left = value(first, x.low), right = value(last, x.high);
    Unit found{reads[0], {0, 0}, {0, 0}, {std::min(left, right), std::max(left, right)}, 0};
    for (int q = first; q < last; ++q) {
        const double y = value(q, g.breakpoints[z(q)]);
        found.values = {std::min(found.values.low, y), std::max(found.values.high, y)};
    }
    found.values = {found.values.low - margin, found.values.high + margin};
    const double middle = 0.5 * (x.low + x.high);
    double best_above = DBL_MAX, best_below = -DBL_MAX;
    const double chord = x.high > x.low ? (right - left) / (x.high - x.low) : g.slopes[z(first)];
    for (const double slope : {chord, g.slopes[z(first)], g.slopes[z(last)], 0.0}) {
        if (!(std::fabs(slope) <= g.max_slope)) continue;
        double over = left - slope * x.low, under = over;
        const auto look = [&](double y) {
            over = std::max(over, y);
            under = std::min(under, y);
        };
        look(right - slope * x.high);
        for (int q = first; q < last; ++q) look(value(q, g.breakpoints[z(q)]) - slope * g.breakpoints[z(q)]);
        over += margin;
        under -= margin;
        if (slope * middle + over < best_above) {
            best_above = slope * middle + over;
            found.above = {slope, over};
        }
        if (slope * middle + under > best_below) {
            best_below = slope * middle + under;
            found.below = {slope, under};
        }
    }
    found.size = std::max(std::fabs(found.above.slope), std::fabs(found.below.slope)) * width +
                 std::max(std::fabs(found.above.intercept), std::fabs(found.below.intercept));
    return found;
}

// The units of a stage, whose pre-activations have intervals; decided ones are what they are.
void Relaxation::relax(int s, const Start *start) {
    const Stage &stage = chain_.stages[z(s)];
    std::vector<Interval> &pre = pre_[z(s)];
    for (int k = 0; k < stage.n_out; ++k) {
        if (start == nullptr || (*start->open)[z(k)] != 0) {
            units_[z(s)][z(k)] = unit(stage, k, pre);
            continue;
        }
        const Piece &p = stage.piece(k, start->piece[z(k)]);
        const Interval x = pre[z(p.source)];
        const double size = std::fabs(p.slope) * std::max(std::fabs(x.low), std::fabs(x.high)) + std::fabs(p.intercept);
        const double a = p.slope * x.low + p.intercept, b = p.slope * x.high + p.intercept, margin = 4 * kUnit * size;
        // an intercept is rounded to the nearest number
        const Line above{p.slope, p.intercept + margin}, below{p.slope, p.intercept - margin};
        units_[z(s)][z(k)] = {p.source, above, below, {std::min(a, b) - margin, std::max(a, b) + margin}, size};
    }
}

// Intervals of the next pre-activations from those of the state.
void Relaxation::forward(int s) {
    const Stage &stage = chain_.stages[z(s)];
    const std::vector<Unit> &units = units_[z(s - 1)];
    double most = 0;
    for (int j = 0; j < stage.n_pre; ++j) {
        const double *row = weights(s) + z(j) * z(stage.n_state);
        double low = stage.bias[z(j)], high = low, size = std::fabs(low);
        for (int k = 0; k < stage.n_state; ++k) {
            const Interval h = units[z(k)].values;
            const double a = row[k] * h.low, b = row[k] * h.high;
            low += std::min(a, b);
            high += std::max(a, b);
            size += std::max(std::fabs(a), std::fabs(b));
        }
        const double margin = (stage.n_state + 8) * kUnit * size;
        pre_[z(s)][z(j)] = {low - margin, high + margin};
        most = std::max(most, size);
    }
    size_[z(s)] = most * (1 + 1e-10);
}

// Rows whose intervals leave a unit open: the others need no better bounds.
void Relaxation::bent(int s) {
    const Stage &stage = chain_.stages[z(s)];
    std::vector<char> there(z(stage.n_pre), 0);
    for (const int k : stage.nonlinear) {
        const std::int32_t *reads = stage.unit_reads.data() + stage.unit_start[z(k)];
        if (const int f = stage.unit_function[z(k)]; f >= 0) {
            const Interval x = pre_[z(s)][z(reads[0])];
            for (const double t : chain_.functions[z(f)].breakpoints)
                if (x.low < t && t < x.high) there[z(reads[0])] = 1;
        } else {
            for (int q = 0; q < stage.unit_pieces[z(k)]; ++q) there[z(reads[q])] = 1;
        }
    }
    for (int i = 0; i < stage.n_pre; ++i)
        if (there[z(i)] != 0) wanted_.push_back(i);
}

// Upper bounds: from functionals over the state behind stage `from` to functionals over the
// pre-activations of the start.
void Relaxation::carry_back(int rows, int from, const Start &start) {
    for (int s = from;; --s) {
        const Stage &stage = chain_.stages[z(s)];
        const std::vector<Unit> &units = units_[z(s)];
        carried_.assign(z(rows) * z(stage.n_pre), 0.0);
        for (int j = 0; j < rows; ++j) {
            const double *w = state_.data() + z(j) * z(stage.n_out);
            double *to = carried_.data() + z(j) * z(stage.n_pre);
            double constant = constant_[z(j)], rounding = 0, sum = std::fabs(constant);
            for (int k = 0; k < stage.n_out; ++k) {
                const Unit &u = units[z(k)];
                const Line &line = w[k] >= 0 ? u.above : u.below;
                to[u.source] += w[k] * line.slope;
                constant += w[k] * line.intercept;
                rounding += std::fabs(w[k]) * u.size;
                sum += std::fabs(w[k] * line.intercept);
            }
            constant_[z(j)] = constant;
            error_[z(j)] += (stage.n_out + 8) * kUnit * (rounding + sum);
        }
        if (s == start.stage) return;
        state_.assign(z(rows) * z(stage.n_state), 0.0);
        for (int j = 0; j < rows; ++j) {
            const double *from_row = carried_.data() + z(j) * z(stage.n_pre);
            double *to = state_.data() + z(j) * z(stage.n_state);
            double sum = 0;
            for (int i = 0; i < stage.n_pre; ++i) {
                const double w = from_row[i];
                if (w == 0.0) continue;
                const double *A = weights(s) + z(i) * z(stage.n_state);
                for (int k = 0; k < stage.n_state; ++k) to[k] += w * A[k];
                constant_[z(j)] += w * stage.bias[z(i)];
                sum += std::fabs(w);
            }
            // each partial sum over the state is bounded by that of the rows
            error_[z(j)] += (stage.n_pre + 8) * kUnit * (2 * sum * size_[z(s)] + std::fabs(constant_[z(j)]));
        }
    }
}

// From functionals over the pre-activations of the start to functionals over x.
void Relaxation::concretise(const Start &start, int rows) {
    const int n_pre = chain_.stages[z(start.stage)].n_pre;
    found_.assign(z(rows) * z(start.n + 1), 0.0);
    for (int j = 0; j < rows; ++j) {
        const double *w = carried_.data() + z(j) * z(n_pre);
        double sum = 0;
        for (int i = 0; i < n_pre; ++i) sum += std::fabs(w[i]);
        double *to = found_.data() + z(j) * z(start.n + 1);
        for (int c = 0; c <= start.n; ++c) {
            const double *column = start.map + z(c) * start.ld;
            double at = 0;
            for (int i = 0; i < n_pre; ++i) at += w[i] * column[i];
            to[c] = at;
        }
        to[start.n] += constant_[z(j)];
        error_[z(j)] += sum * start.error +
                        (n_pre + 8) * kUnit * (2 * sum * size_[z(start.stage)] + std::fabs(constant_[z(j)]));
        error_[z(j)] *= 1 + 1e-6;
    }
}

void Relaxation::bound(const Start &start, int output, int sign, std::vector<double> &row, double &tolerance) {
    const int s = start.stage, last = static_cast<int>(chain_.stages.size()) - 1;
    const Stage &here = chain_.stages[z(s)];
    double most = 0;
    for (int i = 0; i < here.n_pre; ++i) {
        double low = start.map[z(start.n) * start.ld + z(i)], high = low, size = std::fabs(low);
        for (int c = 0; c < start.n; ++c) {
            const double w = start.map[z(c) * start.ld + z(i)];
            const double a = w * start.lower[c], b = w * start.upper[c];
            low += std::min(a, b);
            high += std::max(a, b);
            size += std::max(std::fabs(a), std::fabs(b));
        }
        const double margin = start.error + (start.n + 8) * kUnit * size;
        pre_[z(s)][z(i)] = {low - margin, high + margin};
        most = std::max(most, size);
    }
    size_[z(s)] = most * (1 + 1e-10) + start.error;
    for (int t = s; t < last; ++t) {
        relax(t, t == s ? &start : nullptr);
        forward(t + 1);
        const Stage &next = chain_.stages[z(t + 1)];
        const bool end = t + 1 == last;
        wanted_.clear();
        if (end)
            wanted_.push_back(output);
        else
            bent(t + 1);
        const int m = static_cast<int>(wanted_.size()), n = end ? 1 : 2 * m;
        state_.assign(z(n) * z(next.n_state), 0.0);
        constant_.assign(z(n), 0.0);
        error_.assign(z(n), 0.0);
        for (int j = 0; j < n; ++j) { // first the rows, then their negatives
            const int i = wanted_[z(j % m)];
            const double side = end ? sign : j < m ? 1.0 : -1.0;
            const double *A = weights(t + 1) + z(i) * z(next.n_state);
            for (int k = 0; k < next.n_state; ++k) state_[z(j) * z(next.n_state) + z(k)] = side * A[k];
            constant_[z(j)] = side * next.bias[z(i)];
        }
        carry_back(n, t, start);
        concretise(start, n);
        if (end) break;
        for (int j = 0; j < n; ++j) {
            const double *f = found_.data() + z(j) * z(start.n + 1);
            double high = f[start.n], size = std::fabs(high);
            for (int c = 0; c < start.n; ++c) {
                const double a = f[c] * start.lower[c], b = f[c] * start.upper[c];
                high += std::max(a, b);
                size += std::max(std::fabs(a), std::fabs(b));
            }
            high += error_[z(j)] + (start.n + 8) * kUnit * size;
            Interval &interval = pre_[z(t + 1)][z(wanted_[z(j % m)])];
            if (j < m)
                interval.high = std::min(interval.high, high);
            else
                interval.low = std::max(interval.low, -high);
        }
    }
    row.assign(found_.begin(), found_.begin() + start.n + 1);
    tolerance = error_[0];
}

} // namespace plica

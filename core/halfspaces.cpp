#include "halfspaces.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "kernels_any.hpp"
#include "walk_common.hpp"

namespace plica {

HalfSpaces::HalfSpaces(const Chain &chain, const Domain &domain, int outer, Bits bits, double filter)
    : arbiter(chain, pieces_), chain_(chain), domain_(domain), n_(domain.n), outer_(outer),
      last_(chain.last_nonlinear()), bits_(std::move(bits)), filter_(filter) {
    for (const Stage &stage : chain.stages) {
        pieces_.emplace_back(z(stage.n_out), std::uint16_t{0});
        if (static_cast<int>(maps_.size()) > last_ && !maps_.empty()) continue; // nothing is asked there
        Map map;
        map.ld = z(padded(stage.n_pre));
        map.numbers.assign(map.ld * z(n_ + 1), 0.0);
        map.feeds.assign(stage.dense ? 1 : z(stage.n_pre), 1);
        maps_.push_back(std::move(map));
    }
    for (int k = 0; k < n_; ++k) extent_.push_back(domain.extent(k));
    extent_.push_back(1.0);
    for (const double extent : extent_) reach_ += extent;
    // the first map reads the coordinates themselves: it is exact
    feed_.assign(z(n_) * z(n_ + 1), 0.0);
    for (int k = 0; k < n_; ++k) {
        units_.push_back(k);
        feed_[z(k) * z(n_ + 1) + z(k)] = 1.0;
    }
    Map &first = maps_[0];
    product_any(chain.stages[0], n_ + 1, {units_.data(), feed_.data(), z(n_ + 1), n_}, first.numbers.data(),
                first.ld);
    first.bound = magnitude_any(n_ + 1, chain.stages[0].n_pre, first.numbers.data(), first.ld, extent_.data()) *
                  (1 + (n_ + 8) * kUnit);
}

// The map of stage s, and the bound on its error.
void HalfSpaces::product(int s) {
    const Stage &here = chain_.stages[z(s)], &before = chain_.stages[z(s - 1)];
    const Map &input = maps_[z(s - 1)];
    Map &map = maps_[z(s)];
    const std::size_t stride = z(n_ + 1);
    feed_.resize(z(before.n_out) * stride);
    units_.resize(z(before.n_out));
    std::fill(map.feeds.begin(), map.feeds.end(), 0);
    int n = 0;
    for (int k = 0; k < before.n_out; ++k) {
        const Piece &piece = before.piece(k, pieces_[z(s - 1)][z(k)]);
        if (!feeds(piece)) continue;
        double *row = feed_.data() + z(n) * stride;
        for (int c = 0; c <= n_; ++c) row[c] = piece.slope * input.numbers[z(c) * input.ld + z(piece.source)];
        row[n_] += piece.intercept;
        units_[z(n++)] = k;
        if (!here.dense)
            for (auto i = here.column_start[z(k)]; i < here.column_start[z(k) + 1]; ++i)
                ++map.feeds[z(here.column_row[static_cast<std::size_t>(i)])];
    }
    if (here.dense) map.feeds[0] = n;
    product_any(here, n_ + 1, {units_.data(), feed_.data(), stride, n}, map.numbers.data(), map.ld);
    const double size = magnitude_any(n_ + 1, before.n_pre, input.numbers.data(), input.ld, extent_.data());
    static_cast<MapError &>(map) = carry(here, input, size, n_ + 1, reach_);
}

// Whether a pre-activation is its bias, since nothing feeds it.
bool HalfSpaces::constant(int s, int pre) const {
    return s > 0 && maps_[z(s)].feeds[chain_.stages[z(s)].dense ? 0 : z(pre)] == 0;
}

bool HalfSpaces::read(const std::uint64_t *packed) {
    for (int s = 0; s <= last_; ++s) {
        const Stage &stage = chain_.stages[z(s)];
        bool changed = false;
        for (const int k : stage.nonlinear) {
            const auto [bit, width] = bits_[z(stage.column_of[z(k)])];
            const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
            const auto piece = static_cast<std::uint16_t>((packed[bit / 64] >> (bit % 64)) & mask);
            changed |= pieces_[z(s)][z(k)] != piece;
            pieces_[z(s)][z(k)] = piece;
        }
        if (!changed) continue;
        arbiter.piece_changed(s);
        valid_ = std::min(valid_, z(s) + 1);
    }
    for (; valid_ < maps_.size(); ++valid_) product(static_cast<int>(valid_));

    list.clear();
    tied.clear();
    rows_.clear();
    for (int s = 0; s <= last_; ++s) {
        const Stage &stage = chain_.stages[z(s)];
        const double error = maps_[z(s)].error, bound = maps_[z(s)].bound;
        for (const int k : stage.nonlinear) {
            const std::int32_t *reads = stage.unit_reads.data() + stage.unit_start[z(k)];
            const int q = pieces_[z(s)][z(k)], column = stage.column_of[z(k)];
            if (q >= stage.unit_pieces[z(k)]) return false;
            if (const int f = stage.unit_function[z(k)]; f >= 0) {
                const std::vector<double> &t = chain_.functions[z(f)].breakpoints;
                if (q > 0 && !add(s, {{s, reads[0], -1, t[z(q - 1)]}, 1, column, k, q - 1, error})) return false;
                if (z(q) < t.size() && !add(s, {{s, reads[0], -1, t[z(q)]}, -1, column, k, q + 1, error}))
                    return false;
            } else {
                for (int j = 0; j < stage.unit_pieces[z(k)]; ++j)
                    if (j != q && !add(s, {{s, reads[q], reads[j], 0.0}, 1, column, k, j, 2 * error + 4 * kUnit * bound}))
                        return false;
            }
        }
    }
    for (int i = 0; i < outer_; ++i)
        if (!add(0, {{0, n_ + i, -1, 0.0}, 1, -1 - i, n_ + i, 0, 0.0})) return false;
    return true;
}

// Add a half-space to a list, unless it is all of space. False: it is empty, or, by the rule for ties,
// its functional does not vanish on a region with this pattern.
bool HalfSpaces::add(int s, HalfSpace half) {
    const Map &map = maps_[z(s)];
    const auto at = [&](int c) {
        const double a = map.numbers[z(c) * map.ld + z(half.f.plus)];
        return half.f.minus < 0 ? a : a - map.numbers[z(c) * map.ld + z(half.f.minus)];
    };
    // a unit that is tied all over a region is on the piece left of its breakpoint, or its lowest index
    const auto tie = [&] {
        const bool holds = half.column < 0 || half.beyond > pieces_[z(s)][z(half.unit)];
        if (holds && half.column >= 0) tied.push_back(half);
        return holds;
    };
    if (constant(s, half.f.plus) && (half.f.minus < 0 || constant(s, half.f.minus))) {
        const auto &bias = chain_.stages[z(s)].bias;
        const double b = bias[z(half.f.plus)], other = half.f.minus < 0 ? half.f.shift : bias[z(half.f.minus)];
        return b == other ? tie() : (b > other) == (half.sign > 0);
    }
    const std::size_t begin = rows_.size();
    double slope = 0; // of the coefficients, without the constant
    for (int c = 0; c <= n_; ++c) {
        rows_.push_back(at(c));
        if (c < n_) slope += std::fabs(rows_.back()) * extent_[z(c)];
    }
    if (!(slope * (1 - (n_ + 8) * kUnit) > filter_ * half.tolerance)) {
        const Row row = arbiter.functional(half.f);
        bool flat = true;
        for (int c = 0; c < n_; ++c) flat = flat && row[z(c)].zero();
        if (flat) {
            rows_.resize(begin);
            const int sign = row[z(n_)].sign();
            return sign == 0 ? tie() : sign == half.sign;
        }
    }
    list.push_back(half);
    return true;
}

double HalfSpaces::value(int i, const double *point, double &margin) const {
    const HalfSpace &half = list[z(i)];
    const double *a = row(i);
    double sum = a[n_] - half.f.shift, size = std::fabs(a[n_]) + std::fabs(half.f.shift), far = 1.0;
    bool within = true;
    for (int k = 0; k < n_; ++k) {
        sum += a[k] * point[k];
        size += std::fabs(a[k] * point[k]);
        far = std::max(far, std::fabs(point[k]));
        within = within && std::fabs(point[k]) <= extent_[z(k)];
    }
    // a tolerance of rows over the box |x_i| <= 1, of a cone, grows with the point
    margin = filter_ * ((domain_.cone ? far : 1.0) * half.tolerance + (n_ + 8) * kUnit * size + DBL_MIN);
    if (!domain_.cone && !within && half.tolerance > 0) margin = std::numeric_limits<double>::infinity();
    return half.sign * sum;
}

int HalfSpaces::exact_sign(int i, const double *point) {
    ++arbiter.asked;
    const HalfSpace &half = list[z(i)];
    const Row row = arbiter.functional(half.f);
    Dyadic sum = row[z(n_)];
    for (int k = 0; k < n_; ++k) sum.add_product(row[z(k)], Dyadic(point[k]));
    return half.sign * sum.sign();
}

int HalfSpaces::sign_at(int i, const double *point) {
    double margin = 0;
    const double v = value(i, point, margin);
    return std::fabs(v) > margin ? (v > 0 ? 1 : -1) : exact_sign(i, point);
}

bool HalfSpaces::parallel(int i, int j) {
    const double *p = row(i), *q = row(j);
    const double ep = list[z(i)].tolerance, eq = list[z(j)].tolerance;
    const auto entry = [&](const double *r, int which, int c) {
        return (c < n_ ? r[c] : r[c] - list[z(which)].f.shift) * extent_[z(c)];
    };
    int most = 0; // the largest coefficient
    for (int c = 1; c < n_; ++c)
        if (std::fabs(entry(q, j, c)) > std::fabs(entry(q, j, most))) most = c;
    const double pm = entry(p, i, most), qm = entry(q, j, most);
    const double sp = std::fabs(list[z(i)].f.shift), sq = std::fabs(list[z(j)].f.shift);
    for (int c = 0; c <= n_; ++c) {
        if (c == most) continue;
        const double pc = entry(p, i, c), qc = entry(q, j, c);
        const double dp = ep + 4 * kUnit * (std::fabs(pc) + std::fabs(pm) + sp),
                     dq = eq + 4 * kUnit * (std::fabs(qc) + std::fabs(qm) + sq);
        const double doubt = dp * (std::fabs(qm) + std::fabs(qc) + 2 * dq) + dq * (std::fabs(pc) + std::fabs(pm)) +
                             4 * kUnit * (std::fabs(pc * qm) + std::fabs(qc * pm)) + DBL_MIN;
        if (std::fabs(pc * qm - qc * pm) > filter_ * doubt) return false;
    }
    ++arbiter.asked;
    const Row a = arbiter.functional(list[z(i)].f), b = arbiter.functional(list[z(j)].f);
    int at = 0;
    while (b[z(at)].zero()) ++at; // not flat: a coefficient is not zero
    for (int c = 0; c <= n_; ++c) {
        Dyadic cross;
        cross.add_product(a[z(c)], b[z(at)]);
        cross.add_product(b[z(c)], a[z(at)], true);
        if (!cross.zero()) return false;
    }
    return true;
}

} // namespace plica

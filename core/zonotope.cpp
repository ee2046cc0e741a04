#include "zonotope.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "lanes.hpp"
#include "walk_common.hpp"

namespace plica {

Zonotope::Zonotope(const Stage &stage, std::vector<double> lower, std::vector<double> upper, const Ball &ball)
    : n_(stage.n_state), r_(stage.n_pre), ld_(z((n_ + kVec - 1) / kVec * kVec)), weight_(ball.weight),
      radius_(ball.radius) {
    A_.assign(z(r_) * ld_, 0.0);
    const std::size_t panels = (ld_ + kPanel - 1) / kPanel;
    for (Numbers *numbers : {&lower_, &upper_, &start_, &x_}) numbers->assign(panels * kPanel, 0.0);
    for (int j = 0; j < n_; ++j) {
        lower_[z(j)] = lower[z(j)];
        upper_[z(j)] = upper[z(j)];
        start_[z(j)] = lower[z(j)] / 2 + upper[z(j)] / 2;
        extent_ = std::max(extent_, upper[z(j)] / 2 - lower[z(j)] / 2);
    }
    for (int k = 0; k < r_; ++k) {
        double size = std::fabs(stage.bias[z(k)]);
        stage.for_row(k, [&](int j, double a) {
            A_[z(k) * ld_ + z(j)] = a;
            size += std::fabs(a) * std::max(std::fabs(lower_[z(j)]), std::fabs(upper_[z(j)]));
        });
        bias_.push_back(stage.bias[z(k)]);
        size_.push_back(size * (1 + (n_ + 8) * kUnit));
    }
    panels_.assign(panels * z(r_) * kPanel, 0.0);
    for (int k = 0; k < r_; ++k)
        for (std::size_t j = 0; j < ld_; ++j) panels_[(j / kPanel * z(r_) + z(k)) * kPanel + j % kPanel] = A_[z(k) * ld_ + j];
    narrow_ = DBL_MAX;
    for (int j = 0; j < n_; ++j) narrow_ = std::min({narrow_, start_[z(j)] - lower_[z(j)], upper_[z(j)] - start_[z(j)]});
    narrow_ *= 1 - 2 * kUnit; // by rounding to the nearest, start + way does not pass a bound
}

void Zonotope::set_frame(const double *middle, const double *half) {
    middle_.assign(middle, middle + r_);
    half_.assign(half, half + r_);
    const std::size_t padded = z((r_ + kVec - 1) / kVec * kVec);
    s_.assign(padded, 0.0);
    scaled_ = offset_ = sizes_ = aimed_ = s_;
    pull_.assign(padded, 0.0);
    sums_.assign(z(r_ * kVec), 0.0);
    push(s_.data()); // nowhere: the middle of the box
    start_image_ = s_;
    double worst = 0, sum = 0;
    for (int k = 0; k < r_; ++k) {
        const double y = middle_[z(k)] + half_[z(k)] * s_[z(k)]; // the image of the middle
        // n products and sums, and what comes with the change of coordinates
        const double error = (n_ + 4) * kUnit * size_[z(k)] +
                             8 * kUnit * (std::fabs(middle_[z(k)]) + half_[z(k)] + std::fabs(y)) + DBL_MIN;
        worst = std::max(worst, error / half_[z(k)]);
        sizes_[z(k)] = size_[z(k)] / half_[z(k)];
        if (!(half_[z(k)] > 1e-100 && half_[z(k)] < 1e100)) narrow_ = 0; // what underflows in a pull may count
        scaled_[z(k)] = half_[z(k)] * weight_[z(k)];
        offset_[z(k)] = (middle_[z(k)] - y) * weight_[z(k)];
        sum += 2 * error * weight_[z(k)];
    }
    columns_.assign(z(n_) * padded, 0.0);
    metric_.assign(z(r_) * padded, 0.0);
    bulk_ = metric_;
    longest_ = 0;
    for (int j = 0; j < n_; ++j) {
        double *column = &columns_[z(j) * padded];
        for (int k = 0; k < r_; ++k) column[k] = A_[z(k) * ld_ + z(j)] / half_[z(k)];
        double length = 0;
        for (int k = 0; k < r_; ++k) length = std::hypot(length, column[k]);
        longest_ = std::max(longest_, length * (1 + 1e-9));
        // what underflows is in these, too
        for (int k = 0; k < r_; ++k) {
            sizes_[z(k)] += 2 * DBL_MIN * std::fabs(column[k]);
            for (int i = 0; i < r_; ++i) {
                metric_[z(k) * padded + z(i)] += column[k] * column[i];
                bulk_[z(k) * padded + z(i)] += std::fabs(column[k] * column[i]) + DBL_MIN;
            }
        }
    }
    invert();
    slack_ = worst * (1 + 8 * kUnit);
    ball_slack_ = sum * (1 + (r_ + 8) * kUnit);
}

// By elimination: it is positive definite, as the rows are independent. What rounding does to it moves an input, whose
// image is then looked at.
void Zonotope::invert() {
    const std::size_t padded = s_.size(), r = z(r_);
    Numbers work = metric_;
    inverse_.assign(r * padded, 0.0);
    force_.assign(padded, 0.0);
    for (std::size_t k = 0; k < r; ++k) inverse_[k * padded + k] = 1.0;
    for (std::size_t k = 0; k < r; ++k) {
        const double lead = 1.0 / work[k * padded + k];
        for (Numbers *numbers : {&work, &inverse_})
            for (std::size_t i = 0; i < padded; i += kVec) store(&(*numbers)[k * padded + i]) *= lead;
        for (std::size_t j = 0; j < r; ++j) {
            const double factor = work[j * padded + k];
            if (j == k || factor == 0.0) continue;
            for (Numbers *numbers : {&work, &inverse_})
                for (std::size_t i = 0; i < padded; i += kVec)
                    store(&(*numbers)[j * padded + i]) -= factor * load(&(*numbers)[k * padded + i]);
        }
    }
}

// x = start + A' pull is within (2 r + 4) kUnit (|start| + |A'| |pull|) of what is meant; the image of that is the image of
// the start, moved by the metric, each number of which is a sum of n products.
CLONES void Zonotope::aim(const double *s) {
    const std::size_t padded = s_.size();
    std::fill(force_.begin(), force_.end(), 0.0);
    for (int k = 0; k < r_; ++k) {
        const double moved = s[k] - start_image_[z(k)];
        for (std::size_t i = 0; i < padded; i += kVec) store(&force_[i]) += moved * load(&inverse_[z(k) * padded + i]);
    }
    Vec most{};
    for (std::size_t i = 0; i < padded; i += kVec) {
        Vec image = load(&start_image_[i]), size = load(&sizes_[i]) + absolute(image);
        for (int k = 0; k < r_; ++k) {
            image += force_[z(k)] * load(&metric_[z(k) * padded + i]);
            size += std::fabs(force_[z(k)]) * load(&bulk_[z(k) * padded + i]);
        }
        store(&aimed_[i]) = image;
        most = most < size ? size : most;
    }
    aim_slack_ = slack_ + 2 * (n_ + 2 * r_ + 16) * kUnit * largest(most);
    Vec square{};
    for (std::size_t i = 0; i < padded; i += kVec) square += load(&force_[i]) * load(&force_[i]);
    const double length = std::sqrt(sum_of(square));
    // the lengths bound all sums of A' pull (Cauchy and Schwarz), those of absolute values, too; where nothing underflows
    stays_ = length > 1e-100 && longest_ * length * (1 + 1e-9) < narrow_ && narrow_ > 1e-150 && r_ <= kRows;
}

// What is read of A is read once for all. Whole lines go past the caches: nobody reads them soon.
CLONES void Zonotope::reach(const double *forces, double *const *x) const {
    constexpr int m = kPanel / kVec;
    const double *start = start_.data();
    alignas(64) double pull[kRows][kTogether];
    bool aligned = true;
    for (int q = 0; q < kTogether; ++q) {
        aligned = aligned && reinterpret_cast<std::uintptr_t>(x[q]) % sizeof(Vec) == 0;
        for (int k = 0; k < r_; ++k) pull[k][q] = forces[z(q) * force_.size() + z(k)] / half_[z(k)];
    }
    const double *panel = panels_.data();
    for (std::size_t j = 0; j < ld_; j += kPanel) {
        Vec way[kTogether][m] = {};
        for (int k = 0; k < r_; ++k, panel += kPanel)
            for (int i = 0; i < m; ++i)
                for (int q = 0; q < kTogether; ++q) way[q][i] += pull[k][q] * load(panel + i * kVec);
#pragma GCC unroll 4
        for (int q = 0; q < kTogether; ++q)
#pragma GCC unroll 4
            for (int i = 0; i < m; ++i) {
                const std::size_t at = j + z(i * kVec);
                const Vec place = load(start + at) + way[q][i];
                if (at + kVec > z(n_)) // what is beyond it belongs to others
                    for (std::size_t c = at; c < z(n_); ++c) x[q][c] = place[static_cast<int>(c - at)];
                else if (aligned)
                    stream(x[q] + at, place);
                else
                    spill(x[q] + at, place);
            }
    }
}

bool Zonotope::near(const double *s) const {
    Vec sum{};
    for (std::size_t k = 0; k < s_.size(); k += kVec) {
        const Vec e = load(s + k) * load(&scaled_[k]) + load(&offset_[k]);
        sum += e * e;
    }
    return std::sqrt(sum_of(sum)) * (1 + (r_ + 16) * kUnit) + ball_slack_ < radius_;
}

void Zonotope::reset() {
    x_ = start_;
    s_ = start_image_;
    free_ = n_;
}

// Some columns of the map at a time: first of the way there, then of the image, while they are at hand.
CLONES void Zonotope::push(const double *u) {
    for (int k = 0; k < r_; ++k) {
        pull_[z(k)] = u[k] / half_[z(k)];
        store(&sums_[z(k * kVec)]) = Vec{};
    }
    std::size_t j = 0;
    const auto move = [&](auto blocks) __attribute__((always_inline)) {
        constexpr int m = decltype(blocks)::value;
        Vec x[m];
        for (int i = 0; i < m; ++i) x[i] = load(&start_[j + z(i * kVec)]);
        for (int k = 0; k < r_; ++k)
            for (int i = 0; i < m; ++i) x[i] += pull_[z(k)] * load(row(k) + j + z(i * kVec));
        for (int i = 0; i < m; ++i) {
            const Vec low = load(&lower_[j + z(i * kVec)]), high = load(&upper_[j + z(i * kVec)]);
            const Vec above = x[i] < low ? low : x[i];
            x[i] = above > high ? high : above;
            store(&x_[j + z(i * kVec)]) = x[i];
        }
        for (int k = 0; k < r_; ++k) {
            Vec sum = load(&sums_[z(k * kVec)]);
            for (int i = 0; i < m; ++i) sum += load(row(k) + j + z(i * kVec)) * x[i];
            store(&sums_[z(k * kVec)]) = sum;
        }
        j += m * kVec;
    };
    while (j + 8 * kVec <= ld_) move(std::integral_constant<int, 8>());
    while (j < ld_) move(std::integral_constant<int, 1>());
    for (int k = 0; k < r_; ++k) s_[z(k)] = (bias_[z(k)] + sum_of(load(&sums_[z(k * kVec)])) - middle_[z(k)]) / half_[z(k)];
}

// Of the inputs at their bounds it takes away what they have in the metric of all.
CLONES const Numbers &Zonotope::metric_here() {
    const std::size_t padded = s_.size();
    metric_here_ = metric_;
    free_ = n_;
    for (int j = 0; j < n_; ++j) {
        if (x_[z(j)] > lower_[z(j)] && x_[z(j)] < upper_[z(j)]) continue;
        --free_;
        const double *column = &columns_[z(j) * padded];
        for (int k = 0; k < r_; ++k)
            for (std::size_t i = 0; i < padded; i += kVec)
                store(&metric_here_[z(k) * padded + i]) -= column[k] * load(column + i);
    }
    return metric_here_;
}

// The largest value of w.A x over the box, in floating point.
CLONES double Zonotope::support(const double *w) {
    Vec top{};
    for (std::size_t j = 0; j < ld_; j += kVec) {
        Vec u{};
        for (int k = 0; k < r_; ++k) u += w[k] * load(row(k) + j);
        const Vec at_low = u * load(&lower_[j]), at_high = u * load(&upper_[j]);
        top += at_low > at_high ? at_low : at_high;
    }
    return sum_of(top);
}

bool Zonotope::plane(const double *u, std::vector<double> &row) {
    row.assign(z(r_) + 1, 0.0);
    std::vector<double> w(z(r_), 0.0);
    double top = 0, size = 0;
    for (int k = 0; k < r_; ++k) {
        w[z(k)] = u[k] / half_[z(k)];
        row[z(k)] = -w[z(k)];
        top += w[z(k)] * bias_[z(k)];
        size += std::fabs(w[z(k)]) * size_[z(k)];
    }
    top += support(w.data());
    // every sum has at most n + r terms, and their sizes add up to less than `size`
    row[z(r_)] = top + 2 * (n_ + r_ + 16) * kUnit * size + DBL_MIN;
    return std::isfinite(row[z(r_)]) && std::isfinite(size);
}

} // namespace plica

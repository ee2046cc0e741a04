// What touches the apex of a cone: a functional that is zero there and negative in the rest of the cell.
// Part of the dictionary form.
#include <algorithm>
#include <cmath>

#include "dictionary.hpp"
#include "dictionary_kernels.hpp"
#include "walk_common.hpp"

namespace plica {

using namespace rows;

// How much larger than on the domain an error can be in terms of the largest coordinate, measured from the
// point where all functionals vanish; 0: there is no such point.
void Dictionary::find_apex() {
    apex_ = domain_.cone ? 1 + 16 * kUnit : 0.0; // half a width is rounded up
    flat_ = domain_.homogeneous;
    if (domain_.cone || !flat_) return;
    double far = 0;
    for (int k = 0; k < g_; ++k) far = std::max(far, std::fabs(middle_[z(k)]) / half_[z(k)]);
    if (far < 1) apex_ = (1 + 8 * kUnit) / (1 - far);
}

// Whether sign * z is negative in the whole cell, but for the apex, where the walk ended. Coordinates v are
// measured from there, all functionals are linear in v, and N is the largest |v_k|. Let t_j >= 0 be the
// nonbasic variables and y_j > 0 the negated reduced costs. If, all over the cell,
//
//     |sign * z + sum_j y_j t_j| <= rest N     and     |v_k - sum_j T_kj t_j| <= N / 2 for all k,
//
// where the T_kj are the rows of the coordinates in the dictionary, then N <= 2 sum_j |T_kj| t_j for some k,
// so N <= 2 C sum_j y_j t_j with C = max |T_kj| / y_j, and sign * z <= (rest - 1 / (2 C)) N.
//
// Functionals without constants leave the last coordinate of a cone out: it does not occur in them.
CLONES bool Dictionary::below_apex(const Cell &cell, int sign) {
    if (apex_ == 0.0) return false;
    const View v = view(cell);
    bool linear = linear_;
    for (int j = 0; j < g_; ++j)
        if (v.nonbasic[j] >= 2 * g_) linear = linear && lines_[z(v.half[v.nonbasic[j] / 2 - g_] / 2)].linear;
    if (!domain_.cone && !linear) return false;
    double *sum = sum_.data(), *rates = s_.data();
    const bool skips = domain_.cone && linear;
    for (int k = 0; k < ld_; k += 8) {
        eight(sum + k) = static_cast<double>(sign) * eight(&z_[z(k)]);
        eight(rates + k) = Eight{};
    }
    double margin = slack_, weight = 1.0;
    for (int j = 0; j < g_; ++j) {
        const int code = v.nonbasic[j];
        const double y = -d_[z(j)];
        if (code < 2 * g_) { // only the last coordinate of a cone is at a bound at the apex
            if (!domain_.cone || code / 2 != n_) return false;
            if (skips) continue;
            if ((code & 1) != 0 || !(y > 0)) return false;
            sum[n_] += y;
        } else {
            if (!(y > 0)) return false;
            const int half = v.half[code / 2 - g_];
            add<0>(sum, (half & 1) != 0 ? -y : y, rows_.at(z(half / 2) * z(ld_)), ld_);
            margin += y * lines_[z(half / 2)].slack;
        }
        rates[j] = 1.0 / y;
        weight += y;
    }
    double rest = 0;
    for (int k = 0; k < g_; ++k) rest += skips && k == n_ ? 0.0 : std::fabs(sum[k]);
    rest += filter_ * apex_ * (margin + 4 * (g_ + 8) * kUnit * weight);
    // the rows of the coordinates
    double most = 0;
    for (int i = 0; i < cell.m; ++i) {
        const int code = v.basic[i];
        if (code >= 2 * g_ || (skips && code / 2 == n_)) continue;
        const double side = (code & 1) != 0 ? -1.0 : 1.0, *row = v.T + i * ld_;
        double entries = 1.0, doubt = 0;
        for (int k = 0; k < ld_; k += 8) eight(sum + k) = Eight{};
        for (int j = 0; j < g_; ++j) {
            const int other = v.nonbasic[j];
            if (skips && other < 2 * g_) continue;
            const double size = std::fabs(row[j]);
            most = std::max(most, size * rates[j]);
            entries += size;
            if (other < 2 * g_) {
                sum[n_] += side * row[j];
                continue;
            }
            const int half = v.half[other / 2 - g_];
            add<0>(sum, (half & 1) != 0 ? -side * row[j] : side * row[j], rows_.at(z(half / 2) * z(ld_)), ld_);
            doubt += size * lines_[z(half / 2)].slack;
        }
        sum[code / 2] -= 1.0;
        double gap = filter_ * apex_ * (doubt + 4 * (g_ + 8) * kUnit * entries);
        for (int k = 0; k < g_; ++k) gap += skips && k == n_ ? 0.0 : std::fabs(sum[k]);
        if (!(gap <= 0.49)) return false;
    }
    for (int j = 0; j < g_; ++j) // the last coordinate itself, where it is not basic
        if (v.nonbasic[j] < 2 * g_ && !skips) most = std::max(most, rates[j]);
    return 2 * most * rest < 0.99;
}

} // namespace plica

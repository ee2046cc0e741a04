// Maps of sparse stages in a walk: only the rows whose feeds have changed are computed. Part of walk.cpp.
#pragma once

#include <algorithm>

#include "walk.hpp"
#include "walk_common.hpp"

namespace plica {

// The map of a sparse stage for a new parent cell. Every row is a full sum over what its units feed now,
// or has stayed what it was because none of that has changed.
template <int D> void Walk<D>::sparse_product(int s) {
    const Stage &here = stage(s), &before = stage(s - 1);
    Buffer &b = buffers_[z(s)];
    Sparse &sparse = b.sparse;
    if (sparse.fed.empty()) {
        sparse.fed.assign(z(before.n_out), 0);
        sparse.inputs.assign(z(before.n_out) * (D + 1), 0.0);
        sparse.is_stale.assign(z(here.n_pre), 0);
        std::fill(b.row_feeds.begin(), b.row_feeds.end(), 0);
        for (int row = 0; row < here.n_pre; ++row) stale(b, row);
    }
    const std::uint16_t *pieces = levels_[z(s - 1)].pieces;
    for (int k = 0; k < before.n_out; ++k) {
        Feed now;
        const bool on = feed(s - 1, k, pieces[k], now);
        if (!on && !sparse.fed[z(k)]) continue;
        const double *then = &sparse.inputs[z(k) * (D + 1)];
        if (on && sparse.fed[z(k)] && std::equal(now.row, now.row + D + 1, then)) continue;
        remember(s, k, on, now);
    }
    for (const int row : sparse.stale) {
        double sum[D + 1] = {};
        sum[D] = here.bias[z(row)];
        for (auto i = here.row_start[z(row)]; i < here.row_start[z(row) + 1]; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const double *input = &sparse.inputs[z(here.row_column[at]) * (D + 1)];
            for (int c = 0; c <= D; ++c) sum[c] += here.row_value[at] * input[c];
        }
        for (int c = 0; c <= D; ++c) b.map[z(c) * b.ld + z(row)] = sum[c];
        sparse.is_stale[z(row)] = 0;
        work_ += static_cast<double>(here.row_start[z(row) + 1] - here.row_start[z(row)]);
    }
    sparse.stale.clear();
}

// Keep what a unit feeds now; the rows that read it are to be computed anew at the next product.
template <int D> void Walk<D>::remember(int s, int unit, bool on, const Feed &now) {
    const Stage &here = stage(s);
    Buffer &b = buffers_[z(s)];
    const int change = static_cast<int>(on) - static_cast<int>(b.sparse.fed[z(unit)]);
    b.sparse.fed[z(unit)] = on;
    for (int c = 0; c <= D; ++c) b.sparse.inputs[z(unit) * (D + 1) + z(c)] = on ? now.row[c] : 0.0;
    for (auto i = here.column_start[z(unit)]; i < here.column_start[z(unit) + 1]; ++i) {
        const int row = here.column_row[static_cast<std::size_t>(i)];
        b.row_feeds[z(row)] += change;
        stale(b, row);
    }
}

template <int D> void Walk<D>::stale(Buffer &b, int row) {
    if (b.sparse.is_stale[z(row)] != 0) return;
    b.sparse.is_stale[z(row)] = 1;
    b.sparse.stale.push_back(row);
}

} // namespace plica

// The maps of a walk over cells: one buffer a stage, with a running error bound. Part of cells.cpp.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "cells.hpp"
#include "map_error.hpp"
#include "walk_common.hpp"

namespace plica {

// What unit k of stage s feeds into the next map on piece q; false where that is nothing.
template <class Form> bool Cells<Form>::feed(int s, int unit, int q, double *row) const {
    const Piece &piece = stage(s).piece(unit, q);
    const Buffer &b = buffers_[z(s)];
    const double *map = b.map.data() + piece.source;
    for (int c = 0; c <= n_; ++c) row[c] = piece.slope * map[z(c) * b.ld];
    row[n_] += piece.intercept;
    return feeds(piece);
}

template <class Form> void Cells<Form>::full_product(int s) {
    const Stage &here = stage(s), &before = stage(s - 1);
    Buffer &b = buffers_[z(s)];
    const Buffer &input = buffers_[z(s - 1)];
    const std::size_t stride = z(n_ + 1);
    rows_.resize(z(before.n_out) * stride);
    units_.resize(z(before.n_out));
    const std::uint16_t *piece = pieces_[z(s - 1)].data();
    int n = 0;
    for (int k = 0; k < before.n_out; ++k) {
        units_[z(n)] = k;
        n += feed(s - 1, k, piece[k], rows_.data() + z(n) * stride) ? 1 : 0;
    }
    product_any(here, n_ + 1, {units_.data(), rows_.data(), stride, n}, b.map.data(), b.ld);
    b.feeds = n;
    std::fill(b.row_feeds.begin(), b.row_feeds.end(), 0);
    if (!here.dense)
        for (int i = 0; i < n; ++i) count_feed(s, units_[z(i)], 1);
    applied_[z(s - 1)] = pieces_[z(s - 1)];
    ++steps.products;
    const double size = magnitude_any(n_ + 1, before.n_pre, input.map.data(), input.ld, extent_.data());
    static_cast<MapError &>(b) = carry(here, input, size, n_ + 1, reach_);
    b.age = 0;
    b.valid = true;
}

// Count a unit that begins or ends to feed rows of a map. A row that nothing feeds is its bias,
// exactly: what rounding has left of earlier feeds is removed.
template <class Form> void Cells<Form>::count_feed(int s, int unit, int change) {
    const Stage &here = stage(s);
    Buffer &b = buffers_[z(s)];
    const auto reset = [&](int row) {
        for (int c = 0; c < n_; ++c) b.map[z(c) * b.ld + z(row)] = 0.0;
        b.map[z(n_) * b.ld + z(row)] = here.bias[z(row)];
    };
    if (here.dense) {
        if (b.feeds == 0)
            for (int row = 0; row < here.n_pre; ++row) reset(row);
        return;
    }
    for (auto i = here.column_start[z(unit)]; i < here.column_start[z(unit) + 1]; ++i) {
        const int row = here.column_row[static_cast<std::size_t>(i)];
        if ((b.row_feeds[z(row)] += change) == 0) reset(row);
    }
}

// Whether a pre-activation is its bias on the current cell, exactly.
template <class Form> bool Cells<Form>::known(int s, int pre) const {
    const Buffer &b = buffers_[z(s)];
    return s > 0 && (stage(s).dense ? b.feeds == 0 : b.row_feeds[z(pre)] == 0);
}

// Bring the map of stage s up to the pieces of the stage before.
template <class Form> void Cells<Form>::update(int s) {
    Buffer &b = buffers_[z(s)];
    if (!b.valid || b.age > kMaxAge) {
        full_product(s);
        return;
    }
    const auto [begin, count] = parents_[z(s - 1)];
    auto &applied = applied_[z(s - 1)];
    for (std::size_t i = begin; i < begin + count; ++i) {
        const int k = candidates_[i].unit;
        const std::uint16_t q = pieces_[z(s - 1)][z(k)];
        if (applied[z(k)] == q) continue;
        const bool on = feed(s - 1, k, q, now_.data()), was = feed(s - 1, k, applied[z(k)], then_.data());
        for (int c = 0; c <= n_; ++c) now_[z(c)] -= then_[z(c)];
        rank_one_any(stage(s), n_ + 1, k, now_.data(), b.map.data(), b.ld);
        if (on != was) {
            b.feeds += on ? 1 : -1;
            count_feed(s, k, on ? 1 : -1);
        }
        applied[z(k)] = q;
        ++steps.updates;
        ++b.age;
        const double rounding = kUpdate * b.bound + underflow(stage(s), reach_);
        b.error += rounding;
        b.spread += rounding * std::sqrt((n_ + 1.0) * stage(s).n_pre);
    }
}

} // namespace plica

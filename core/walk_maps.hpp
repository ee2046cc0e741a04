// The maps of a walk: one buffer a stage, with a running error bound. Part of walk.cpp.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "walk.hpp"
#include "walk_common.hpp"

namespace plica {

// What unit k of stage s feeds into the next map on piece q; false where that is nothing.
template <int D> bool Walk<D>::feed(int s, int unit, int q, Feed &out) const {
    const Piece &piece = stage(s).piece(unit, q);
    const Buffer &b = buffers_[z(s)];
    const double *map = b.map.data() + piece.source;
    out.unit = unit;
    for (int c = 0; c <= D; ++c) out.row[c] = piece.slope * map[z(c) * b.ld];
    out.row[D] += piece.intercept;
    return feeds(piece);
}

template <int D> void Walk<D>::full_product(int s) {
    const Stage &here = stage(s), &before = stage(s - 1);
    Buffer &b = buffers_[z(s)];
    const Buffer &input = buffers_[z(s - 1)];
    const Level &level = levels_[z(s - 1)];
    b.fine.valid = false;
    b.refined = false;
    if (here.dense) {
        feeds_.resize(z(before.n_out));
        int n = 0;
        for (int w = 0; w < level.words; ++w) {
            std::uint64_t rest = ~(level.first[w] & level.silent[w]);
            if (w + 1 == level.words) rest &= ~std::uint64_t{0} >> (64 * level.words - before.n_out);
            for (; rest != 0; rest &= rest - 1) {
                const int k = 64 * w + __builtin_ctzll(rest);
                n += feed(s - 1, k, level.pieces[k], feeds_[z(n)]);
            }
        }
        product(here, D + 1, feeds_.data(), n, b.map.data(), b.ld);
        b.feeds = n;
        work_ += static_cast<double>(here.n_pre) * n;
    } else {
        sparse_product(s);
    }
    std::copy(level.pieces, level.pieces + before.n_out, level.applied);
    std::fill(level.moved, level.moved + level.words, 0);
    ++counters.products;
    work_ += 1e2;
    const double size = magnitude(D + 1, before.n_pre, input.map.data(), input.ld, extent_);
    static_cast<MapError &>(b) = carry(here, input, size, D + 1, reach_);
    b.tolerance = b.error + 8 * kUnit * b.bound + DBL_MIN;
    b.estimate = here.euclidean_norm * input.estimate + kUnit * b.bound;
    b.age = 0;
    b.valid = true;
    if (!b.refinable) return;
    const double own = magnitude(D + 1, here.n_pre, b.map.data(), b.ld, extent_);
    if (b.tolerance > kRefine<D> * own) take_refined(s);
}

// The map of a stage in twice the working precision, and those of the stages before, where they are
// not at hand.
template <int D> void Walk<D>::refine(int s) {
    const Stage &here = stage(s);
    Buffer &b = buffers_[z(s)];
    Fine &fine = b.fine;
    if (fine.valid) return;
    fine.high.resize(b.map.size());
    fine.low.resize(b.map.size());
    fine.valid = true;
    if (s == 0) { // the weights themselves
        fine.high = b.map;
        std::fill(fine.low.begin(), fine.low.end(), 0.0);
        fine.error = b;
        return;
    }
    refine(s - 1);
    const Stage &before = stage(s - 1);
    const Buffer &input = buffers_[z(s - 1)];
    const Numbers &high = input.fine.high, &low = input.fine.low;
    fine_feeds_.clear();
    for (int k = 0; k < before.n_out; ++k) {
        const Piece &piece = before.piece(k, levels_[z(s - 1)].pieces[k]);
        if (!feeds(piece)) continue;
        FineFeed &feed = fine_feeds_.emplace_back();
        feed.unit = k;
        for (int c = 0; c <= D; ++c) {
            const std::size_t at = z(c) * input.ld + z(piece.source);
            feed.high[c] = high[at];
            feed.low[c] = low[at];
            fine_piece(piece.slope, c == D ? piece.intercept : 0.0, feed.high[c], feed.low[c]);
        }
    }
    b.feeds = static_cast<int>(fine_feeds_.size());
    fine_product(here, D + 1, fine_feeds_.data(), b.feeds, fine.high.data(), fine.low.data(), b.ld);
    const double size = magnitude(D + 1, before.n_pre, high.data(), input.ld, extent_);
    fine.error = carry(here, input.fine.error, size, D + 1, reach_, fine_rounding(here.terms));
    ++counters.refined;
    work_ += 10.0 * here.n_pre * b.feeds;
}

// Replace the map of a stage, just made, by the high part of its map in twice the precision.
template <int D> void Walk<D>::take_refined(int s) {
    const Stage &here = stage(s);
    Buffer &b = buffers_[z(s)];
    refine(s);
    b.map = b.fine.high;
    const double size = magnitude(D + 1, here.n_pre, b.map.data(), b.ld, extent_) * (1 + 16 * kUnit);
    const double cut = kUnit * size; // the low part
    b.error = (b.fine.error.error + cut) * (1 + 1e-10);
    b.spread = (b.fine.error.spread + b.root * cut) * (1 + 1e-10);
    b.bound = size + b.fine.error.error;
    b.tolerance = b.error + 8 * kUnit * b.bound + DBL_MIN;
    b.estimate = cut;
    b.refined = true;
    for (int row = 0; b.feeds == 0 && row < here.n_pre; ++row) reset_if_idle(s, row);
}

// Whether a unit of the stage before is on another piece than when the map of stage s was made.
template <int D> bool Walk<D>::pieces_changed(int s) const {
    const Level &level = levels_[z(s - 1)];
    for (int w = 0; w < level.words; ++w)
        for (std::uint64_t rest = level.moved[w]; rest != 0; rest &= rest - 1) {
            const int k = 64 * w + __builtin_ctzll(rest);
            if (level.applied[k] != level.pieces[k]) return true;
        }
    return false;
}

// A row that nothing feeds is its bias, exactly: what rounding has left of earlier feeds is removed.
template <int D> void Walk<D>::reset_if_idle(int s, int row) {
    Buffer &b = buffers_[z(s)];
    if ((stage(s).dense ? b.feeds : b.row_feeds[z(row)]) != 0) return;
    for (int c = 0; c < D; ++c) b.map[z(c) * b.ld + z(row)] = 0.0;
    b.map[D * b.ld + z(row)] = stage(s).bias[z(row)];
}

// Whether a pre-activation is its bias on the current cell, exactly.
template <int D> bool Walk<D>::known(int s, int pre) const {
    const Buffer &b = buffers_[z(s)];
    return s > 0 && (stage(s).dense ? b.feeds == 0 : b.row_feeds[z(pre)] == 0);
}

// Bring the map of stage s up to the pieces of the stage before.
template <int D> void Walk<D>::update(int s) {
    Buffer &b = buffers_[z(s)];
    if (!b.valid || b.age > kMaxAge || (b.refined && pieces_changed(s))) {
        full_product(s);
        return;
    }
    if (b.refined) return;
    const Stage &here = stage(s), &before = stage(s - 1);
    const Buffer &input = buffers_[z(s - 1)];
    const Level &level = levels_[z(s - 1)];
    feeds_.resize(z(before.n_out));
    int updates = 0;
    for (int w = 0; w < level.words; ++w) {
        for (; level.moved[w] != 0; level.moved[w] &= level.moved[w] - 1) {
            const int k = 64 * w + __builtin_ctzll(level.moved[w]);
            if (level.applied[k] == level.pieces[k]) continue;
            const Piece &now = before.piece(k, level.pieces[k]), &then = before.piece(k, level.applied[k]);
            Feed &change = feeds_[z(updates++)];
            change.unit = k;
            const double *to = input.map.data() + now.source, *from = input.map.data() + then.source;
            if (now.source == then.source) {
                for (int c = 0; c <= D; ++c) change.row[c] = (now.slope - then.slope) * to[z(c) * input.ld];
            } else {
                for (int c = 0; c <= D; ++c)
                    change.row[c] = now.slope * to[z(c) * input.ld] - then.slope * from[z(c) * input.ld];
            }
            change.row[D] += now.intercept - then.intercept;
            change.begins = feeds(now) - feeds(then);
            level.applied[k] = level.pieces[k];
            if (!here.dense) {
                Feed row;
                remember(s, k, feed(s - 1, k, level.pieces[k], row), row);
            }
        }
    }
    if (updates > 0) b.fine.valid = false;
    add_feeds(here, D + 1, feeds_.data(), updates, b.map.data(), b.ld);
    if (here.dense) {
        for (int i = 0; i < updates; ++i) b.feeds += feeds_[z(i)].begins;
        for (int row = 0; b.feeds == 0 && row < here.n_pre; ++row) reset_if_idle(s, row);
    } else {
        for (int i = 0; i < updates; ++i) {
            const int k = feeds_[z(i)].unit;
            for (auto j = here.column_start[z(k)]; j < here.column_start[z(k) + 1]; ++j)
                reset_if_idle(s, here.column_row[static_cast<std::size_t>(j)]);
        }
    }
    const double rounding = (kUpdate * b.bound + underflow(here, reach_)) * updates;
    b.error += rounding;
    b.spread += rounding * b.root;
    b.tolerance += rounding;
    b.age += updates;
    counters.updates += updates;
    work_ += updates * (here.dense ? here.n_pre : 100);
}

} // namespace plica

// Max units in a walk: which reads win somewhere, and the part of a cell where one does. Part of
// walk.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "walk.hpp"
#include "walk_common.hpp"

namespace plica {

// Reads of a max unit that are not certainly below another read all over the points. `bounded`: low_
// and high_ hold bounds on the rows over the points.
template <int D>
const std::vector<int> &Walk<D>::contenders(int s, int k, const Points &points, bool bounded) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(k)];
    const int n = here.unit_pieces[z(k)];
    double best = -std::numeric_limits<double>::infinity();
    open_.clear();
    if (bounded) {
        for (int q = 0; q < n; ++q) best = std::max(best, low_[z(reads[q])]);
        for (int q = 0; q < n; ++q)
            if (!(high_[z(reads[q])] < best)) open_.push_back(q);
        return open_;
    }
    ranges_.clear();
    for (int q = 0; q < n; ++q) {
        ranges_.push_back(range(b.map.data() + reads[q], b.ld, b.tolerance, points));
        best = std::max(best, ranges_.back().low - ranges_.back().margin);
    }
    for (int q = 0; q < n; ++q)
        if (!(ranges_[z(q)].high + ranges_[z(q)].margin < best)) open_.push_back(q);
    return open_;
}

// The part of the cell where read `winner` of a max unit is the largest, against some rivals; an
// empty cell if it has no interior. `ids` holds the number of the cut of each pair, -1 before it is
// made.
template <int D>
typename Walk<D>::Cell Walk<D>::clip(const Cell &cell, int s, const Candidate &c, int winner,
                                     const std::vector<int> &rivals, std::vector<std::int64_t> &ids) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    const int start = static_cast<int>(here.unit_start[z(c.unit)]);
    const int reads = here.unit_pieces[z(c.unit)];
    const auto read = [&](int q) { return here.unit_reads[z(start + q)]; };
    Cell part = cell;
    for (const int rival : rivals) {
        if (rival == winner) continue;
        double row[D + 1];
        for (int i = 0; i <= D; ++i)
            row[i] = b.map[z(i) * b.ld + z(read(winner))] - b.map[z(i) * b.ld + z(read(rival))];
        Line g;
        set_line(g, row, row[D], 2 * b.tolerance, 0.0, b);
        const Functional f{s, read(winner), read(rival), 0.0};
        const int found = classify(part, g, [&] { return f; }), signs = found & 3;
        if (signs == 0 ? rival < winner : (signs & 1) == 0) return {cell.at, 0};
        if ((signs & 2) == 0) continue;
        std::int64_t &id = ids[z(std::min(winner, rival) * reads + std::max(winner, rival))];
        if (id < 0) {
            id = counters.splits++;
            if (options_.sides) cut_units.push_back(here.column_of[z(c.unit)]);
        }
        const int at = push_line(g, f);
        Cell smaller;
        if ((found & 4) != 0) spell_signs(part);
        cut(part, at, true, 2 * id + (winner < rival ? 0 : 1), smaller);
        part = smaller;
    }
    return part;
}

// Whether two pre-activations are the same function on the current cell's affine piece, exactly.
template <int D> bool Walk<D>::identical(int s, int i, int j) {
    const Buffer &b = buffers_[z(s)];
    double size = std::fabs(b.map[z(D) * b.ld + z(i)] - b.map[z(D) * b.ld + z(j)]);
    for (int c = 0; c < D; ++c)
        size += std::fabs(b.map[z(c) * b.ld + z(i)] - b.map[z(c) * b.ld + z(j)]) * extent_[c];
    if (known(s, i) && known(s, j)) return b.map[D * b.ld + z(i)] == b.map[D * b.ld + z(j)];
    if (size > options_.filter * 4 * b.tolerance) return false;
    ++arbiter_.asked;
    return zero(arbiter_.functional({s, i, j, 0.0}));
}

// Whether pre-activation i grows faster than j along the first coordinate, exactly.
template <int D> bool Walk<D>::steeper(int s, int i, int j) {
    const Buffer &b = buffers_[z(s)];
    const double gap = b.map[z(i)] - b.map[z(j)];
    if (std::fabs(gap) * extent_[0] > options_.filter * 4 * b.tolerance) return gap > 0;
    ++arbiter_.asked;
    return arbiter_.functional({s, i, j, 0.0})[0].sign() > 0;
}

// Split the cell by a max unit. Returns whether the cell became smaller.
template <int D> bool Walk<D>::max_unit(Item &item, Cell &cell, const Candidate &c) {
    const int s = item.stage, reads = c.hi - c.lo + 1;
    const Stage &here = stage(s);
    const int start = static_cast<int>(here.unit_start[z(c.unit)]);
    std::vector<int> open;
    const Points points = gather(cell);
    for (const int q : contenders(s, c.unit, points, false)) { // of several identical reads the first counts
        bool duplicate = false;
        for (const int r : open)
            if ((duplicate = identical(s, here.unit_reads[z(start + q)], here.unit_reads[z(start + r)])))
                break;
        if (!duplicate) open.push_back(q);
    }
    std::vector<std::pair<int, Cell>> parts;
    std::vector<std::int64_t> ids;
    const auto height = arena_.size(), lines = lines_.size();
    const auto splits = counters.splits;
    while (open.size() > 1) {
        parts.clear();
        arena_.truncate(height);
        if (options_.sides) sides_.truncate(height);
        drop_lines(lines);
        if (options_.sides) cut_units.resize(z(static_cast<int>(splits)));
        counters.splits = splits;
        ids.assign(z(reads * reads), -1);
        std::vector<int> winners;
        for (const int q : open) {
            const Cell part = clip(cell, s, c, q, open, ids);
            if (part.n == 0) continue;
            parts.emplace_back(q, part);
            winners.push_back(q);
        }
        // a read that wins nowhere must not own a cut: once more without it
        const bool clean = winners.size() == open.size();
        open = winners;
        if (clean) break;
    }
    if (D == 1) { // the rightmost part first on the stack: the slope of the winner grows to the right
        std::sort(parts.begin(), parts.end(), [&](const auto &p, const auto &q) {
            return p.first != q.first &&
                   steeper(s, here.unit_reads[z(start + p.first)], here.unit_reads[z(start + q.first)]);
        });
        for (auto &part : parts) { // what waits lower on the stack must lie lower in the arena
            *arena_.room(1) = arena_[part.second.at];
            if (options_.sides) *sides_.room(1) = sides_[part.second.at];
            part.second.at = static_cast<int>(arena_.size());
            take(part.second);
        }
    }
    ++item.list;
    --item.length;
    item.lo = -1;
    if (open.size() == 1) {
        set_piece(s, c.unit, open[0]);
        return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        Item next = item;
        next.polygon = parts[i].second.at;
        next.n = parts[i].second.n;
        next.lines = static_cast<int>(lines_.size());
        next.candidates = static_cast<int>(candidates_.size());
        next.unit = c.unit;
        next.piece = parts[i].first;
        if (i + 1 < parts.size()) {
            stack_.push(next);
        } else {
            item = next;
            cell = parts[i].second;
            set_piece(s, c.unit, item.piece);
        }
    }
    return true;
}

} // namespace plica

// Max units in a walk over cells: which reads win somewhere, and the part of a cell where one does.
// Part of cells.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "cells.hpp"
#include "walk_common.hpp"

namespace plica {

// Reads of a max unit that are not certainly below another read all over the cell.
template <class Form>
const std::vector<int> &Cells<Form>::contenders(int s, int unit, const Cell &cell) {
    const Stage &here = stage(s);
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(unit)];
    double best = -std::numeric_limits<double>::infinity();
    ranges_.clear();
    for (int q = 0; q < here.unit_pieces[z(unit)]; ++q) {
        ranges_.push_back(form_.range(cell, question(s, reads[q], 0.0)));
        best = std::max(best, ranges_.back().low);
    }
    open_.clear();
    for (int q = 0; q < here.unit_pieces[z(unit)]; ++q)
        if (!(ranges_[z(q)].high < best)) open_.push_back(q);
    return open_;
}

template <class Form> Question Cells<Form>::difference(int s, int plus, int minus) {
    const Buffer &b = buffers_[z(s)];
    for (int c = 0; c <= n_; ++c)
        now_[z(c)] = b.map[z(c) * b.ld + z(plus)] - b.map[z(c) * b.ld + z(minus)];
    return {now_.data(), 1, 0.0, 2 * b.error + 4 * kUnit * b.bound, {s, plus, minus, 0.0}};
}

// Whether two pre-activations are the same function on the current cell's affine piece, exactly.
template <class Form> bool Cells<Form>::identical(int s, int i, int j) {
    const Buffer &b = buffers_[z(s)];
    if (known(s, i) && known(s, j)) return b.map[z(n_) * b.ld + z(i)] == b.map[z(n_) * b.ld + z(j)];
    const Question q = difference(s, i, j);
    double size = 0;
    for (int c = 0; c <= n_; ++c) size += std::fabs(q.row[c]) * extent_[z(c)];
    if (size > listing_.filter * 2 * q.tolerance) return false;
    ++arbiter_.asked;
    return zero(arbiter_.functional(q.exact));
}

// Make the cell the part of it where read `winner` is the largest; false if that has no interior.
template <class Form>
bool Cells<Form>::clip(Cell &cell, int s, int unit, int winner, const std::vector<int> &rivals) {
    const Stage &here = stage(s);
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(unit)];
    for (const int rival : rivals) {
        if (rival == winner) continue;
        const int signs = form_.ask(cell, difference(s, reads[winner], reads[rival]));
        if (signs == 0 ? rival < winner : (signs & 1) == 0) return false;
        if ((signs & 2) == 0) continue;
        ++steps.splits;
        cell = form_.child(cell, true);
    }
    return true;
}

// Split the cell by a max unit. Returns whether the cell became smaller.
template <class Form> bool Cells<Form>::max_unit(Item &item, const Candidate &c) {
    const int s = item.stage;
    const Stage &here = stage(s);
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(c.unit)];
    std::vector<int> open;
    for (const int q : contenders(s, c.unit, item.cell)) { // of several identical reads the first counts
        bool duplicate = false;
        for (const int r : open)
            if ((duplicate = identical(s, reads[q], reads[r]))) break;
        if (!duplicate) open.push_back(q);
    }
    ++item.list;
    --item.length;
    item.lo = -1;
    const Cell whole = item.cell;
    const Mark mark = form_.mark();
    std::vector<Item> parts;
    int width = 0; // bits of a part's number
    while (static_cast<int>(open.size()) > 1 << width) ++width;
    for (const int q : open) {
        const Mark before = form_.mark();
        Item part = item;
        part.cell = whole;
        if (open.size() > 1 && !clip(part.cell, s, c.unit, q, open)) {
            form_.release(before);
            continue;
        }
        part.mark = form_.mark();
        part.candidates = candidates_.size();
        part.coefficients = coefficients_.size();
        part.unit = c.unit;
        part.piece = q;
        if (part.path != 0) part.path = part.path << width | parts.size();
        parts.push_back(part);
    }
    if (parts.size() == 1) { // what was cut off has no interior
        form_.release(mark);
        set_piece(s, c.unit, parts[0].piece);
        return false;
    }
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) stack_.push(parts[i]);
    item = parts.back();
    set_piece(s, c.unit, item.piece);
    return true;
}

} // namespace plica

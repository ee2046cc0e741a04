#include "walk.hpp"

#include <algorithm>
#include <cfloat>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "walk_common.hpp"
#include "walk_geometry.hpp"
#include "walk_maps.hpp"
#include "walk_max.hpp"
#include "walk_sparse.hpp"

namespace plica {

namespace {

// Whether the intercepts of all pieces of a stage's units are doubles.
bool exact_intercepts(const Chain &chain, const Stage &stage) {
    for (const int f : stage.unit_function) {
        if (f < 0) continue;
        const Function &function = chain.functions[z(f)];
        for (int q = 0; q < function.pieces(); ++q) {
            Dyadic difference = function.exact_intercepts[z(q)];
            difference.add(Dyadic(function.intercepts[z(q)]), true);
            if (!difference.zero()) return false;
        }
    }
    return true;
}

} // namespace

template <int D>
Walk<D>::Walk(const Chain &chain, const std::vector<DomainFacet> &facets, const Options &options)
    : chain_(chain), options_(options), arbiter_(chain, pieces_), bits_(chain.pattern_bits()) {
    const int n_stages = static_cast<int>(chain.stages.size());
    last_ = options.maps || options.signs ? n_stages - 1 : std::max(0, chain.last_nonlinear());
    counting_ = !options.patterns && !options.polygons && !options.maps && !options.signs;
    words_ = pattern_words(bits_);
    for (const Stage &s : chain.stages) {
        pieces_.emplace_back(z(s.n_out), 0);
        Buffer buffer;
        buffer.ld = z(padded(s.n_pre));
        buffer.map.assign(buffer.ld * (D + 1), 0.0);
        if (!s.dense) buffer.row_feeds.assign(z(s.n_pre), 1);
        buffers_.push_back(std::move(buffer));
        buffers_.back().root = std::sqrt((D + 1.0) * s.n_pre);
        const std::size_t at = buffers_.size() - 1;
        buffers_.back().refinable = s.dense && (at == 0 || (buffers_[at - 1].refinable &&
                                                            exact_intercepts(chain, chain.stages[at - 1])));
        slots_.emplace_back(z(s.n_out));
        for (const int k : s.nonlinear) {
            const auto [bit, width] = bits_[z(s.column_of[z(k)])];
            slots_.back()[z(k)] = {bit / 64, bit % 64, ((std::uint64_t{1} << width) - 1) << (bit % 64)};
        }
    }
    pattern_.assign(z((words_ + kVec - 1) / kVec * kVec), 0);
    applied_ = pieces_;
    for (std::size_t s = 0; s < chain.stages.size(); ++s) {
        const Stage &here = chain.stages[s];
        const auto words = z((here.n_out + 63) / 64);
        std::vector<std::uint64_t> &sets = sets_.emplace_back(4 * words, 0);
        std::uint64_t *first = sets.data(), *top = first + words, *silent = top + 2 * words;
        std::fill(first, top, ~std::uint64_t{0});
        for (int k = 0; k < here.n_out; ++k) {
            const std::uint64_t bit = std::uint64_t{1} << k % 64;
            if (here.unit_pieces[z(k)] == 1) top[k / 64] |= bit;
            if (!feeds(here.piece(k, 0))) silent[k / 64] |= bit;
        }
        auto &breakpoints = breakpoints_.emplace_back();
        for (const int f : here.unit_function)
            breakpoints.push_back(f < 0 ? nullptr : chain.functions[z(f)].breakpoints.data());
        levels_.push_back({pieces_[s].data(), applied_[s].data(), here.unit_pieces.data(),
                           breakpoints.data(), slots_[s].data(), first, top, top + words, silent, static_cast<int>(words)});
    }
    parents_.assign(chain.stages.size(), {0, 0});

    // the first map reads the coordinates themselves
    std::vector<Feed> inputs(D);
    for (int k = 0; k < D; ++k) {
        inputs[z(k)].unit = k;
        for (int c = 0; c <= D; ++c) inputs[z(k)].row[c] = c == k ? 1.0 : 0.0;
    }
    Buffer &first = buffers_[0];
    product(chain.stages[0], D + 1, inputs.data(), D, first.map.data(), first.ld);

    const int n = static_cast<int>(facets.size());
    for (const DomainFacet &facet : facets) {
        Line side{};
        for (int c = 0; c < D; ++c) side.n[c] = facet.normal[c];
        side.c = -facet.bound;
        for (int c = 0; c < D; ++c) side.size += std::fabs(side.n[c]);
        lines_.push(side);
        origins_.push({{}, facet.id, false});
    }
    rows_.resize(lines_.size());
    const Cell domain{0, n};
    std::fill_n(arena_.room(z(domain.blocks())), domain.blocks(), Corners{});
    if (options.sides) sides_.room(z(domain.blocks()));
    take(domain);
    for (int pass = 0; pass < 2; ++pass) { // the error bounds need the extent, and it the vertices
        double extent = 0;
        for (int i = 0; i < n; ++i) {
            Line &side = lines_[i];
            side.estimate = kUnit * extent_[0] * side.size;
            side.slack = 8 * kUnit * (std::fabs(side.c) + side.size * extent_[0]) + DBL_MIN;
        }
        for (int i = 0; i < n; ++i) {
            Vertex v{};
            v.line = i;
            meet(lines_[D == 1 ? i : (i + n - 1) % n], lines_[i], v);
            for (int c = 0; c < D; ++c) extent = std::max(extent, std::fabs(v.p[c]));
            place(&arena_[0], i, v);
            if (options.sides) place(&sides_[0], i, whole_side(-1 - facets[z(i)].id));
        }
        for (int c = 0; c < D; ++c) extent_[c] = extent * (1 + 1e-9);
        reach_ = 1 + D * extent_[0];
    }
    first.bound = magnitude(D + 1, chain.stages[0].n_pre, first.map.data(), first.ld, extent_);
    first.tolerance = 8 * kUnit * first.bound + DBL_MIN;
    first.estimate = kUnit * first.bound;
    first.valid = true;
    stack_.push({0, -1, 0, -1, 0, n, n, 0, -1, 0});
}

template <int D> bool Walk<D>::run(std::int64_t regions, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    target_ =
        regions > std::numeric_limits<std::int64_t>::max() - counters.regions
            ? std::numeric_limits<std::int64_t>::max()
            : counters.regions + regions;
    work_ = 0;
    while (stack_.size() > 0) {
        const Item item = stack_[static_cast<int>(stack_.size()) - 1];
        stack_.truncate(stack_.size() - 1);
        visit(item);
        counters.arbitrated = arbiter_.asked;
        if (counters.regions >= target_) break;
        work_ += 1e3;
        if (work_ > 1e6) {
            work_ = 0;
            if (std::chrono::duration<double>(Clock::now() - start).count() > seconds) break;
        }
    }
    return done();
}

template <int D> void Walk<D>::set_piece(int s, int unit, int piece) {
    const Level &level = levels_[z(s)];
    std::uint16_t &now = level.pieces[unit];
    if (now == piece) return;
    now = static_cast<std::uint16_t>(piece);
    const int w = unit / 64;
    const std::uint64_t bit = std::uint64_t{1} << unit % 64;
    level.first[w] = piece == 0 ? level.first[w] | bit : level.first[w] & ~bit;
    level.top[w] = piece == level.count[unit] - 1 ? level.top[w] | bit : level.top[w] & ~bit;
    level.moved[w] |= bit;
    arbiter_.piece_changed(s);
    if (options_.patterns) spell(level.slots[unit], piece, pattern_.data());
}

template <int D> inline void Walk<D>::spell(const Slot &slot, int piece, std::uint64_t *pattern) {
    std::uint64_t &word = pattern[slot.word];
    word = (word & ~slot.mask) | (static_cast<std::uint64_t>(piece) << slot.shift);
}

// Decide the units of a stage that the vertices of the cell decide; list the others as candidates.
template <int D> void Walk<D>::enter(int s, const Cell &cell) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    if (z(s) + 1 < buffers_.size()) buffers_[z(s) + 1].valid = false;
    const int begin = static_cast<int>(candidates_.size());
    parents_[z(s)] = {begin, 0};
    if (here.nonlinear.empty()) return;
    const Points points = gather(cell);
    if (!here.direct) {
        if (low_.size() < b.ld) {
            low_.resize(b.ld);
            high_.resize(b.ld);
        }
        bound(D + 1, here.n_pre, b.map.data(), b.ld, points, options_.filter, b.tolerance, low_.data(),
              high_.data());
        for (const int k : here.nonlinear) settle(s, k, points, true);
    } else {
        const Level &level = levels_[z(s)];
        verdicts_.resize(z(level.words));
        decide(D + 1, here.n_pre, b.map.data(), b.ld, points, options_.filter, b.tolerance,
               here.left.data(), here.right.data(), verdicts_.data());
        const bool plain = here.last_piece == 1 && here.dense && b.feeds > 0; // two pieces each
        for (int w = 0; w < level.words; ++w) {
            const Verdicts v = verdicts_[z(w)];
            // most units stay on the piece that they are on
            std::uint64_t look = ~((v.left & level.first[w]) | (v.right & level.top[w]));
            if (w + 1 == level.words) look &= ~std::uint64_t{0} >> (64 * level.words - here.n_out);
            const std::uint64_t settled = look & (v.left | v.right);
            if (settled != 0) arbiter_.piece_changed(s);
            level.first[w] = (level.first[w] & ~settled) | (v.left & settled);
            level.top[w] = (level.top[w] & ~settled) | (v.right & settled);
            level.moved[w] |= settled;
            for (std::uint64_t rest = settled; rest != 0; rest &= rest - 1) {
                const int i = __builtin_ctzll(rest), k = 64 * w + i;
                const int piece = (v.left >> i & 1) != 0 ? 0 : level.count[k] - 1;
                level.pieces[k] = static_cast<std::uint16_t>(piece);
                if (options_.patterns) spell(level.slots[k], piece, pattern_.data());
            }
            for (std::uint64_t rest = look & ~(v.left | v.right); rest != 0; rest &= rest - 1) {
                const int i = __builtin_ctzll(rest), k = 64 * w + i;
                if (level.count[k] == 1) continue; // an infinite margin leaves even these open
                if (!plain) {
                    settle(s, k, points, false);
                    continue;
                }
                Candidate &c = *candidates_.room(1);
                c.unit = k;
                c.lo = 0;
                c.hi = 1;
                c.cuts = (v.both >> i & 1) != 0;
                for (int j = 0; j <= D; ++j) c.row[j] = b.map[z(j) * b.ld + z(k)];
                candidates_.take(1);
            }
        }
    }
    parents_[z(s)].second = static_cast<int>(candidates_.size()) - begin;
}

// Set the piece of a unit, or make it a candidate. `bounded`: low_ and high_ hold bounds on the rows over
// the points.
template <int D> void Walk<D>::settle(int s, int k, const Points &points, bool bounded) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    int lo = 0, hi = here.unit_pieces[z(k)] - 1;
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(k)];
    const double *row = b.map.data() + reads[0];
    if (const int f = here.unit_function[z(k)]; f >= 0) {
        const double *t = chain_.functions[z(f)].breakpoints.data();
        if (known(s, reads[0])) {
            while (lo < hi && row[D * b.ld] > t[lo]) ++lo;
            hi = lo;
        } else {
            narrow(t, bounded ? Range{low_[z(reads[0])], high_[z(reads[0])], 0.0}
                              : range(row, b.ld, b.tolerance, points), lo, hi);
        }
    } else { // max: the reads that might win somewhere
        const std::vector<int> &open = contenders(s, k, points, bounded);
        bool constant = true;
        int best = open[0];
        for (const int q : open) {
            constant &= known(s, reads[q]);
            if (b.map[D * b.ld + z(reads[q])] > b.map[D * b.ld + z(reads[best])]) best = q;
        }
        if (open.size() == 1 || constant) lo = hi = best;
    }
    if (lo == hi) {
        set_piece(s, k, lo);
        return;
    }
    Candidate c{k, lo, hi, false, {}};
    for (int i = 0; i <= D; ++i) c.row[i] = row[z(i) * b.ld];
    candidates_.push(c);
}

// The same on a smaller cell, for candidates that are still open.
template <int D>
void Walk<D>::filter(int s, const Cell &cell, int list, int length, int &new_list, int &new_length) {
    const Stage &here = stage(s);
    const Points points = gather(cell);
    const int begin = static_cast<int>(candidates_.size());
    for (int i = list; i < list + length; ++i) {
        Candidate c = candidates_[i];
        if (const int f = here.unit_function[z(c.unit)]; f >= 0) {
            narrow(chain_.functions[z(f)].breakpoints.data(),
                   range(c.row, 1, buffers_[z(s)].tolerance, points), c.lo, c.hi);
            if (c.lo == c.hi) {
                set_piece(s, c.unit, c.lo);
                continue;
            }
        }
        candidates_.push(c);
    }
    new_list = begin;
    new_length = static_cast<int>(candidates_.size()) - begin;
}

// Take a cell down to one region; what branches off waits on the stack.
template <int D> void Walk<D>::visit(Item item) {
    Cell cell{item.polygon, item.n};
    drop_lines(z(item.lines));
    candidates_.truncate(z(item.candidates));
    arena_.truncate(z(cell.at + cell.blocks()));
    if (options_.sides) sides_.truncate(arena_.size());
    if (item.unit >= 0) set_piece(item.stage, item.unit, item.piece);
    bool smaller = item.list >= 0;
    for (;;) {
        const int s = item.stage;
        if (item.list < 0) {
            enter(s, cell);
            item.list = parents_[z(s)].first;
            item.length = parents_[z(s)].second;
            item.lo = -1;
            smaller = false;
            if (s == last_ && counting_ && item.length > 0) {
                int found = 0;
                if (item.length > 1)
                    found = arrangement(cell, s, item.list, item.length);
                else if (candidates_[item.list].cuts)
                    found = 2;
                if (found > 0 && found <= target_ - counters.regions) { // a budget is kept to
                    counters.regions += found;
                    counters.splits += found - 1;
                    return;
                }
            }
        }
        const bool counting = s == last_ && counting_;
        const bool leaf = D == 2 && s == last_ && !options_.maps && !options_.signs;
        while (item.length > 0) {
            if (smaller && item.length > kLongList && item.lo < 0)
                filter(s, cell, item.list, item.length, item.list, item.length);
            smaller = false;
            if (item.length == 0) break;
            const Candidate c = candidates_[item.list];
            const double *t = levels_[z(s)].breakpoints[c.unit];
            if (t == nullptr) {
                smaller = max_unit(item, cell, c);
                continue;
            }
            int lo = item.lo >= 0 ? item.lo : c.lo, hi = c.hi;
            item.lo = -1;
            while (lo < hi) {
                const Buffer &b = buffers_[z(s)];
                Line g;
                set_line(g, c.row, c.row[D] - t[lo], b.tolerance, t[lo], b);
                const auto origin = [&] { return breakpoint(s, c.unit, t[lo]); };
                const int signs = classify(cell, g, origin);
                if (counting && item.length == 1 && lo + 1 == hi) { // no need to make the last two
                    counters.regions += (signs & 3) == 3 ? 2 : 1;
                    counters.splits += (signs & 3) == 3;
                    return;
                }
                if ((signs & 1) == 0) { // nowhere right of the breakpoint
                    hi = lo;
                } else if ((signs & 2) == 0) {
                    ++lo;
                } else if (leaf && item.length == 1 && lo + 1 == hi && (signs & 4) != 0) {
                    write_both(cell, push_line(g, origin()), s, c.unit, lo);
                    return;
                } else {
                    branch(item, cell, push_line(g, origin()), c.unit, lo, hi, (signs & 4) != 0);
                    smaller = true;
                    break;
                }
            }
            if (smaller) continue;
            set_piece(s, c.unit, lo);
            ++item.list;
            --item.length;
        }
        if (s == last_) {
            emit(cell);
            return;
        }
        update(s + 1);
        item.stage = s + 1;
        item.list = -1;
    }
}

// Split the cell at a breakpoint of a unit, along the line `at` just classified: go on with one part,
// and let the other wait. `clear`: no vertex lies on the line.
template <int D>
void Walk<D>::branch(Item &item, Cell &cell, int at, int unit, int lo, int hi, bool clear) {
    const std::int64_t id = counters.splits++;
    if (options_.sides) cut_units.push_back(stage(item.stage).column_of[z(unit)]);
    // first the child that needs no update of the next map; on a line, the left one
    bool plus_first = applied_[z(item.stage)][z(unit)] > lo;
    Cell first, second;
    if (D == 1 || !clear) {
        if (clear) spell_signs(cell);
        if (D == 1) plus_first = signs_[0] > 0;
        cut(cell, at, !plus_first, 2 * id + (plus_first ? 1 : 0), second);
        cut(cell, at, plus_first, 2 * id + (plus_first ? 0 : 1), first);
    } else {
        split(cell, at, plus_first, 2 * id, first, second);
    }
    const auto become = [&](Item &child, bool plus, const Cell &part) {
        const bool more = plus && lo + 1 < hi; // more breakpoints to come
        child.stage = item.stage;
        child.list = more ? item.list : item.list + 1;
        child.length = more ? item.length : item.length - 1;
        child.lo = more ? lo + 1 : -1;
        child.polygon = part.at;
        child.n = part.n;
        child.lines = at + 1;
        child.candidates = static_cast<int>(candidates_.size());
        child.unit = more ? -1 : unit;
        child.piece = plus ? hi : lo;
    };
    become(*stack_.room(1), !plus_first, second);
    stack_.take(1);
    become(item, plus_first, first);
    cell = first;
    if (item.unit >= 0) set_piece(item.stage, item.unit, item.piece);
}

// The two regions left and right of the last breakpoint in a cell, along the line `at` just classified,
// which meets no vertex.
template <int D> void Walk<D>::write_both(const Cell &cell, int at, int s, int unit, int lo) {
    const std::int64_t id = counters.splits++;
    if (options_.sides) cut_units.push_back(stage(s).column_of[z(unit)]);
    const auto blocks = z(cell.blocks() + 1);
    Corners *corners = arena_.room(blocks);
    Sides *sides = options_.sides ? sides_.room(blocks) : nullptr;
    const Crossing x = cross(cell, at);
    for (const bool plus : {false, true}) {
        const int n = part(cell, x, at, plus, 2 * id + (plus ? 0 : 1), corners, sides);
        write(corners, sides, n);
        if (options_.patterns) // the piece itself is set anew before anybody asks for it
            spell(levels_[z(s)].slots[unit], plus ? lo + 1 : lo, columns.patterns.end() - words_);
        ++counters.regions;
    }
}

template <int D> void Walk<D>::emit(const Cell &cell) {
    ++counters.regions;
    if (options_.signs) emit_signs(cell);
    write(&arena_[cell.at], options_.sides ? &sides_[cell.at] : nullptr, cell.n);
    if (options_.maps) {
        const Buffer &b = buffers_[z(last_)];
        counters.map_error = std::max(counters.map_error, b.tolerance);
        const int m = stage(last_).n_pre;
        for (int c = 0; c <= D; ++c)
            columns.maps.append(b.map.data() + z(c) * b.ld, z(m));
    }
}

// The pattern and the polygon of a region.
template <int D>
inline void Walk<D>::write(const Corners *corners, const Sides *sides, int n) {
    if (options_.patterns) { // whole vectors are written, what is its own counts
        std::uint64_t *to = columns.patterns.room(pattern_.size());
        for (std::size_t w = 0; w < pattern_.size(); w += kVec)
            std::memcpy(to + w, &pattern_[w], sizeof(Lanes));
        columns.patterns.take(z(words_));
    }
    if (!options_.polygons) return;
    columns.sizes.push_back(n);
    const int blocks = Cell{0, n}.blocks();
    double *point = columns.points.room(z(D * kVec * blocks));
    for (int b = 0; b < blocks; ++b, point += D * kVec) {
        const Vec x = corners[b].x, y = corners[b].y;
        if constexpr (D == 1) {
            std::memcpy(point, &x, sizeof x);
        } else {
            const Vec low = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
            const Vec high = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
            std::memcpy(point, &low, sizeof low);
            std::memcpy(point + kVec, &high, sizeof high);
        }
    }
    columns.points.take(z(D * n));
    if (sides == nullptr) return;
    std::int64_t *edge = columns.edges.room(z(kVec * blocks));
    for (int b = 0; b < blocks; ++b) std::memcpy(edge + b * kVec, &sides[b].edge, sizeof(Lanes));
    columns.edges.take(z(n));
    if (D == 1) return;
    std::uint64_t *place = columns.places.room(z(kVec * blocks));
    for (int b = 0; b < blocks; ++b) std::memcpy(place + b * kVec, &sides[b].from, sizeof(Places));
    columns.places.take(z(n));
}

// The exact sign of the first output at the vertices, and the points inside sides where it is zero.
template <int D> void Walk<D>::emit_signs(const Cell &cell) {
    const Buffer &b = buffers_[z(last_)];
    double row[D + 1];
    for (int c = 0; c <= D; ++c) row[c] = b.map[z(c) * b.ld];
    Line g;
    set_line(g, row, row[D], b.tolerance, 0.0, b);
    const Functional output{last_, 0, -1, 0.0};
    if ((classify(cell, g, [&] { return output; }) & 4) != 0) spell_signs(cell);
    columns.signs.append(signs_.data(), z(cell.n));
    const int at = push_line(g, output);
    for (int i = 0; i < (D == 1 ? 1 : cell.n); ++i) {
        if (signs_[z(i)] * signs_[z(i + 1 < cell.n ? i + 1 : 0)] >= 0) continue;
        Vertex x = vertex(cell, i);
        meet(lines_[x.line], g, x);
        sharpen(x, x.line, at);
        columns.crossed.push_back(vertices_ + i);
        for (int c = 0; c < D; ++c) columns.crossings.push_back(x.p[c]);
    }
    drop_lines(z(at));
    vertices_ += cell.n;
}

template class Walk<1>;
template class Walk<2>;

} // namespace plica

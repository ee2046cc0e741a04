#include "walk.hpp"

#include <algorithm>
#include <cfloat>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

namespace plica {
namespace {

constexpr double kUnit = DBL_EPSILON / 2; // unit roundoff
constexpr int kMaxAge = 4096;             // rank-1 updates before a map is computed afresh
// Below this sine of their angle, or this share that is left of a line after cancellation, the
// crossing of two lines is computed exactly where it is written out.
constexpr double kSharp = 1e-5;
constexpr int kLongList = 8;              // candidates worth a second look after a split

inline std::size_t z(int i) { return static_cast<std::size_t>(i); }

} // namespace

void Columns::clear() {
    patterns.clear();
    sizes.clear();
    points.clear();
    edges.clear();
    places.clear();
    signs.clear();
    crossed.clear();
    crossings.clear();
    maps.clear();
}

template <int D>
Walk<D>::Walk(const Chain &chain, const std::vector<Facet> &facets, const Options &options)
    : chain_(chain), options_(options), arbiter_(chain, pieces_) {
    const int n_stages = static_cast<int>(chain.stages.size());
    last_ = options.maps || options.signs ? n_stages - 1 : std::max(0, chain.last_nonlinear());
    counting_ = !options.patterns && !options.polygons && !options.maps && !options.signs;
    int bit = 0;
    for (const Stage &s : chain.stages) {
        pieces_.emplace_back(z(s.n_out), 0);
        Buffer buffer;
        buffer.ld = z(padded(s.n_pre));
        buffer.map.assign(buffer.ld * (D + 1), 0.0);
        if (!s.dense) buffer.row_feeds.assign(z(s.n_pre), 1);
        buffers_.push_back(std::move(buffer));
        for (const int k : s.nonlinear) {
            int width = 1;
            while ((1 << width) < s.unit_pieces[z(k)]) ++width;
            if (bit / 64 != (bit + width - 1) / 64) bit = (bit + 63) / 64 * 64; // within one word
            bits_.emplace_back(bit, width);
            bit += width;
        }
    }
    words_ = (bit + 63) / 64;
    pattern_.assign(z(words_), 0);
    applied_ = pieces_;
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
    for (const Facet &facet : facets) {
        Line side{};
        for (int c = 0; c < D; ++c) side.n[c] = facet.normal[c];
        side.c = -facet.bound;
        side.facet = facet.id;
        for (int c = 0; c < D; ++c) side.size += std::fabs(side.n[c]);
        lines_.push(side);
    }
    rows_.resize(lines_.size());
    for (int pass = 0; pass < 2; ++pass) { // the error bounds need the extent, and it the vertices
        arena_.truncate(0);
        double extent = 0;
        for (int i = 0; i < n; ++i) {
            Line &side = lines_[i];
            side.slack = 8 * kUnit * (std::fabs(side.c) + side.size * extent_[0]) + DBL_MIN;
        }
        for (int i = 0; i < n; ++i) {
            Vertex v{};
            v.line = i;
            v.edge = -1 - facets[z(i)].id;
            meet(lines_[D == 1 ? i : (i + n - 1) % n], lines_[i], v);
            for (int c = 0; c < D; ++c) extent = std::max(extent, std::fabs(v.p[c]));
            arena_.push(v);
        }
        for (int c = 0; c < D; ++c) extent_[c] = extent * (1 + 1e-9);
    }
    first.bound = magnitude(D + 1, chain.stages[0].n_pre, first.map.data(), first.ld, extent_);
    first.tolerance = 8 * kUnit * first.bound + DBL_MIN;
    first.valid = true;
    stack_.push({0, -1, 0, -1, 0, n, n, 0, -1, 0});
}

template <int D> bool Walk<D>::run(std::int64_t regions, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const std::int64_t target =
        regions > std::numeric_limits<std::int64_t>::max() - counters.regions
            ? std::numeric_limits<std::int64_t>::max()
            : counters.regions + regions;
    work_ = 0;
    while (stack_.size() > 0) {
        const Item item = stack_[static_cast<int>(stack_.size()) - 1];
        stack_.truncate(stack_.size() - 1);
        visit(item);
        counters.arbitrated = arbiter_.asked;
        if (counters.regions >= target) break;
        work_ += 1e3;
        if (work_ > 1e6) {
            work_ = 0;
            if (std::chrono::duration<double>(Clock::now() - start).count() > seconds) break;
        }
    }
    return done();
}

template <int D> void Walk<D>::set_piece(int s, int unit, int piece) {
    std::uint16_t &now = pieces_[z(s)][z(unit)];
    if (now == piece) return;
    now = static_cast<std::uint16_t>(piece);
    arbiter_.piece_changed(s);
    if (options_.patterns) {
        const auto [bit, width] = bits_[z(stage(s).column_of[z(unit)])];
        std::uint64_t &word = pattern_[z(bit / 64)];
        const std::uint64_t mask = ((std::uint64_t{1} << width) - 1) << (bit % 64);
        word = (word & ~mask) | (static_cast<std::uint64_t>(piece) << (bit % 64));
    }
}

template <int D> Points Walk<D>::gather(const Cell &cell) {
    if (xs_.size() < z(cell.n)) {
        xs_.resize(z(2 * cell.n));
        ys_.resize(z(2 * cell.n));
    }
    Points points{cell.n, xs_.data(), ys_.data(), 0.0};
    for (int i = 0; i < cell.n; ++i) {
        const Vertex &v = arena_[cell.at + i];
        xs_[z(i)] = v.p[0];
        ys_[z(i)] = D == 2 ? v.p[D - 1] : 0.0;
        points.rho = v.rho > points.rho ? v.rho : points.rho;
    }
    return points;
}

// Extremes of a row over the points, and the margin beyond which a sign is certain.
template <int D>
typename Walk<D>::Range Walk<D>::range(const double *row, std::size_t stride, double tolerance,
                                       const Points &points) const {
    Range r{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.0};
    double size = 0;
    for (int c = 0; c < D; ++c) size += std::fabs(row[z(c) * stride]);
    for (int p = 0; p < points.n; ++p) {
        const double value = row[0] * points.x[p] + (D == 2 ? row[stride] * points.y[p] : 0.0) + row[D * stride];
        r.low = value < r.low ? value : r.low;
        r.high = value > r.high ? value : r.high;
    }
    r.margin = options_.filter * (tolerance + size * points.rho);
    return r;
}

// Shrink the pieces lo..hi of a scalar unit to those that the range may meet. NaN shrinks nothing.
template <int D>
void Walk<D>::narrow(const double *breakpoints, const Range &r, int &lo, int &hi) const {
    while (lo < hi && r.low - breakpoints[lo] > r.margin) ++lo;
    while (hi > lo && breakpoints[hi - 1] - r.high > r.margin) --hi;
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
    if (here.direct) {
        if (verdicts_.size() < b.ld) verdicts_.resize(b.ld);
        decide(D + 1, here.n_pre, b.map.data(), b.ld, points, options_.filter, b.tolerance,
               here.left.data(), here.right.data(), here.last_piece, verdicts_.data());
        const std::uint16_t *verdict = verdicts_.data(), *piece = pieces_[z(s)].data();
        int k = 0;
        for (; k + 4 <= here.n_out; k += 4) { // most units keep the piece that they are on
            std::uint64_t v, p;
            std::memcpy(&v, verdict + k, sizeof v);
            std::memcpy(&p, piece + k, sizeof p);
            if (v == p) continue;
            for (int i = k; i < k + 4; ++i)
                if (verdict[i] != piece[i]) settle(s, i, verdict[i], points);
        }
        for (; k < here.n_out; ++k)
            if (verdict[k] != piece[k]) settle(s, k, verdict[k], points);
    } else {
        for (const int k : here.nonlinear) settle(s, k, kOpen, points);
    }
    parents_[z(s)].second = static_cast<int>(candidates_.size()) - begin;
}

// Set the piece of a unit that the points decide, or make it a candidate.
template <int D>
void Walk<D>::settle(int s, int k, std::uint16_t verdict, const Points &points) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    int lo = 0, hi = here.unit_pieces[z(k)] - 1;
    if (verdict != kOpen) {
        set_piece(s, k, verdict == 0 ? 0 : hi);
        return;
    }
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(k)];
    const double *row = b.map.data() + reads[0];
    if (const int f = here.unit_function[z(k)]; f >= 0) {
        const double *t = chain_.functions[z(f)].breakpoints.data();
        if (known(s, reads[0])) {
            while (lo < hi && row[D * b.ld] > t[lo]) ++lo;
            hi = lo;
        } else {
            narrow(t, range(row, b.ld, b.tolerance, points), lo, hi);
        }
    } else { // max: the reads that might win somewhere
        const std::vector<int> &open = contenders(s, k, points);
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
    Candidate c{k, lo, hi, {}};
    for (int i = 0; i <= D; ++i) c.row[i] = row[z(i) * b.ld];
    candidates_.push(c);
}

// Reads of a max unit that are not certainly below another read all over the points.
template <int D>
const std::vector<int> &Walk<D>::contenders(int s, int k, const Points &points) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(k)];
    double best = -std::numeric_limits<double>::infinity();
    ranges_.clear();
    for (int q = 0; q < here.unit_pieces[z(k)]; ++q) {
        ranges_.push_back(range(b.map.data() + reads[q], b.ld, b.tolerance, points));
        best = std::max(best, ranges_.back().low - ranges_.back().margin);
    }
    open_.clear();
    for (int q = 0; q < here.unit_pieces[z(k)]; ++q)
        if (!(ranges_[z(q)].high + ranges_[z(q)].margin < best)) open_.push_back(q);
    return open_;
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
    lines_.truncate(z(item.lines));
    candidates_.truncate(z(item.candidates));
    arena_.truncate(z(item.polygon + item.n));
    if (item.unit >= 0) set_piece(item.stage, item.unit, item.piece);
    Cell cell{item.polygon, item.n};
    bool smaller = item.list >= 0;
    for (;;) {
        const int s = item.stage;
        if (item.list < 0) {
            enter(s, cell);
            item.list = parents_[z(s)].first;
            item.length = parents_[z(s)].second;
            item.lo = -1;
            smaller = false;
        }
        const bool counting = s == last_ && counting_;
        while (item.length > 0) {
            if (smaller && item.length > kLongList && item.lo < 0)
                filter(s, cell, item.list, item.length, item.list, item.length);
            smaller = false;
            if (item.length == 0) break;
            const Candidate c = candidates_[item.list];
            const int f = stage(s).unit_function[z(c.unit)];
            if (f == kMax) {
                smaller = max_unit(item, cell, c);
                continue;
            }
            const double *t = chain_.functions[z(f)].breakpoints.data();
            int lo = item.lo >= 0 ? item.lo : c.lo, hi = c.hi;
            item.lo = -1;
            const int source = stage(s).unit_reads[z(static_cast<int>(stage(s).unit_start[z(c.unit)]))];
            while (lo < hi) {
                Line &g = *lines_.room(1); // in place: it is kept if it cuts
                set_line(g, {s, source, -1, t[lo]}, c.row, c.row[D] - t[lo], buffers_[z(s)]);
                const int signs = classify(cell, g);
                if (counting && item.length == 1 && lo + 1 == hi) { // no need to make the last two
                    counters.regions += (signs & 3) == 3 ? 2 : 1;
                    counters.splits += (signs & 3) == 3;
                    return;
                }
                if ((signs & 1) == 0) { // nowhere right of the breakpoint
                    hi = lo;
                } else if ((signs & 2) == 0) {
                    ++lo;
                } else {
                    branch(item, cell, c.unit, lo, hi, (signs & 4) != 0);
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

// Split the cell at a breakpoint of a unit, along the line just classified at the top of lines_: go
// on with one part, and let the other wait. `clear`: no vertex lies on the line.
template <int D>
void Walk<D>::branch(Item &item, Cell &cell, int unit, int lo, int hi, bool clear) {
    const int at = static_cast<int>(lines_.size());
    lines_.take(1);
    const std::int64_t id = counters.splits++;
    if (options_.polygons) cut_units.push_back(stage(item.stage).column_of[z(unit)]);
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

template <int D> void Walk<D>::emit(const Cell &cell) {
    ++counters.regions;
    if (options_.signs) emit_signs(cell);
    if (options_.patterns)
        columns.patterns.insert(columns.patterns.end(), pattern_.begin(), pattern_.end());
    if (options_.polygons) {
        columns.sizes.push_back(cell.n);
        for (int i = 0; i < cell.n; ++i) {
            const Vertex &v = arena_[cell.at + i];
            for (int c = 0; c < D; ++c) columns.points.push_back(v.p[c]);
            columns.edges.push_back(v.edge);
            if (D == 2) columns.places.push_back(v.from);
        }
    }
    if (options_.maps) {
        const Buffer &b = buffers_[z(last_)];
        counters.map_error = std::max(counters.map_error, b.tolerance);
        const int m = stage(last_).n_pre;
        for (int c = 0; c <= D; ++c)
            columns.maps.insert(columns.maps.end(), b.map.begin() + static_cast<std::ptrdiff_t>(z(c) * b.ld),
                                b.map.begin() + static_cast<std::ptrdiff_t>(z(c) * b.ld + z(m)));
    }
}

// The exact sign of the first output at the vertices, and the points inside sides where it is zero.
template <int D> void Walk<D>::emit_signs(const Cell &cell) {
    const Buffer &b = buffers_[z(last_)];
    double row[D + 1];
    for (int c = 0; c <= D; ++c) row[c] = b.map[z(c) * b.ld];
    Line &g = *lines_.room(1);
    set_line(g, {last_, 0, -1, 0.0}, row, row[D], b);
    if ((classify(cell, g) & 4) != 0) spell_signs(cell);
    columns.signs.insert(columns.signs.end(), signs_.begin(), signs_.begin() + cell.n);
    const int at = static_cast<int>(lines_.size());
    lines_.take(1);
    for (int i = 0; i < (D == 1 ? 1 : cell.n); ++i) {
        if (signs_[z(i)] * signs_[z(i + 1 < cell.n ? i + 1 : 0)] >= 0) continue;
        Vertex x = arena_[cell.at + i];
        meet(lines_[x.line], g, x);
        sharpen(x, x.line, at);
        columns.crossed.push_back(vertices_ + i);
        for (int c = 0; c < D; ++c) columns.crossings.push_back(x.p[c]);
    }
    lines_.truncate(z(at));
    vertices_ += cell.n;
}

// What unit k of stage s feeds into the next map on piece q; false where that is nothing.
template <int D> bool Walk<D>::feed(int s, int unit, int q, Feed &out) const {
    const Piece &piece = stage(s).piece(unit, q);
    const Buffer &b = buffers_[z(s)];
    const double *map = b.map.data() + piece.source;
    out.unit = unit;
    for (int c = 0; c <= D; ++c) out.row[c] = piece.slope * map[z(c) * b.ld];
    out.row[D] += piece.intercept;
    return (piece.slope != 0.0) | (piece.intercept != 0.0);
}

template <int D> void Walk<D>::full_product(int s) {
    const Stage &here = stage(s), &before = stage(s - 1);
    Buffer &b = buffers_[z(s)];
    const Buffer &input = buffers_[z(s - 1)];
    feeds_.resize(z(before.n_out));
    int n = 0;
    const std::uint16_t *piece = pieces_[z(s - 1)].data();
    for (int k = 0; k < before.n_out; ++k) n += feed(s - 1, k, piece[k], feeds_[z(n)]);
    product(here, D + 1, feeds_.data(), n, b.map.data(), b.ld);
    b.feeds = n;
    std::fill(b.row_feeds.begin(), b.row_feeds.end(), 0);
    if (!here.dense)
        for (int i = 0; i < n; ++i) count_feed(s, feeds_[z(i)].unit, 1);
    applied_[z(s - 1)] = pieces_[z(s - 1)];
    ++counters.products;
    work_ += 1e2 + (here.dense ? static_cast<double>(here.n_pre) * n
                               : static_cast<double>(here.row_value.size()));
    // |sum| <= bound for every partial sum; a sum of n products is off by at most (n + 1) kUnit of it
    const double size =
        magnitude(D + 1, before.n_pre, input.map.data(), input.ld, extent_) * (1 + 8 * kUnit) + input.error;
    b.bound = here.slope_norm * size + here.intercept_norm + here.bias_max;
    b.error = (here.slope_norm * input.error + (here.terms + 8) * kUnit * b.bound) * (1 + 1e-12);
    b.tolerance = b.error + 8 * kUnit * b.bound + DBL_MIN;
    b.age = 0;
    b.valid = true;
}

// Count a unit that begins or ends to feed rows of a map. A row that nothing feeds is its bias,
// exactly: what rounding has left of earlier feeds is removed.
template <int D> void Walk<D>::count_feed(int s, int unit, int change) {
    const Stage &here = stage(s);
    Buffer &b = buffers_[z(s)];
    const auto reset = [&](int row) {
        for (int c = 0; c < D; ++c) b.map[z(c) * b.ld + z(row)] = 0.0;
        b.map[D * b.ld + z(row)] = here.bias[z(row)];
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
template <int D> bool Walk<D>::known(int s, int pre) const {
    const Buffer &b = buffers_[z(s)];
    return s > 0 && (stage(s).dense ? b.feeds == 0 : b.row_feeds[z(pre)] == 0);
}

// Bring the map of stage s up to the pieces of the stage before.
template <int D> void Walk<D>::update(int s) {
    Buffer &b = buffers_[z(s)];
    if (!b.valid || b.age > kMaxAge) {
        full_product(s);
        return;
    }
    const auto [begin, n] = parents_[z(s - 1)];
    auto &applied = applied_[z(s - 1)];
    for (int i = begin; i < begin + n; ++i) {
        const int k = candidates_[i].unit;
        const std::uint16_t q = pieces_[z(s - 1)][z(k)];
        if (applied[z(k)] == q) continue;
        Feed now, then;
        const bool on = feed(s - 1, k, q, now), was = feed(s - 1, k, applied[z(k)], then);
        for (int c = 0; c <= D; ++c) now.row[c] -= then.row[c];
        rank_one(stage(s), D + 1, now, b.map.data(), b.ld);
        if (on != was) {
            b.feeds += on ? 1 : -1;
            count_feed(s, k, on ? 1 : -1);
        }
        applied[z(k)] = q;
        ++counters.updates;
        ++b.age;
        b.error += 8 * kUnit * b.bound;
        b.tolerance += 8 * kUnit * b.bound;
        work_ += stage(s).dense ? stage(s).n_pre : 100;
    }
}

template <int D>
void Walk<D>::set_line(Line &g, const Functional &f, const double *row, double constant,
                       const Buffer &b) const {
    double size = 0;
    for (int c = 0; c < D; ++c) {
        g.n[c] = row[c];
        size += std::fabs(row[c]);
    }
    const double error = f.minus < 0 ? b.tolerance : 2 * b.tolerance;
    g.size = size;
    g.c = constant;
    g.weak = size * extent_[0] < kSharp * b.bound;
    g.slack = error + 8 * kUnit * (std::fabs(constant) + size * extent_[0] + std::fabs(f.shift)) + DBL_MIN;
    g.facet = -1;
    g.f = f;
    g.exact = false;
}

// Signs of g at the vertices of the cell, into signs_, and values into values_. Returns 1 if some is
// positive, plus 2 if some is negative; plus 4 if none is zero and the cell has few vertices, and
// then positive_ has a bit for each vertex where g is positive.
template <int D> int Walk<D>::classify(const Cell &cell, const Line &g) {
    ++counters.tests;
    if (signs_.size() < z(cell.n)) {
        signs_.resize(z(2 * cell.n));
        values_.resize(z(2 * cell.n));
    }
    const Vertex *v = &arena_[cell.at];
    if (cell.n > 64) return classify_slowly(cell, g);
    std::uint64_t positive = 0, negative = 0;
    for (int i = 0; i < cell.n; ++i) { // no branches: signs are hard to predict
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v[i].p[c];
        const double margin = options_.filter * (g.slack + g.size * v[i].rho);
        values_[z(i)] = value;
        positive |= std::uint64_t{value > margin} << i;
        negative |= std::uint64_t{-value > margin} << i;
    }
    if ((positive | negative) != ~std::uint64_t{0} >> (64 - cell.n)) return classify_slowly(cell, g);
    positive_ = positive;
    return (positive != 0 ? 1 : 0) | (negative != 0 ? 2 : 0) | 4;
}

// The same where floating point leaves a sign open: the arbiter decides.
template <int D> int Walk<D>::classify_slowly(const Cell &cell, const Line &g) {
    int found = 0;
    Row exact;
    for (int i = 0; i < cell.n; ++i) {
        const Vertex &v = arena_[cell.at + i];
        double value = g.c;
        for (int c = 0; c < D; ++c) value += g.n[c] * v.p[c];
        values_[z(i)] = value;
        int sign = value > 0 ? 1 : -1;
        if (!(std::fabs(value) > options_.filter * (g.slack + g.size * v.rho))) {
            ++arbiter_.asked;
            if (exact.empty()) {
                exact = arbiter_.functional(g.f);
                if (zero(exact)) { // tied on the whole cell
                    std::fill(signs_.begin(), signs_.end(), static_cast<signed char>(0));
                    std::fill(values_.begin(), values_.end(), 0.0);
                    return 0;
                }
            }
            std::vector<const Row *> lines;
            if (D == 2) lines.push_back(&exact_row(arena_[cell.at + (i + cell.n - 1) % cell.n].line));
            lines.push_back(&exact_row(v.line));
            sign = sign_at(lines, exact);
        }
        signs_[z(i)] = static_cast<signed char>(sign);
        found |= sign > 0 ? 1 : sign < 0 ? 2 : 0;
    }
    return found;
}

template <int D> const Row &Walk<D>::exact_row(int index) {
    if (rows_.size() < lines_.size()) rows_.resize(lines_.capacity());
    Line &side = lines_[index];
    Row &row = rows_[z(index)];
    if (!side.exact) {
        if (side.facet >= 0) {
            row.assign(D + 1, Dyadic());
            for (int c = 0; c < D; ++c) row[z(c)] = Dyadic(side.n[c]);
            row[D] = Dyadic(side.c);
        } else {
            row = arbiter_.functional(side.f);
        }
        side.exact = true;
    }
    return row;
}

// The point where two lines meet (D = 1: where the second one vanishes). With residuals of at most
// slack on both, Cramer's rule bounds how far it is from the exact point.
template <int D> void Walk<D>::meet(const Line &a, const Line &b, Vertex &v) const {
    if constexpr (D == 1) {
        v.p[0] = -b.c / b.n[0];
        v.rho = b.slack / b.size;
    } else {
        const double det = a.n[0] * b.n[1] - b.n[0] * a.n[1];
        v.p[0] = (a.n[1] * b.c - b.n[1] * a.c) / det;
        v.p[1] = (a.c * b.n[0] - b.c * a.n[0]) / det;
        const double certain = std::fabs(det) - 4 * kUnit * a.size * b.size;
        v.rho = certain > 1e-290 ? (b.size * a.slack + a.size * b.slack) / certain
                                 : std::numeric_limits<double>::infinity();
    }
}

// Compute an ill-conditioned vertex anew from the exact rows of its lines, where it is written out.
template <int D> void Walk<D>::sharpen(Vertex &v, int a, int b) {
    if (!options_.polygons) return;
    const Line &f = lines_[a], &g = lines_[b];
    const bool apart =
        D == 1 || std::fabs(f.n[0] * g.n[D - 1] - g.n[0] * f.n[D - 1]) > kSharp * f.size * g.size;
    if (apart && !f.weak && !g.weak) return;
    ++arbiter_.asked;
    const Row p = exact_row(a); // a copy: the next call may move it
    const Row &q = exact_row(b);
    if constexpr (D == 1) {
        v.p[0] = -Dyadic::ratio(q[1], q[0]);
    } else {
        const auto minor = [&](std::size_t i, std::size_t j) {
            Dyadic d;
            d.add_product(p[i], q[j]);
            d.add_product(p[j], q[i], true);
            return d;
        };
        const Dyadic det = minor(0, 1);
        v.p[0] = Dyadic::ratio(minor(1, 2), det);
        v.p[1] = Dyadic::ratio(minor(2, 0), det);
    }
    v.rho = 16 * kUnit * extent_[0];
}

// Where to divide the side that starts at `v`, at this share of its length, among the places along
// its cut: side 0 of a cut runs along it, side 1 against it. Leaves room on both parts for more.
template <int D> std::uint64_t Walk<D>::middle(const Vertex &v, double share) {
    if (v.edge < 0) return 0;
    const std::uint64_t width = v.to - v.from;
    if (width < 2) {
        ++counters.crowded;
        return v.from;
    }
    const std::uint64_t room = std::min(width / 2, std::uint64_t{1} << 12);
    std::uint64_t step = width / 2;
    if (!options_.halve && share > 0 && share < 1) { // 1 - share may round to 1: subtract integers
        step = static_cast<std::uint64_t>(static_cast<double>(width) * share);
        if ((v.edge & 1) != 0) step = width - step;
    }
    return v.from + std::min(std::max(step, room), width - room);
}

// Keep the part of a side before its middle (as the polygon runs), or the one after it.
template <int D> void Walk<D>::shorten(Vertex &v, std::uint64_t middle, bool before) {
    if (v.edge < 0) return;
    const bool along = (v.edge & 1) == 0;
    (along == before ? v.to : v.from) = middle;
}

template <int D> void Walk<D>::place(Vertex &v, const Vertex &at) {
    for (int c = 0; c < D; ++c) v.p[c] = at.p[c];
    v.rho = at.rho;
}

template <int D> void Walk<D>::continue_side(Vertex &v, const Vertex &from) {
    v.line = from.line;
    v.edge = from.edge;
    v.from = from.from;
    v.to = from.to;
}

template <int D> void Walk<D>::start_side(Vertex &v, int line, std::int64_t edge) {
    v.line = line;
    v.edge = edge;
    v.from = 0;
    v.to = ~std::uint64_t{0};
}

template <int D> void Walk<D>::spell_signs(const Cell &cell) {
    for (int i = 0; i < cell.n; ++i)
        signs_[z(i)] = (positive_ >> i & 1) != 0 ? 1 : -1;
}

// Both parts of a cell along line `g`, which meets no vertex; positive_ has the signs. The second
// part lies below the first in the arena. `edge` is the cut's number on its positive side.
template <int D>
void Walk<D>::split(const Cell &cell, int g, bool plus_first, std::int64_t edge, Cell &first,
                    Cell &second) {
    const int n = cell.n;
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - n);
    const std::uint64_t before = (positive_ << 1 | positive_ >> (n - 1)) & all; // sign of vertex i - 1
    // the positive run is up..down - 1, cyclically
    const int up = __builtin_ctzll(positive_ & ~before), down = __builtin_ctzll(~positive_ & before);
    Vertex *made = arena_.room(z(n + 4));
    const Vertex *old = &arena_[cell.at];
    const int enter = up > 0 ? up - 1 : n - 1, leave = down > 0 ? down - 1 : n - 1;
    // the two new vertices, and where they divide the sides that they lie on
    Vertex a, b;
    meet(lines_[old[enter].line], lines_[g], a);
    meet(lines_[old[leave].line], lines_[g], b);
    sharpen(a, old[enter].line, g);
    sharpen(b, old[leave].line, g);
    std::uint64_t middle_a = 0, middle_b = 0;
    if (options_.polygons) {
        const auto share = [&](int i, int j) {
            const double here = std::fabs(values_[z(i)]), there = std::fabs(values_[z(j)]);
            return here / (here + there);
        };
        middle_a = middle(old[enter], share(enter, up));
        middle_b = middle(old[leave], share(leave, down));
    }
    const auto part = [&](bool plus, Vertex *to) {
        const int from = plus ? up : down, start = plus ? enter : leave, last = plus ? leave : enter;
        const int count = last >= from ? last - from + 1 : last - from + 1 + n;
        place(*to, plus ? a : b);
        continue_side(*to, old[start]);
        shorten(*to++, plus ? middle_a : middle_b, false);
        for (int i = 0, k = from; i < count; ++i) {
            *to++ = old[k];
            k = k + 1 < n ? k + 1 : 0;
        }
        shorten(to[-1], plus ? middle_b : middle_a, true);
        place(*to, plus ? b : a);
        start_side(*to, g, plus ? edge : edge + 1);
        return count + 2;
    };
    second.at = static_cast<int>(arena_.size());
    second.n = part(!plus_first, made);
    first.at = second.at + second.n;
    first.n = part(plus_first, made + second.n);
    arena_.take(z(first.n + second.n));
}

// The part of the cell where line `g` is positive (or negative), by the signs in signs_; it lies at
// the top of the arena. New vertices are where the cell's sides meet g.
template <int D>
void Walk<D>::cut(const Cell &cell, int g, bool plus, std::int64_t edge, Cell &out) {
    out.at = static_cast<int>(arena_.size());
    const int side = plus ? 1 : -1;
    const Line &line = lines_[g];
    Vertex *made = arena_.room(z(cell.n + 1)); // at most one vertex more than the cell has
    const Vertex *old = &arena_[cell.at];
    Vertex *next = made;
    if constexpr (D == 1) {
        Vertex x{};
        meet(line, line, x);
        sharpen(x, g, g);
        x.line = g;
        x.edge = edge;
        const bool left = side * signs_[0] > 0;
        *next++ = left ? old[0] : x;
        *next++ = left ? x : old[1];
    } else {
        int sign = side * signs_[0];
        for (int i = 0; i < cell.n; ++i) {
            const int j = i + 1 < cell.n ? i + 1 : 0, following = side * signs_[z(j)];
            if (sign > 0) {
                *next++ = old[i];
            } else if (sign == 0 && following != 0) {
                *next = old[i];
                if (following < 0) start_side(*next, g, edge);
                ++next;
            }
            if (sign * following < 0) {
                *next = old[i];
                meet(lines_[old[i].line], line, *next);
                sharpen(*next, old[i].line, g);
                if (options_.polygons) {
                    const double here = std::fabs(values_[z(i)]), there = std::fabs(values_[z(j)]);
                    const std::uint64_t at = middle(old[i], here / (here + there));
                    shorten(sign > 0 ? next[-1] : *next, at, sign > 0);
                }
                if (sign > 0) start_side(*next, g, edge);
                ++next;
            }
            sign = following;
        }
    }
    out.n = static_cast<int>(next - made);
    arena_.take(z(out.n));
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
        Line &g = *lines_.room(1);
        set_line(g, {s, read(winner), read(rival), 0.0}, row, row[D], b);
        const int found = classify(part, g), signs = found & 3;

        if (signs == 0 ? rival < winner : (signs & 1) == 0) return {cell.at, 0};
        if ((signs & 2) == 0) continue;
        std::int64_t &id = ids[z(std::min(winner, rival) * reads + std::max(winner, rival))];
        if (id < 0) {
            id = counters.splits++;
            if (options_.polygons) cut_units.push_back(here.column_of[z(c.unit)]);
        }
        const int at = static_cast<int>(lines_.size());
        lines_.take(1);
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
    for (const int q : contenders(s, c.unit, points)) { // of several identical reads the first counts
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
        lines_.truncate(lines);
        if (options_.polygons) cut_units.resize(z(static_cast<int>(splits)));
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
            Vertex *copy = arena_.room(2);
            copy[0] = arena_[part.second.at];
            copy[1] = arena_[part.second.at + 1];
            part.second.at = static_cast<int>(arena_.size());
            arena_.take(2);
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

template class Walk<1>;
template class Walk<2>;

} // namespace plica

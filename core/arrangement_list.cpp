// The parts into which hyperplanes divide a polytope, one by one. Part of arrangement.cpp.
#include "arrangement.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <type_traits>

#include "bits.hpp"
#include "walk_common.hpp"

namespace plica {
namespace {

// At least 1 / v, and hardly more, for v from DBL_MIN to 1e300.
INLINE Vec inverse_of(const Vec &v) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_maskz_rcp14_pd(0xff, reinterpret_cast<__m512d>(v))) * (1 + 0x1p-13);
#else
    return (1 + 0x1p-50) / v;
#endif
}

} // namespace

int Arrangement::list(const double *middle, double inside, double least) {
    found_ = 0;
    limit_ = z(most_[n_]);
    const std::size_t room = limit_ + (std::size_t{1} << dim_); // what is found around one more point is looked at
    if (signs_.size() < room) {
        signs_.resize(room);
        points_.resize(room * dim_ + kVec);
    }
    if (marks_.size() < std::size_t{1} << n_) marks_.resize(std::size_t{1} << n_);
    least_ = least;
    for (std::size_t k = 0; k < z(kVec); ++k) columns_[k] = static_cast<std::uint32_t>(k < dim_ ? k * levels_[0].ld : 0);
    const Point from{load(middle), 1 / inside};
    if (n_ < 2) return n_ == levels_[0].cuts && halves(from) ? n_ + 1 : 0;
    std::int64_t count = 0;
    const bool certain = list(0, from, count) && count == static_cast<std::int64_t>(found_);
    char *marks = marks_.data();
    const std::uint32_t *signs = signs_.data();
    for (std::size_t i = 0, n = found_; i < n; ++i) marks[signs[i]] = 0;
    return certain ? static_cast<int>(found_) : 0;
}

// The values of all functionals at a point.
INLINE void Arrangement::values_at(const Vec &at, double *values) const {
    const double *x = reinterpret_cast<const double *>(&at), *rows = rows_.data();
    for (int b = 0; b < n_; b += kVec) {
        Vec sum = load(rows + dim_ * kMost + z(b));
        for (std::size_t k = 0; k < dim_; ++k) sum += load(rows + k * kMost + z(b)) * x[k];
        store(values + b) = sum;
    }
}

bool Arrangement::list(std::size_t depth, const Point &from, std::int64_t &count) {
    Level &here = levels_[depth];
    count += 1 + here.cuts;
    std::uint32_t met = 0; // hyperplanes that meet others
    if (here.cuts == 0) return around(0, from); // the whole: no level below is left without cuts
    Point to;
    alignas(64) double values[kMost];
    values_at(from.at, values);
    if (here.dim == 1) {
        if (!distinct(here)) return false;
    } else if (here.cuts > 1) {
        find_edges(here);
        for (int i = 1; i < here.cuts; ++i) {
            Level &part = levels_[depth + 1];
            if (!section(here, i, part)) return false;
            if (part.cuts == 0) continue;
            met |= part.ids | std::uint32_t{1} << here.id[i];
            leave(depth, here.id[i]);
            crossing(depth, i, from, values[here.id[i]], to);
            if (!list(depth + 1, to, count)) return false;
            --count;
        }
    }
    for (std::uint32_t rest = here.ids & ~met; rest != 0; rest &= rest - 1) {
        const int id = first_bit(rest);
        leave(depth, id);
        crossing(depth, here.cut[id], from, values[id], to);
        if (!around(depth + 1, to)) return false;
    }
    return true;
}

// The whole, or the parts on the sides of a hyperplane: a point of the whole lies in one, and one half way from the
// hyperplane to a vertex on the other side in the other.
bool Arrangement::halves(Point from) {
    double *points = points_.data();
    if (!(from.tight * least_ < 1)) return false;
    store(points) = from.at;
    signs_[0] = 0;
    if (n_ == 0) return true;
    const auto value = [&](const Vec &x) { return sum_of(load(normals_.data()) * x) + rows_[dim_ * kMost]; };
    const double least = rows_[(dim_ + 1) * kMost], here = value(from.at);
    if (!(std::fabs(here) > least)) return false;
    Vec place;
    const double other = opposite(0, 0, here, place), share = 0.5 + 0.5 * here / (here - other);
    const Vec to = from.at + share * (place - from.at);
    const double there = value(to);
    signs_[0] = here > 0;
    signs_[1] = !signs_[0];
    spill(points + dim_, to);
    return from.tight * least_ < 1 - share && std::fabs(there) > least && (here > 0) != (there > 0);
}

// Where a vertex of a level lies; numbers behind the coordinates mean nothing.
void Arrangement::vertex(std::size_t depth, std::size_t v, Vec &place) const {
    const auto top = [&](std::size_t u) __attribute__((always_inline)) { return gather(levels_[0].points + u, columns_); };
    if (depth == 0) {
        place = top(v);
        return;
    }
    const Level &here = levels_[depth];
    const std::size_t u = here.ends[v], w = here.ends[here.ld + v];
    Vec to;
    if (depth == 1) {
        place = top(u);
        to = top(w);
    } else {
        vertex(depth - 1, u, place);
        vertex(depth - 1, w, to);
    }
    place += here.share[v] * (to - place);
}

// A vertex of a level on the other side of a hyperplane than a point where its functional has this value: the value there.
double Arrangement::opposite(std::size_t depth, int cut, double value, Vec &place) const {
    const Level &here = levels_[depth];
    const Word *above = here.above.data() + z(cut * here.words);
    const Word flip = -static_cast<Word>(value > 0); // no branch: it could go either way
    for (int w = 0;; ++w) {                          // there is one
        const Word side = (above[w] ^ flip) & all_below(here.n, w);
        if (side == 0) continue;
        const std::size_t v = z(64 * w + first_bit(side));
        vertex(depth, v, place);
        return here.values[z(cut) * here.ld + v];
    }
}

// Where the way from a point of a level to a vertex on the other side of a hyperplane, whose functional has this value at
// the point, crosses it. A share of a ball around the point, within the polytope, is one around the crossing.
void Arrangement::crossing(std::size_t depth, int cut, const Point &from, double value, Point &to) const {
    Vec place;
    const double other = opposite(depth, cut, value, place), gap = value - other;
    to.at = from.at + value / gap * (place - from.at);
    to.tight = from.tight * std::fabs(gap / other);
}

// Restrict the next level to one more hyperplane: the ways off the hyperplanes of that level, along each of which the
// others do not change; each within the span of the rows (coordinates in units of their extents).
CLONES void Arrangement::leave(std::size_t depth, int id) {
    const Way *before = ways(depth);
    Way *after = ways_.data() + (depth + 1) * kDim;
    const Vec row = load(normals_.data() + id * kVec);
    double change[kDim];
    Vec normal = row;
    for (std::size_t d = 0; d < depth; ++d) {
        change[d] = sum_of(row * before[d].way);
        normal -= change[d] * load(normals_.data() + before[d].id * kVec);
    }
    const Vec scaled = normal * load(squares_.data());
    const Vec way = 1 / sum_of(scaled * normal) * scaled;
    for (std::size_t d = 0; d < depth; ++d) after[d] = {before[d].way - change[d] * way, before[d].id};
    after[depth] = {way, id};
}

// The parts around a point that lies on the n hyperplanes of a level, on all sides of them: off each one by a step so
// short that all steps together change no other functional by more than half, and take up no more than half of the ball
// around the point that is certainly in the polytope.
template <int D, int B> INLINE bool Arrangement::around_in(std::size_t n, const Point &point) {
    const Way *off = ways(n);
    std::uint32_t through = 0;
    for (std::size_t d = 0; d < n; ++d) through |= std::uint32_t{1} << off[d].id;
    if (!(point.tight * least_ < 1)) return false;
    // how the values of eight rows from one on change with a point
    const auto along = [](const double *rows, const double *x) __attribute__((always_inline)) {
        Vec sum = load(rows) * x[0];
        for (int k = 1; k < D; ++k) sum += load(rows + k * kMost) * x[k];
        return sum;
    };
    const auto numbers = [](const Vec &v) { return reinterpret_cast<const double *>(&v); };
    Vec inverse[B], moved[B]; // zero for the hyperplanes themselves
    std::uint32_t base = 0;
    const std::uint32_t unused = ~((std::uint32_t{1} << n_) - 1);
    for (int b = 0; b < B; ++b) {
        const double *rows = rows_.data() + b * kVec;
        const Vec value = along(rows, numbers(point.at)) + load(rows + D * kMost), size = absolute(value);
        const std::uint32_t own = (through | unused) >> (b * kVec) & 0xff;
        if ((above(size, load(rows + (D + 1) * kMost)) | own) != 0xff) return false;
        base |= static_cast<std::uint32_t>(above(value, Vec{})) << (b * kVec);
        inverse[b] = among(~own, inverse_of(size));
        moved[b] = size;
    }
    base &= ~(through | unused);
    Vec places[std::size_t{1} << D], moves[D];
    alignas(64) double own[D][kMost];
    double step[D];
    places[0] = point.at;
    const Vec tight = point.tight * load(inverse_.data());
    for (std::size_t d = 0; d < n; ++d) {
        const Vec &way = off[d].way;
        Vec most = absolute(way) * tight, guard = most;
        for (int b = 0; b < B; ++b) {
            const Vec change = along(rows_.data() + b * kVec, numbers(way)), share = absolute(change) * inverse[b];
            store(own[d] + b * kVec) = change;
            most = most < share ? share : most;
            guard += share; // not a number, if one of them is not
        }
        if (above(Vec{} + DBL_MAX, guard) != 0xff) return false;
        step[d] = 0.5 / (static_cast<double>(n) * largest(most));
        places[0] -= step[d] * way;
        moves[d] = 2 * step[d] * way;
        for (int b = 0; b < B; ++b) moved[b] += step[d] * absolute(load(own[d] + b * kVec));
    }
    alignas(64) double all[kMost];
    for (int b = 0; b < B; ++b) store(all + b * kVec) = moved[b] + load(rows_.data() + (D + 1) * kMost + b * kVec);
    for (std::size_t d = 0; d < n; ++d) // what a step off a hyperplane changes there is more than all the rest
        if (!(2 * step[d] * own[d][off[d].id] > all[off[d].id])) return false;
    std::uint32_t signs[std::size_t{1} << D]; // the first part is below all hyperplanes
    std::uint32_t *to = signs_.data();
    double *points = points_.data();
    char *marks = marks_.data();
    std::size_t next = found_;
    const auto note = [&](std::size_t i) __attribute__((always_inline)) {
        spill(points + next * D, places[i]);
        to[next] = signs[i];
        next += marks[signs[i]] == 0 ? 1 : 0;
        marks[signs[i]] = 1;
    };
    signs[0] = base;
    note(0);
    for (std::size_t i = 1; i < std::size_t{1} << n; ++i) {
        const std::size_t d = z(first_bit(i)), before = i & (i - 1);
        places[i] = places[before] + moves[d];
        signs[i] = signs[before] | std::uint32_t{1} << off[d].id;
        note(i);
    }
    found_ = next;
    return found_ <= limit_;
}

CLONES bool Arrangement::around(std::size_t n, const Point &point) {
    const auto in = [&](auto dim) __attribute__((always_inline)) {
        constexpr int D = decltype(dim)::value;
        return n_ <= kVec ? around_in<D, 1>(n, point) : around_in<D, 2>(n, point);
    };
    switch (dim_) {
    case 1: return in(std::integral_constant<int, 1>{});
    case 2: return in(std::integral_constant<int, 2>{});
    case 3: return in(std::integral_constant<int, 3>{});
    case 4: return in(std::integral_constant<int, 4>{});
    case 5: return in(std::integral_constant<int, 5>{});
    default: return in(std::integral_constant<int, 6>{});
    }
}

} // namespace plica

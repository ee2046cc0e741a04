// The parts into which hyperplanes divide a polytope, one by one. Part of arrangement.cpp.
#include "arrangement.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

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

int Arrangement::list() {
    found_ = 0;
    if (dim_ > kDim) return 0;
    if (marks_.size() < std::size_t{1} << n_) marks_.resize(std::size_t{1} << n_);
    Level &top = levels_[0];
    if (top.places.size() < z(top.n * kVec)) top.places.resize(2 * z(top.n * kVec), 0.0);
    for (std::size_t k = 0; k < dim_; ++k)
        for (std::size_t v = 0; v < z(top.n); ++v) top.places[v * kVec + k] = top.points[k * top.ld + v];
    find_mean({top.dim, top.n, top.points, top.ld}, top.middle.data());
    std::int64_t count = 0;
    const bool certain = list(0, count) && count == static_cast<std::int64_t>(found_);
    char *marks = marks_.data();
    const std::uint32_t *signs = signs_.data();
    for (std::size_t i = 0, n = found_; i < n; ++i) marks[signs[i]] = 0;
    return certain ? static_cast<int>(found_) : 0;
}

bool Arrangement::list(std::size_t depth, std::int64_t &count) {
    Level &here = levels_[depth];
    count += 1 + here.cuts;
    std::uint32_t met = 0; // hyperplanes that meet others
    if (here.cuts == 0) return around(0, load(here.middle.data())); // the whole: no level below is left without cuts
    if (here.dim == 1) {
        if (!distinct(here)) return false;
    } else if (here.cuts > 1) {
        find_edges(here);
        for (int i = 1; i < here.cuts; ++i) {
            Level &part = levels_[depth + 1];
            if (!section(here, i, part, true)) return false;
            if (part.cuts == 0) continue;
            met |= std::uint32_t{1} << here.id[i];
            for (int j = 0; j < part.cuts; ++j) met |= std::uint32_t{1} << part.id[j];
            leave(depth, here.id[i]);
            if (!list(depth + 1, count)) return false;
            --count;
        }
    }
    for (int i = 0; i < here.cuts; ++i) {
        if ((met >> here.id[i] & 1) != 0) continue;
        leave(depth, here.id[i]);
        Vec point;
        crossing(here, i, point);
        if (!around(depth + 1, point)) return false;
    }
    return true;
}

// Where the way from the middle of a level to a vertex on the other side of a hyperplane crosses it.
void Arrangement::crossing(const Level &here, int cut, Vec &point) const {
    const Vec &from = load(here.middle.data());
    point = from;
    const int id = here.id[cut];
    const double value = sum_of(load(normals_.data() + id * kVec) * from) + rows_[dim_ * kMost + z(id)];
    const Word *above = here.above.data() + z(cut * here.words);
    for (int w = 0; w < here.words; ++w) {
        const Word side = (value > 0 ? ~above[w] : above[w]) & all_below(here.n, w);
        if (side == 0) continue;
        const int v = 64 * w + first_bit(side);
        const double other = here.values[z(cut) * here.ld + z(v)];
        point = from + value / (value - other) * (load(here.places.data() + v * kVec) - from);
        return;
    }
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
    const Vec way = scaled / sum_of(scaled * normal);
    for (std::size_t d = 0; d < depth; ++d) after[d] = {before[d].way - change[d] * way, before[d].id};
    after[depth] = {way, id};
}

// The parts around a point that lies on the n hyperplanes of a level, on all sides of them: off each one by a step so
// short that all steps together change no other functional by more than half.
template <int D> INLINE bool Arrangement::around_in(std::size_t n, const Vec &point) {
    const Way *off = ways(n);
    std::uint32_t through = 0;
    for (std::size_t d = 0; d < n; ++d) through |= std::uint32_t{1} << off[d].id;
    alignas(64) double p[kVec];
    store(p) = point;
    // how the values of eight rows from one on change with a point
    const auto along = [&](const double *rows, std::size_t ld, const double *x) __attribute__((always_inline)) {
        Vec sum = load(rows) * x[0];
        for (int k = 1; k < D; ++k) sum += load(rows + z(k) * ld) * x[k];
        return sum;
    };
    Vec values[kMost / kVec], inverse[(kMost + kWalls) / kVec]; // zero for the hyperplanes themselves
    int b = 0;
    std::uint32_t base = 0;
    const std::uint32_t unused = ~((std::uint32_t{1} << n_) - 1);
    for (; b * kVec < n_; ++b) {
        const double *rows = rows_.data() + b * kVec;
        values[b] = along(rows, kMost, p) + load(rows + D * kMost);
        const Vec size = absolute(values[b]);
        const std::uint32_t own = (through | unused) >> (b * kVec) & 0xff;
        if ((above(size, load(rows + (D + 1) * kMost)) | own) != 0xff) return false;
        base |= static_cast<std::uint32_t>(above(values[b], Vec{})) << (b * kVec);
        inverse[b] = among(~own, inverse_of(size));
    }
    base &= ~(through | unused);
    const int blocks = b;
    for (int w = 0; w < n_walls_; w += kVec, ++b) {
        const double *rows = walls_.data() + w;
        const Vec value = along(rows, kWalls, p) + load(rows + D * kWalls);
        const std::uint32_t beyond = n_walls_ - w < kVec ? 0xff & ~((1u << (n_walls_ - w)) - 1) : 0;
        if ((above(value, load(rows + (D + 1) * kWalls)) | beyond) != 0xff) return false;
        inverse[b] = among(~beyond, inverse_of(value));
    }
    const std::size_t found = std::size_t{1} << n;
    if (signs_.size() < found_ + found) {
        signs_.resize(2 * (found_ + found));
        points_.resize(signs_.size() * kVec);
    }
    Vec places[std::size_t{1} << D], moves[D] = {}, moved[kMost / kVec] = {};
    alignas(64) double own[D][kMost];
    double step[D] = {};
    for (int i = 0; i < blocks; ++i) moved[i] = absolute(values[i]);
    places[0] = point;
    for (std::size_t d = 0; d < n; ++d) {
        alignas(64) double way[kVec];
        store(way) = off[d].way;
        Vec most = absolute(off[d].way) * load(inverse_.data()), guard = most;
        const auto note = [&](const Vec &share) __attribute__((always_inline)) {
            most = most < share ? share : most;
            guard += share; // not a number, if one of them is not
        };
        for (int i = 0; i < blocks; ++i) {
            const Vec change = along(rows_.data() + i * kVec, kMost, way);
            store(own[d] + i * kVec) = change;
            note(absolute(change) * inverse[i]);
        }
        for (int i = blocks; i < b; ++i)
            note(absolute(along(walls_.data() + (i - blocks) * kVec, kWalls, way)) * inverse[i]);
        if (above(Vec{} + DBL_MAX, guard) != 0xff) return false;
        step[d] = 0.5 / (static_cast<double>(n) * largest(most));
        moves[d] = step[d] * off[d].way;
        places[0] -= moves[d];
        for (int i = 0; i < blocks; ++i) moved[i] += step[d] * absolute(load(own[d] + i * kVec));
    }
    alignas(64) double all[kMost];
    for (int i = 0; i < blocks; ++i) store(all + i * kVec) = moved[i] + load(rows_.data() + (D + 1) * kMost + i * kVec);
    for (std::size_t d = 0; d < n; ++d) // what a step off a hyperplane changes there is more than all the rest
        if (!(2 * step[d] * own[d][off[d].id] > all[off[d].id])) return false;
    std::uint32_t signs[std::size_t{1} << D]; // the first part is below all hyperplanes
    signs[0] = base;
    for (std::size_t d = 0; d < n; ++d)
        for (std::size_t i = 0; i < std::size_t{1} << d; ++i) {
            places[i | std::size_t{1} << d] = places[i] + 2 * moves[d];
            signs[i | std::size_t{1} << d] = signs[i] | std::uint32_t{1} << off[d].id;
        }
    std::uint32_t *to = signs_.data();
    double *points = points_.data();
    char *marks = marks_.data();
    std::size_t next = found_;
    for (std::size_t i = 0; i < found; ++i) {
        store(points + next * kVec) = places[i];
        to[next] = signs[i];
        next += marks[signs[i]] == 0 ? 1 : 0;
        marks[signs[i]] = 1;
    }
    found_ = next;
    return true;
}

CLONES bool Arrangement::around(std::size_t n, const Vec &point) {
    switch (dim_) {
    case 1: return around_in<1>(n, point);
    case 2: return around_in<2>(n, point);
    case 3: return around_in<3>(n, point);
    case 4: return around_in<4>(n, point);
    case 5: return around_in<5>(n, point);
    default: return around_in<6>(n, point);
    }
}

} // namespace plica

#include "arrangement.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "bits.hpp"
#include "lanes.hpp"
#include "walk_common.hpp"

namespace plica {
namespace {

template <class T> void reserve(T &items, std::size_t n) {
    if (items.size() < n) items.resize(2 * n);
}

INLINE Vec gather(const double *row, const std::uint32_t *at) {
#if defined(__AVX512F__)
    const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
    return reinterpret_cast<Vec>(_mm512_i32gather_pd(places, row, 8));
#else
    Vec v{};
    for (int i = 0; i < kVec; ++i) v[i] = row[at[i]];
    return v;
#endif
}

// v + i for an i with values[i] == x, else what was found before.
INLINE std::size_t place_of(const Vec &values, double x, std::size_t v, std::size_t before) {
#if defined(__AVX512F__)
    const auto equal = _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(values), _mm512_set1_pd(x), _CMP_EQ_OQ);
    return equal != 0 ? v + z(__builtin_ctz(equal)) : before;
#else
    for (int i = 0; i < kVec; ++i)
        if (values[i] == x) return v + z(i);
    return before;
#endif
}

INLINE Vec larger(const Vec &a, const Vec &b) { return a > b ? a : b; }
INLINE Vec smaller(const Vec &a, const Vec &b) { return a < b ? a : b; }

// The edges whose ends lie on different sides. Returns how many.
std::size_t crossed(const std::uint32_t *edges, std::size_t n, const std::uint64_t *above, bool one_word,
                    std::uint32_t *to) {
    std::uint32_t *next = to;
#if defined(PLICA_COMPRESS)
    if (one_word) {
        const __m512i side = _mm512_set1_epi64(static_cast<long long>(*above));
        for (std::size_t i = 0; i < n; i += 8) {
            const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(edges + i));
            const __m512i wide = _mm512_cvtepu32_epi64(pairs);
            const __m512i u = _mm512_srlv_epi64(side, _mm512_srli_epi64(wide, 16));
            const __m512i w = _mm512_srlv_epi64(side, _mm512_and_epi64(wide, _mm512_set1_epi64(0xffff)));
            __mmask8 hit = _mm512_test_epi64_mask(_mm512_xor_epi64(u, w), _mm512_set1_epi64(1));
            if (n - i < 8) hit = static_cast<__mmask8>(hit & ((1u << (n - i)) - 1));
            _mm256_storeu_si256(reinterpret_cast<__m256i *>(next), _mm256_maskz_compress_epi32(hit, pairs));
            next += count_bits(hit);
        }
        return static_cast<std::size_t>(next - to);
    }
#else
    (void)one_word;
#endif
    const auto side = [&](std::uint32_t v) { return above[v / 64] >> (v % 64) & 1; };
    for (std::size_t i = 0; i < n; ++i) {
        *next = edges[i];
        next += side(edges[i] >> 16) != side(edges[i] & 0xffff);
    }
    return static_cast<std::size_t>(next - to);
}

struct Crossings {
    const std::uint32_t *u, *w; // ends of the edges
    double *share, *reach;      // of the way from u to w; how far the true crossing may be from there
    std::size_t n;              // padded to a multiple of eight
};

// Where a functional vanishes on the edges, whose values are within `error`: A / (A - B) differs from
// a / (a - b) by at most error / (A - B). Returns the largest reach; a negative number where that is not known.
CLONES double find_crossings(const double *values, double error, const Crossings &at) {
    Vec least = Vec{} + DBL_MAX, most{};
    for (std::size_t i = 0; i < at.n; i += kVec) {
        const Vec a = gather(values, at.u + i), b = gather(values, at.w + i), gap = a - b;
        const Vec certain = absolute(gap) * (1 - 4 * kUnit) - 2 * error;
        const Vec reach = error / certain + 8 * kUnit;
        store(at.share + i) = a / gap;
        store(at.reach + i) = reach;
        least = smaller(least, certain);
        most = larger(most, reach);
    }
    double smallest = least[0], largest = most[0];
    for (int i = 1; i < kVec; ++i) {
        smallest = std::min(smallest, least[i]);
        largest = std::max(largest, most[i]);
    }
    return smallest > 0 && largest < 1 ? largest : -1;
}

// Another functional's values there. Returns the largest move that the reach allows.
CLONES double interpolate(const double *values, const Crossings &at, double *to) {
    Vec most{};
    for (std::size_t i = 0; i < at.n; i += kVec) {
        const Vec a = gather(values, at.u + i), step = gather(values, at.w + i) - a;
        store(to + i) = a + load(at.share + i) * step;
        most = larger(most, load(at.reach + i) * absolute(step));
    }
    double largest = most[0];
    for (int i = 1; i < kVec; ++i) largest = std::max(largest, most[i]);
    return largest;
}

// Which of n values are certainly positive; whether all others are certainly negative.
CLONES bool sides(const double *values, int n, double error, std::uint64_t *above) {
    bool certain = true;
    for (int first = 0; first < n; first += 64, ++above) {
        const int end = std::min(n, first + 64);
        std::uint64_t up = 0, down = 0;
        for (int v = first; v < end; v += kVec) {
            const Vec x = load(values + v);
            up |= plica::above(x, Vec{} + error) << (v - first);
            down |= plica::above(Vec{} - error, x) << (v - first);
        }
        const std::uint64_t all = all_below(n, first / 64);
        certain = certain && ((up | down) & all) == all;
        *above = up & all;
    }
    return certain;
}

// The first vertex in a set, given word by word; -1: none.
template <class Set> int first_of(int n, const Set &set) {
    for (int w = 0; w < words_of(n); ++w) {
        const std::uint64_t members = set(w) & all_below(n, w);
        if (members != 0) return 64 * w + first_bit(members);
    }
    return -1;
}

} // namespace

void Arrangement::begin(const Cloud &vertices, const Word *facets) {
    n_ = 0;
    dim_ = z(vertices.dim);
    if (levels_.size() < dim_ + 1) levels_.resize(dim_ + 1);
    sides_.resize(levels_.size());
    if (rows_.size() < (dim_ + 1) * kMost) rows_.assign((dim_ + 1) * kMost, 0.0);
    slack_.resize(kMost, 0.0);
    Level &top = levels_[0];
    top.dim = vertices.dim;
    top.n = vertices.n;
    top.words = words_of(top.n);
    top.ld = vertices.ld;
    top.facets = facets;
    top.points = vertices.x;
    top.cuts = 0;
    top.n_edges = 0;
    reserve(top.above, z(kMost * top.words));
    reserve(top.values, kMost * top.ld);
}

bool Arrangement::add(const double *row, double constant, double error, double slack) {
    Level &top = levels_[0];
    const int id = n_++;
    for (std::size_t k = 0; k < dim_; ++k) rows_[k * kMost + z(id)] = row[k];
    rows_[dim_ * kMost + z(id)] = constant;
    slack_[z(id)] = slack;
    first_error_[id] = error;
    double *values = top.values.data() + z(top.cuts) * top.ld;
    Word below[64], *above = top.above.data() + z(top.cuts * top.words);
    if (top.words > 64) return false;
    evaluate({top.dim, top.n, top.points, top.ld}, row, constant, error, values, above, below);
    std::fill(values + top.n, values + top.ld, values[0]);
    return keep(top, id, error);
}

// Keep the values that stand behind the rows if the functional takes both signs. Whether that is certain.
bool Arrangement::keep(Level &here, int id, double error) {
    Word *above = here.above.data() + z(here.cuts * here.words);
    if (!sides(here.values.data() + z(here.cuts) * here.ld, here.n, error, above)) return false;
    int up = 0;
    for (int w = 0; w < here.words; ++w) up += count_bits(above[w]);
    if (up == 0 || up == here.n) return true;
    here.id[here.cuts] = id;
    if (&here == &levels_[0]) row_[id] = here.cuts;
    here.error[here.cuts] = error;
    ++here.cuts;
    return true;
}

void Arrangement::find_edges(Level &here) {
    while (indices_.size() < z(here.n) + kSpill) indices_.push_back(static_cast<std::uint32_t>(indices_.size()));
    here.n_edges = 0;
    for (int u = 1; u < here.n; ++u) {
        reserve(here.edges, here.n_edges + z(u) + kSpill);
        here.n_edges += join(here.facets[u], here.facets, indices_.data(), z(u), here.dim - 1,
                             static_cast<std::uint32_t>(u), here.edges.data() + here.n_edges);
    }
}

// The polytope where the functional of a cut vanishes, and the hyperplanes before that cut it.
bool Arrangement::section(const Level &here, int cut, Level &part, bool listing) {
    reserve(pairs_, here.n_edges + kSpill);
    const std::size_t n = crossed(here.edges.data(), here.n_edges, here.above.data() + z(cut * here.words),
                                  here.words == 1, pairs_.data());
    if (n == 0) return false;
    part.dim = here.dim - 1;
    part.n = static_cast<int>(n);
    part.words = words_of(part.n);
    part.ld = z(padded8(part.n));
    part.n_edges = 0;
    part.cuts = 0;
    reserve(ends_, 2 * part.ld);
    reserve(share_, 2 * part.ld);
    const Crossings at{ends_.data(), ends_.data() + part.ld, share_.data(), share_.data() + part.ld, part.ld};
    for (std::size_t i = 0; i < part.ld; ++i) {
        const std::uint32_t pair = pairs_[std::min(i, n - 1)];
        ends_[i] = pair >> 16;
        ends_[part.ld + i] = pair & 0xffff;
    }
    const double reach = find_crossings(here.values.data() + z(cut) * here.ld, here.error[cut], at);
    if (!(reach >= 0)) return false;
    reserve(part.values, z(cut) * part.ld);
    reserve(part.above, z(cut * part.words));
    for (int j = 0; j < cut; ++j) {
        const double moved =
            interpolate(here.values.data() + z(j) * here.ld, at, part.values.data() + z(part.cuts) * part.ld);
        const int id = here.id[j];
        // first_error_ is far more than what rounding adds here
        if (!keep(part, id, ((here.error[j] + first_error_[id]) * (1 + 2 * reach) + moved) * (1 + 1e-10))) return false;
    }
    if (listing && part.cuts > 0) {
        reserve(part.own_points, dim_ * part.ld);
        for (std::size_t k = 0; k < dim_; ++k) interpolate(here.points + k * here.ld, at, part.own_points.data() + k * part.ld);
        part.points = part.own_points.data();
    }
    if (part.cuts > 1 && part.dim > 1) {
        reserve(part.own_facets, part.ld + kSpill);
        for (std::size_t i = 0; i < part.ld; ++i) part.own_facets[i] = here.facets[at.u[i]] & here.facets[at.w[i]];
        part.facets = part.own_facets.data();
    }
    return true;
}

bool Arrangement::count(std::int64_t &parts) {
    parts = 0;
    return count(0, parts);
}

bool Arrangement::count(std::size_t depth, std::int64_t &parts) {
    Level &here = levels_[depth];
    parts += 1 + here.cuts;
    if (here.cuts < 2) return true;
    if (here.dim == 1) return distinct(here);
    find_edges(here);
    for (int i = 1; i < here.cuts; ++i) {
        if (!section(here, i, levels_[depth + 1], false) || !count(depth + 1, parts)) return false;
        --parts;
    }
    return true;
}

// Whether the cuts of an edge are certainly at different points.
bool Arrangement::distinct(const Level &edge) const {
    double share[kMost], reach[kMost];
    for (int i = 0; i < edge.cuts; ++i) { // as in find_crossings
        const double *values = edge.values.data() + z(i) * edge.ld, gap = values[0] - values[1];
        const double certain = std::fabs(gap) * (1 - 4 * kUnit) - 2 * edge.error[i];
        if (!(certain > 0)) return false;
        share[i] = values[0] / gap;
        reach[i] = edge.error[i] / certain + 8 * kUnit;
        for (int j = 0; j < i; ++j)
            if (!(std::fabs(share[i] - share[j]) > reach[i] + reach[j])) return false;
    }
    return true;
}

// Coordinate after coordinate of eight points from a part on; the last part again where there are no more.
void Arrangement::points(const std::vector<Part> &parts, int first, Vec *x) const {
    alignas(32) std::uint32_t at[kVec];
    for (int i = 0; i < kVec; ++i)
        at[i] = static_cast<std::uint32_t>(parts[std::min(z(first + i), parts.size() - 1)].at);
    for (std::size_t k = 0; k < dim_; ++k) x[k] = gather(points_.data() + k, at);
}

// All functionals at x.
void Arrangement::evaluate_all(Place &place) const {
    for (int b = 0; b < n_; b += kVec) {
        Vec sum = load(rows_.data() + dim_ * kMost + b);
        for (std::size_t k = 0; k < dim_; ++k) sum += load(rows_.data() + k * kMost + b) * place.x[k];
        store(place.values + b) = sum;
    }
}

void Arrangement::vertex(const Level &here, std::size_t v, double *x) const {
    alignas(32) std::uint32_t at[kDim];
    for (std::size_t k = 0; k < kDim; ++k) at[k] = static_cast<std::uint32_t>(std::min(k, dim_ - 1) * here.ld + v);
    store(x) = gather(here.points, at);
}

// A point inside a level: a weighted mean of its vertices.
void Arrangement::find_middle(std::size_t depth, Place &middle) const {
    const Level &here = levels_[depth];
    store(middle.x) = Vec{};
    // what pads a section are copies of a vertex
    find_mean({static_cast<int>(dim_), depth > 0 ? static_cast<int>(here.ld) : here.n, here.points, here.ld}, middle.x);
    evaluate_all(middle);
}

// The vertices farthest from a cut, on both sides.
const Arrangement::Side &Arrangement::find_side(std::size_t depth) {
    const Level &here = levels_[depth];
    Side &side = sides_[depth];
    if (side.known) return side;
    const double *values = here.values.data() + z(side.cut) * here.ld;
    Vec most = load(values), least = most;
    for (std::size_t v = kVec; v < here.ld; v += kVec) {
        most = larger(most, load(values + v));
        least = smaller(least, load(values + v));
    }
    const double high = largest(most), low = -largest(-least);
    std::size_t up = 0, down = 0;
    for (std::size_t v = here.ld; v > 0;) { // the first ones, for copies of a value pad the end
        v -= kVec;
        up = place_of(load(values + v), high, v, up);
        down = place_of(load(values + v), low, v, down);
    }
    vertex(here, up, side.up.x);
    vertex(here, down, side.down.x);
    evaluate_all(side.up);
    evaluate_all(side.down);
    side.known = true;
    return side;
}

void Arrangement::between(const Place &from, const Place &to, double t, Place &place) const {
    store(place.x) = load(from.x) + t * (load(to.x) - load(from.x));
    for (int b = 0; b < n_; b += kVec)
        store(place.values + b) = load(from.values + b) + t * (load(to.values + b) - load(from.values + b));
}

// From one place half of the way to another one on which some functionals keep their signs.
void Arrangement::towards(const Place &from, const Place &to, std::uint32_t functionals, Place &place) const {
    Vec least = Vec{} + 1.0;
    for (int b = 0; b < n_; b += kVec) {
        const Vec here = load(from.values + b), there = load(to.values + b);
        const Lanes kept = (Lanes{} + static_cast<long long>(functionals >> b)) >> kLane & 1;
        const Lanes changes = (here * there < 0) & (kept != 0);
        least = smaller(least, changes ? here / (here - there) : least);
    }
    between(from, to, -largest(-least) / 2, place);
}

bool Arrangement::list(std::vector<Part> &parts) {
    parts.clear();
    if (dim_ > kDim) return false;
    reserve(marks_, std::size_t{1} << n_);
    std::int64_t count = 0;
    const bool certain = list(0, count, parts);
    for (const Part &part : parts) marks_[part.above] = 0;
    return certain && count == static_cast<std::int64_t>(parts.size());
}

bool Arrangement::list(std::size_t depth, std::int64_t &count, std::vector<Part> &parts) {
    Level &here = levels_[depth];
    Side &side = sides_[depth];
    count += 1 + here.cuts;
    std::uint32_t met = 0; // hyperplanes that meet others
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
            side.id = here.id[i];
            side.cut = i;
            side.known = false;
            if (!list(depth + 1, count, parts)) return false;
            --count;
        }
    } else if (here.cuts == 0) {
        Place middle;
        find_middle(depth, middle);
        return push(middle, parts);
    }
    Place middle, crossing;
    bool known = false;
    for (int i = 0; i < here.cuts; ++i) {
        const int id = here.id[i];
        if ((met >> id & 1) != 0) continue;
        if (!known) find_middle(depth, middle);
        known = true;
        side.id = id;
        side.cut = i;
        side.known = false;
        // where the way from the middle to a vertex on the other side crosses
        const Word *above = here.above.data() + z(i * here.words);
        const double from = middle.values[id];
        const auto v = z(first_of(here.n, [&](int w) { return from > 0 ? ~above[w] : above[w]; }));
        const double to = here.values[z(i) * here.ld + v];
        alignas(64) double end[kDim];
        vertex(here, v, end);
        store(crossing.x) = load(middle.x) + from / (from - to) * (load(end) - load(middle.x));
        evaluate_all(crossing);
        if (!around(depth, crossing, parts)) return false;
    }
    return true;
}

// The parts around a point of the hyperplanes of all levels down to this depth.
bool Arrangement::around(std::size_t depth, const Place &point, std::vector<Part> &parts) {
    const Level &top = levels_[0];
    const int n = static_cast<int>(depth) + 1;
    std::uint32_t through = 0;
    for (std::size_t d = 0; d <= depth; ++d) through |= std::uint32_t{1} << sides_[d].id;
    const std::uint32_t others = ((std::uint32_t{1} << n_) - 1) & ~through;
    std::uint32_t base = 0;
    for (int b = 0; b < n_; b += kVec)
        base |= static_cast<std::uint32_t>(plica::above(load(point.values + b), Vec{})) << b;
    base &= others;
    Place path[kDim + 1]; // path[d]: on the first d hyperplanes only
    path[n] = point;
    std::uint32_t fixed[kDim + 1];
    fixed[n] = others;
    for (int d = n; d > 0; --d) fixed[d - 1] = fixed[d] | std::uint32_t{1} << sides_[z(d - 1)].id;
    int known = n; // of the path
    for (std::uint32_t choice = 0; choice < std::uint32_t{1} << n; ++choice) { // bit d: above hyperplane d
        if (choice != 0) known = std::max(known, 1 + __builtin_ctz(choice));
        std::uint32_t signs = base;
        for (int d = 0; d < n; ++d) signs |= (choice >> d & 1) << sides_[z(d)].id;
        if (marks_[signs] != 0) continue;
        // straight to a vertex on these sides of all hyperplanes, if there is one, or off one after another
        const int v = first_of(top.n, [&](int w) {
            Word set = ~Word{0};
            for (int d = 0; d < n; ++d) {
                const Word above = top.above[z(row_[sides_[z(d)].id] * top.words + w)];
                set &= (choice >> d & 1) != 0 ? above : ~above;
            }
            return set;
        });
        Place found;
        if (v >= 0) {
            Place end;
            vertex(top, z(v), end.x);
            evaluate_all(end);
            towards(point, end, others, found);
        } else {
            for (; known > 0; --known) {
                const Side &side = find_side(z(known - 1));
                towards(path[known], (choice >> (known - 1) & 1) != 0 ? side.up : side.down, fixed[known], path[known - 1]);
            }
            found = path[0];
        }
        if (!push(found, parts) || parts.back().above != signs) return false;
    }
    return true;
}

// Append the part in which a place lies. Whether that is certain.
bool Arrangement::push(Place &place, std::vector<Part> &parts) {
    const std::size_t at = parts.size() * kDim;
    reserve(points_, at + kDim);
    store(points_.data() + at) = load(place.x);
    evaluate_all(place);
    std::uint32_t above = 0, below = 0;
    for (int b = 0; b < n_; b += kVec) {
        above |= static_cast<std::uint32_t>(plica::above(load(place.values + b), load(slack_.data() + b))) << b;
        below |= static_cast<std::uint32_t>(plica::above(-load(slack_.data() + b), load(place.values + b))) << b;
    }
    const std::uint32_t all = (std::uint32_t{1} << n_) - 1;
    above &= all;
    if (((above | below) & all) != all) return false;
    marks_[above] = 1;
    parts.push_back({above, at});
    return true;
}

} // namespace plica

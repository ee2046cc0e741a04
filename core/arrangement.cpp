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

} // namespace

void Arrangement::set_extents(const std::vector<double> &extents) {
    for (int n = 0; n <= kMost; ++n) most_[n] = static_cast<int>(most_parts(static_cast<int>(extents.size()), n));
    squares_.assign(kVec, 0.0);
    inverse_.assign(kVec, 0.0);
    for (std::size_t k = 0; k < std::min(extents.size(), z(kDim)); ++k) {
        squares_[k] = extents[k] * extents[k];
        inverse_[k] = 1 / extents[k];
    }
}

void Arrangement::begin(const Cloud &vertices, const Word *facets) {
    n_ = 0;
    dim_ = z(vertices.dim);
    while (levels_.size() < dim_ + 1) levels_.emplace_back();
    if (rows_.size() < (dim_ + 2) * kMost) {
        rows_.assign((dim_ + 2) * kMost, 0.0);
        normals_.assign(kMost * kVec, 0.0);
    }
    Level &top = levels_[0];
    top.dim = vertices.dim;
    top.n = vertices.n;
    top.words = words_of(top.n);
    top.ld = vertices.ld;
    top.facets = facets;
    top.points = vertices.x;
    top.cuts = 0;
    top.ids = 0;
    top.n_edges = 0;
    reserve(top.above, z(kMost * top.words));
    reserve(top.values, kMost * top.ld);
}

bool Arrangement::add(const double *row, double constant, double error, double slack) {
    Level &top = levels_[0];
    const int id = n_++;
    for (std::size_t k = 0; k < dim_; ++k) rows_[k * kMost + z(id)] = row[k];
    std::copy(row, row + std::min(dim_, z(kVec)), normals_.data() + id * kVec);
    rows_[dim_ * kMost + z(id)] = constant;
    rows_[(dim_ + 1) * kMost + z(id)] = room(slack);
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
    here.cut[id] = here.cuts;
    here.ids |= std::uint32_t{1} << id;
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
bool Arrangement::section(const Level &here, int cut, Level &part) {
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
    part.ids = 0;
    reserve(part.ends, 2 * part.ld);
    reserve(part.share, part.ld);
    reserve(reach_, part.ld);
    std::uint32_t *ends = part.ends.data();
    for (std::size_t i = 0; i < part.ld; ++i) {
        const std::uint32_t pair = pairs_[std::min(i, n - 1)];
        ends[i] = pair >> 16;
        ends[part.ld + i] = pair & 0xffff;
    }
    const Crossings at{ends, ends + part.ld, part.share.data(), reach_.data(), part.ld};
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
        if (!section(here, i, levels_[depth + 1]) || !count(depth + 1, parts)) return false;
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

} // namespace plica

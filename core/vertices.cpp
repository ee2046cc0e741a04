#include "vertices.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "bits.hpp"
#include "kernels.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Vertices whose error (as a share of the domain) is larger are computed afresh from their half-spaces, and
// if that does not help, exactly.
constexpr double kBlurred = 1e-7, kLost = 1e-5;

bool proportional(const Row &a, const Row &b) {
    std::size_t first = 0;
    while (first < a.size() && a[first].zero()) ++first;
    for (std::size_t k = 0; k < a.size(); ++k) {
        Dyadic minor;
        minor.add_product(a[first], b[k]);
        minor.add_product(a[k], b[first], true);
        if (!minor.zero()) return false;
    }
    return true;
}

bool any(const std::vector<std::uint64_t> &words, int n_words) {
    std::uint64_t found = 0;
    for (int w = 0; w < n_words; ++w) found |= words[z(w)];
    return found != 0;
}

} // namespace

Vertices::Vertices(const Domain &domain, Arbiter &arbiter, double filter)
    : domain_(domain), arbiter_(arbiter), filter_(filter), n_(domain.n),
      g_(domain.n + (domain.cone ? 1 : 0)), pitch_(z(padded8(g_ + 3))) {
    for (int k = 0; k < g_; ++k) {
        lower_.push_back(domain.cone ? (k < n_ ? -1.0 : 0.0) : domain.lower[z(k)]);
        upper_.push_back(domain.cone ? 1.0 : domain.upper[z(k)]);
        extent_.push_back(domain.extent(k));
        inverse_.push_back((1 + 4 * kUnit) / extent_.back());
    }
    arrangement_.set_extents(extent_);
    extent_.push_back(1.0);
    rounding_ = 16 * kUnit * std::sqrt(static_cast<double>(g_));
    narrow_ = (1 - 1e-9) / std::sqrt(static_cast<double>(g_));
    row_.assign(z(g_), 0.0);
}

void Vertices::release(const Mark &mark) {
    numbers_.truncate(mark.numbers);
    masks_.truncate(mark.masks);
    facets_.truncate(mark.facets);
    lines_.truncate(mark.lines);
    rows_.truncate(mark.lines * pitch_);
}

Vertices::Cell Vertices::make(int n, int words, int slots) {
    Cell cell;
    cell.n = n;
    cell.ld = padded8(n);
    cell.words = words;
    cell.slots = slots;
    cell.numbers = numbers_.grow(z((g_ + 1) * cell.ld + kSpill));
    cell.masks = masks_.grow(z(words * cell.ld + kSpill));
    cell.facets = facets_.grow(z(slots));
    return cell;
}

// Find the largest error of a vertex.
void Vertices::measure(Cell &cell) const {
    const double *rho = column(cell, g_);
    cell.rho = 0;
    for (int v = 0; v < cell.n; ++v) cell.rho = rho[v] > cell.rho ? rho[v] : cell.rho;
}

// The corners of the box, cut by the half-spaces of the domain.
Vertices::Cell Vertices::start() {
    for (int k = 0; k < g_; ++k)
        for (int upper = 0; upper < 2; ++upper) {
            if (!(lower_[z(k)] < upper_[z(k)])) throw std::domain_error("the domain has no interior");
            const double bound = upper != 0 ? upper_[z(k)] : lower_[z(k)];
            lines_.push({{-bound, 4 * kUnit * extent_[z(k)], extent_[z(k)]}, {}, -2 - (2 * k + upper), false});
            double *row = rows_.at(rows_.grow(pitch_));
            std::fill(row, row + pitch_, 0.0);
            row[k] = 1.0;
            row[g_] = lines_[lines_.size() - 1].f.constant;
            row[g_ + 1] = lines_[lines_.size() - 1].f.slack;
            row[g_ + 2] = 1 / (lines_[lines_.size() - 1].f.size + 2 * row[g_ + 1]);
        }
    exact_.resize(lines_.capacity());
    Cell cell = make(1 << g_, words_of(2 * g_), 2 * g_);
    for (int s = 0; s < cell.slots; ++s) facets_[cell.facets + z(s)] = 2 * s + (s % 2 == 0 ? 1 : 0);
    for (int w = 0; w < cell.words; ++w) std::fill(&mask(cell, 0, w), &mask(cell, 0, w) + cell.ld, Word{0});
    for (int v = 0; v < cell.n; ++v) {
        for (int k = 0; k < g_; ++k) {
            const int upper = v >> k & 1, slot = 2 * k + upper;
            column(cell, k)[v] = upper != 0 ? upper_[z(k)] : lower_[z(k)];
            mask(cell, v, slot / 64) |= Word{1} << (slot % 64);
        }
        column(cell, g_)[v] = 0.0;
    }
    measure(cell);
    const int facets = static_cast<int>(domain_.b.size());
    std::vector<double> row(z(n_) + 1);
    for (int i = 0; i < facets; ++i) {
        for (int k = 0; k < n_; ++k) row[z(k)] = -domain_.A[z(i) * z(n_) + z(k)];
        row[z(n_)] = domain_.b[z(i)];
        f_ = load({row.data(), 1, 0.0, 0.0, {}}, row_.data());
        facet_ = i;
        have_exact_ = false;
        const int signs = ask_loaded(cell);
        if (signs == 2 || (signs == 0 && !zero(exact_question())))
            throw std::domain_error("the domain has no interior");
        if (signs == 3) cell = child(cell, true);
    }
    return cell;
}

// A point inside: the mean of the vertices.
void Vertices::witness(const Cell &cell, double *point) {
    mean_.resize(z(g_));
    find_mean(cloud(cell), mean_.data());
    for (int k = 0; k < n_; ++k)
        point[k] = domain_.cone ? mean_[z(k)] / mean_[z(n_)] : std::clamp(mean_[z(k)], lower_[z(k)], upper_[z(k)]);
}

// The functional in the geometry's coordinates, and a bound on the error of its values at points.
Vertices::Linear Vertices::load(const Question &q, double *row) const {
    const double constant = q.row[z(n_) * q.stride] - q.shift;
    double sum = std::fabs(constant) + std::fabs(q.shift), square = 0;
    for (int k = 0; k < n_; ++k) {
        row[k] = q.row[z(k) * q.stride];
        const double size = std::fabs(row[k]) * extent_[z(k)];
        sum += size;
        square += size * size;
    }
    if (domain_.cone) {
        row[n_] = constant;
        square += constant * constant;
    }
    const double slack = q.tolerance + (3 * g_ + 12) * kUnit * sum + DBL_MIN;
    return {domain_.cone ? 0.0 : constant, slack, std::min(sum, std::sqrt(square) * (1 + 1e-10))};
}

Range Vertices::range(const Cell &cell, const Question &q) const {
    double row[64];
    std::vector<double> many;
    double *a = row;
    if (g_ > 64) {
        many.resize(z(g_));
        a = many.data();
    }
    const Linear f = load(q, a);
    double low = kInfinity, high = -kInfinity;
    for (int v = 0; v < cell.n; ++v) {
        double value = f.constant;
        for (int k = 0; k < g_; ++k) value += a[k] * column(cell, k)[v];
        low = std::min(low, value);
        high = std::max(high, value);
    }
    const double margin = filter_ * (f.slack + f.size * cell.rho);
    if (!(margin < kInfinity) || !(low <= high)) return {-kInfinity, kInfinity};
    return {low - margin, high + margin};
}

void Vertices::decide(const Cell &cell, const Rows &rows, std::uint16_t *verdict) {
    if (!domain_.cone) {
        const double rho = cell.rho + (3 * g_ + 16) * kUnit;
        decide_any(rows.n, rows.map, rows.ld, cloud(cell), {filter_, rows.tolerance + DBL_MIN, rho, extent_.data()},
                   rows.left, rows.right, rows.last, verdict);
        return;
    }
    // every functional is zero at the apex: the others say on which side the cell lies
    make_room(cell);
    int n_others = cell.n;
    int at = -1;
    for (int v = 0; v < cell.n; ++v)
        if (apex(cell, v)) {
            at = v;
            --n_others;
        }
    const auto signs = [&](int j, double shift) {
        const Linear f = load({rows.map + j, rows.ld, shift, rows.tolerance, {}}, row_.data());
        evaluate(cloud(cell), row_.data(), f.constant, filter_ * (f.slack + f.size * cell.rho), values_.data(),
                 above_.data(), below_.data());
        int up = 0, down = 0;
        for (int w = 0; w < words_of(cell.n); ++w) {
            Word rest = ~Word{0};
            if (at >= 0 && at / 64 == w) rest &= ~(Word{1} << (at % 64));
            up += count_bits(above_[z(w)] & rest);
            down += count_bits(below_[z(w)] & rest);
        }
        return up == n_others ? 1 : down == n_others ? 2 : (up > 0 ? 4 : 0) | (down > 0 ? 8 : 0);
    };
    for (int j = 0; j < rows.n; ++j) {
        verdict[j] = kOpen;
        if (rows.left[j] == kInfinity) {
            verdict[j] = 0;
            continue;
        }
        const int left = signs(j, rows.left[j]);
        if (left == 2) {
            verdict[j] = 0;
            continue;
        }
        const int right = rows.left[j] == rows.right[j] ? left : signs(j, rows.right[j]);
        if (right == 1)
            verdict[j] = rows.last;
        else if ((left & 8) != 0 && (right & 4) != 0)
            verdict[j] = kBoth;
    }
}

// For the answer to a question.
void Vertices::make_room(const Cell &cell) {
    if (values_.size() < z(cell.ld)) values_.resize(2 * z(cell.ld));
    if (above_.size() < z(words_of(cell.n)))
        for (auto *set : {&above_, &below_, &open_}) set->resize(2 * z(words_of(cell.n)));
}

int Vertices::ask(Cell &cell, const Question &question) {
    f_ = load(question, row_.data());
    functional_ = question.exact;
    facet_ = -1;
    have_exact_ = false;
    return ask_loaded(cell);
}

int Vertices::ask_loaded(Cell &cell) {
    ++tally.asked;
    line_ = -1;
    const int words = words_of(cell.n);
    make_room(cell);
    evaluate(cloud(cell), row_.data(), f_.constant, filter_ * (f_.slack + f_.size * cell.rho), values_.data(),
             above_.data(), below_.data());
    Word up = 0, down = 0, open = 0;
    for (int w = 0; w < words; ++w) {
        up |= above_[z(w)];
        down |= below_[z(w)];
        open_[z(w)] = ~(above_[z(w)] | below_[z(w)]) & all_below(cell.n, w);
        open |= open_[z(w)];
    }
    if (up != 0 && down != 0) {
        ++tally.certificates;
        return 3; // what is still open, `child` will decide
    }
    const auto exact = arbiter_.asked;
    for (int w = 0; w < words && open != 0; ++w)
        while (open_[z(w)] != 0) {
            const int sign = settle(cell, 64 * w + first_bit(open_[z(w)]));
            if (have_exact_ && zero(exact_question_)) return 0;
            up |= sign > 0 ? 1 : 0;
            down |= sign < 0 ? 1 : 0;
            if (up != 0 && down != 0) return 3;
        }
    if (arbiter_.asked == exact) ++tally.certificates;
    return (up != 0 ? 1 : 0) | (down != 0 ? 2 : 0);
}

// Find the sign at a vertex that is open; where the question is the hyperplane of a facet, at all of its vertices.
int Vertices::settle(Cell &cell, int v) {
    const Word bit = Word{1} << (v % 64);
    open_[z(v / 64)] &= ~bit;
    const int sign = sign_at_vertex(cell, v);
    if (sign > 0) above_[z(v / 64)] |= bit;
    if (sign < 0) below_[z(v / 64)] |= bit;
    if (sign != 0 || !have_exact_ || !any(open_, words_of(cell.n))) return sign;
    for (int w = 0; w < cell.words; ++w)
        for (Word rest = mask(cell, v, w); rest != 0; rest &= rest - 1) {
            const int slot = 64 * w + first_bit(rest);
            if (!proportional(exact_row(facets_[cell.facets + z(slot)] / 2), exact_question_)) continue;
            for (int u = 0; u < cell.n; ++u)
                if ((mask(cell, u, w) & rest & (~rest + 1)) != 0) open_[z(u / 64)] &= ~(Word{1} << (u % 64));
            return 0;
        }
    return 0;
}

// Whether a vertex is the apex of a cone: it lies on none of the bounds that cut the cone off.
bool Vertices::apex(const Cell &cell, int v) const {
    if (!domain_.cone) return false;
    for (int w = 0; w < cell.words; ++w)
        for (Word rest = mask(cell, v, w); rest != 0; rest &= rest - 1) {
            const int facet = lines_[z(facets_[cell.facets + z(64 * w + __builtin_ctzll(rest))] / 2)].facet;
            if (facet <= -2 && facet != -2 - 2 * n_) return false;
        }
    return true;
}

int Vertices::commit() {
    line_ = static_cast<int>(lines_.size());
    lines_.push({f_, functional_, facet_, have_exact_});
    double *row = rows_.at(rows_.grow(pitch_));
    std::memcpy(row, row_.data(), z(g_) * sizeof(double));
    row[g_] = f_.constant;
    row[g_ + 1] = f_.slack;
    row[g_ + 2] = 1 / (f_.size + 2 * f_.slack);
    if (exact_.size() < lines_.size()) exact_.resize(lines_.capacity());
    if (have_exact_) exact_[z(line_)] = exact_question_;
    return line_;
}

// Pairs of vertices, a positive and a negative one, that an edge of the cell joins.
void Vertices::find_edges(const Cell &cell, const Split &split) {
    const int n_words = words_of(cell.n), need = g_ - 1;
    int n_above = 0, n_below = 0;
    for (int w = 0; w < n_words; ++w) {
        n_above += count_bits(split.above[w]);
        n_below += count_bits(split.below[w]);
    }
    const bool swap = n_above > n_below; // the longer side is looked at in one go
    const Word *shorter = swap ? split.below : split.above, *longer = swap ? split.above : split.below;
    const auto n = z(std::max(n_above, n_below));
    if (side_.size() < n + kSpill) side_.resize(2 * (n + kSpill));
    std::size_t i = 0;
    for_bits(longer, n_words, [&](int v) { side_[i++] = static_cast<std::uint32_t>(v); });
    n_pairs_ = 0;
    if (cell.words == 1) {
        if (far_.size() < n + kSpill) far_.resize(2 * (n + kSpill));
        pack(&mask(cell, 0), longer, n_words, far_.data());
        for_bits(shorter, n_words, [&](int u) {
            if (pairs_.size() < n_pairs_ + n + kSpill) pairs_.resize(2 * (n_pairs_ + n + kSpill));
            n_pairs_ += join(mask(cell, u), far_.data(), side_.data(), n, need, static_cast<std::uint32_t>(u), pairs_.data() + n_pairs_);
        });
    } else {
        for_bits(shorter, n_words, [&](int u) {
            if (pairs_.size() < n_pairs_ + n + kSpill) pairs_.resize(2 * (n_pairs_ + n + kSpill));
            for (std::size_t j = 0; j < n; ++j) {
                int common = 0;
                for (int w = 0; w < cell.words; ++w) common += count_bits(mask(cell, u, w) & mask(cell, static_cast<int>(side_[j]), w));
                pairs_[n_pairs_] = side_[j] << 16 | static_cast<std::uint32_t>(u);
                n_pairs_ += common >= need;
            }
        });
    }
    if (cell.simple) return;
    // Half-spaces that meet in more than a line may be as many: then a third vertex lies on all of them.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n_pairs_; ++i) {
        const std::uint32_t pair = pairs_[i];
        const int u = static_cast<int>(pair >> 16), w = static_cast<int>(pair & 0xffff);
        if (!third_vertex(cell, u, w)) pairs_[kept++] = pair;
    }
    n_pairs_ = kept;
}

bool Vertices::third_vertex(const Cell &cell, int u, int w) const {
    for (int v = 0; v < cell.n; ++v) {
        if (v == u || v == w) continue;
        bool all = true;
        for (int k = 0; k < cell.words && all; ++k) {
            const Word common = mask(cell, u, k) & mask(cell, w, k);
            all = (mask(cell, v, k) & common) == common;
        }
        if (all) return true;
    }
    return false;
}

// The new vertices first ... first + 7: where a functional f vanishes on the edges.
//
// Values a and b at u and w give x = u + t (w - u), t = a / (a - b). Let e = (1 - t)(u - u*) + t (w - w*) be the
// error of a point of the true edge. The true t* differs by (grad f . e + h) / (f(u*) - f(w*)), where h is an error
// of values, and x from x* by e + (t - t*)(w* - u*): but for h, an oblique projection of e along the edge, the
// norm of which is |w* - u*| |grad f| / |grad f . (w* - u*)|.
void Vertices::interpolate(const Cell &cell, Cell &made, const Split &split, int first) {
    const double *rho = column(cell, g_);
    double *error = column(made, g_) + first;
    const std::uint32_t *pairs = pairs_.data() + first;
    double share[8], length[8] = {}, gap[8];
    for (int i = 0; i < 8; ++i) {
        const double a = split.values[pairs[i] >> 16], b = split.values[pairs[i] & 0xffff];
        gap[i] = a - b;
        share[i] = a / (a - b);
    }
    for (int k = 0; k < g_; ++k) {
        const double *from = column(cell, k), inverse = inverse_[z(k)];
        double *to = column(made, k) + first;
        for (int i = 0; i < 8; ++i) {
            const double here = from[pairs[i] >> 16], step = from[pairs[i] & 0xffff] - here;
            to[i] = here + share[i] * step;
            length[i] += step * inverse * (step * inverse);
        }
    }
    for (int i = 0; i < 8; ++i) {
        const double t = std::fabs(share[i]), s = std::fabs(1 - share[i]);
        const double u = rho[pairs[i] >> 16], w = rho[pairs[i] & 0xffff];
        const double certain = std::fabs(gap[i]) - split.size * (u + w) - 6 * split.slack;
        const double moved =
            (std::sqrt(length[i]) + u + w) * (split.size * (s * u + t * w) + split.slack * (s + t)) / certain;
        error[i] = ((certain > 0) & (moved < kInfinity)) ? moved * (1 + 1e-10) + rounding_ : kInfinity;
    }
}

// The new vertices that a functional makes: a cell of one dimension less. Its own half-space is not in
// their sets.
Vertices::Cell Vertices::section(const Cell &cell, const Split &split) {
    find_edges(cell, split);
    const int n = static_cast<int>(n_pairs_);
    Cell made = make(n, cell.words, 0);
    for (int i = n; i < made.ld; ++i) pairs_[z(i)] = pairs_[z(n - 1)];
    made.simple = cell.simple;
    for (int k = 0; k < cell.words; ++k) {
        const Word *from = &mask(cell, 0, k);
        Word *to = &mask(made, 0, k);
        for (int i = 0; i < made.ld; ++i) to[i] = from[pairs_[z(i)] >> 16] & from[pairs_[z(i)] & 0xffff];
    }
    for (int i = 0; i < n; i += 8) interpolate(cell, made, split, i);
    measure(made);
    if (!made.simple) {
        made.simple = true;
        for (int v = 0; v < n; ++v) {
            int on = 0;
            for (int k = 0; k < cell.words; ++k) on += count_bits(mask(made, v, k));
            made.simple = made.simple && on == g_ - 1;
        }
    }
    return made;
}

// The part of a cell on one side of the question.
Vertices::Cell Vertices::child(Cell &cell, bool plus) {
    if (line_ < 0) {
        const int words = words_of(cell.n);
        for (int w = 0; w < words; ++w)
            while (open_[z(w)] != 0) settle(cell, 64 * w + first_bit(open_[z(w)]));
        commit();
        made_ = section(cell, {values_.data(), above_.data(), below_.data(), f_.slack, f_.size});
        double *rho = column(made_, g_);
        for (int v = 0; v < made_.n; ++v) {
            if (rho[v] <= kBlurred) continue;
            made_.facets = cell.facets;
            vertex_lines(made_, v, found_lines_);
            found_lines_.push_back(line_);
            sharpen(made_, v, found_lines_, kLost);
        }
        measure(made_);
    }
    return build(cell, plus);
}

Vertices::Cell Vertices::build(const Cell &cell, bool plus) {
    const int n_words = words_of(cell.n);
    const Word *side = plus ? above_.data() : below_.data(), *other = plus ? below_.data() : above_.data();
    int kept = 0;
    Word on_cut = 0;
    for (int w = 0; w < n_words; ++w) { // what is kept stands in place of what has been open
        open_[z(w)] = all_below(cell.n, w) & ~other[w];
        on_cut |= open_[z(w)] & ~side[w];
        kept += count_bits(open_[z(w)]);
    }
    const int n = kept + made_.n;
    if (n > 0xffff) throw std::length_error("a cell with too many vertices");
    Cell part = make(n, cell.words, 0);
    for (int k = 0; k <= g_; ++k) {
        double *to = column(part, k);
        pack(column(cell, k), open_.data(), n_words, to);
        std::memcpy(to + kept, column(made_, k), z(made_.n) * sizeof(double));
    }
    measure(part);
    int slot = 64 * cell.words; // the first one that is free
    for (int w = 0; w < cell.words; ++w) { // upwards, for `pack` writes behind the end
        Word *to = &mask(part, 0, w), used = 0;
        pack(&mask(cell, 0, w), open_.data(), n_words, to);
        std::memcpy(to + kept, &mask(made_, 0, w), z(made_.n) * sizeof(Word));
        for (int i = 0; i < n; ++i) used |= to[i];
        if (~used != 0 && slot == 64 * cell.words) slot = 64 * w + first_bit(~used);
    }
    if (slot == 64 * cell.words) {
        ++part.words;
        masks_.grow(z(part.ld));
        std::fill(&mask(part, 0, cell.words), &mask(part, 0, cell.words) + n, Word{0});
    }
    const Word bit = Word{1} << (slot % 64);
    Word *to = &mask(part, 0, slot / 64);
    for (int i = kept; i < n; ++i) to[i] |= bit;
    part.simple = cell.simple && made_.simple && on_cut == 0;
    if (on_cut != 0) {
        int i = 0;
        for_bits(open_.data(), n_words, [&](int v) {
            if ((side[v / 64] >> (v % 64) & 1) == 0) to[i] |= bit;
            ++i;
        });
    }
    part.slots = std::max(cell.slots, slot + 1);
    part.facets = facets_.grow(z(part.slots));
    std::memcpy(facets_.at(part.facets), facets_.at(cell.facets), z(cell.slots) * sizeof(int));
    facets_[part.facets + z(slot)] = 2 * line_ + (plus ? 1 : 0);
    if (!part.simple) prune(part);
    return part;
}

// Take out half-spaces that touch the cell in less than a facet: the vertices on them all lie on another one.
void Vertices::prune(Cell &cell) {
    std::vector<std::vector<Word>> on(z(cell.slots), std::vector<Word>(z(words_of(cell.n)), 0));
    for (int v = 0; v < cell.n; ++v)
        for (int w = 0; w < cell.words; ++w)
            for (Word rest = mask(cell, v, w); rest != 0; rest &= rest - 1)
                on[z(64 * w + __builtin_ctzll(rest))][z(v / 64)] |= Word{1} << (v % 64);
    for (int s = 0; s < cell.slots; ++s) {
        if (!any(on[z(s)], words_of(cell.n))) continue;
        bool redundant = false;
        for (int r = 0; r < cell.slots && !redundant; ++r) {
            if (r == s) continue;
            bool inside = true;
            for (std::size_t w = 0; w < on[z(s)].size(); ++w) inside = inside && (on[z(s)][w] & ~on[z(r)][w]) == 0;
            redundant = inside;
        }
        if (!redundant) continue;
        for (int v = 0; v < cell.n; ++v) mask(cell, v, s / 64) &= ~(Word{1} << (s % 64));
        std::fill(on[z(s)].begin(), on[z(s)].end(), 0);
    }
    cell.simple = true;
    for (int v = 0; v < cell.n; ++v) {
        int n = 0;
        for (int w = 0; w < cell.words; ++w) n += count_bits(mask(cell, v, w));
        cell.simple = cell.simple && n == g_;
    }
}

} // namespace plica

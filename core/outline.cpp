#include "outline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "dictionary.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

template <class Form>
Outline<Form>::Outline(const Chain &chain, Domain domain, int outer, Bits bits, double filter)
    : chain_(chain), domain_(std::move(domain)), bits_(std::move(bits)), halves(chain, domain_, outer, bits_, filter),
      form_(domain_, halves.arbiter, filter), all_(form_.start()), mark_(form_.mark()), beyond_(halves.pieces()),
      other_(chain, beyond_) {
    for (int k = 0; k < domain_.n; ++k) scale_.push_back(domain_.cone ? 1.0 : domain_.upper[z(k)] - domain_.lower[z(k)]);
}

template <class Form> Question Outline<Form>::question(int i) const {
    const HalfSpace &half = halves.list[z(i)];
    return {halves.row(i), 1, half.f.shift, half.tolerance, half.f};
}

// Make the cell, which has been stored since the mark or is older, the part of it in half-space i;
// false if that has no interior.
template <class Form> bool Outline<Form>::cut(const typename Form::Mark &mark, Cell &cell, int i) {
    const bool plus = halves.list[z(i)].sign > 0;
    const int signs = form_.ask(cell, question(i));
    if ((signs & (plus ? 1 : 2)) == 0) return false;
    if (signs == 3) cell = form_.lower(mark, form_.child(cell, plus));
    return true;
}

template <class Form> bool Outline<Form>::surely_inside(const double *point) {
    for (int i = 0; i < static_cast<int>(halves.list.size()); ++i) {
        double margin = 0;
        if (!(halves.value(i, point, margin) > margin)) return false;
    }
    return true;
}

// The half-space whose boundary the ray from the point inside to another one crosses first, or -1.
// Sure: at a point on the ray it is certainly negative, and all others are positive.
template <class Form> int Outline<Form>::shoot(const double *to, bool &sure) {
    const int n = domain_.n;
    double first = kInfinity, second = kInfinity;
    int found = -1;
    for (int i = 0; i < static_cast<int>(halves.list.size()); ++i) {
        const double *row = halves.row(i);
        const HalfSpace &half = halves.list[z(i)];
        double start = row[n] - half.f.shift, rate = 0;
        for (int k = 0; k < n; ++k) {
            start += row[k] * inside_[z(k)];
            rate += row[k] * (to[k] - inside_[z(k)]);
        }
        if (!(half.sign * rate < 0)) continue;
        const double t = start / -rate;
        if (t < first) {
            second = first;
            first = t;
            found = i;
        } else if (t < second) {
            second = t;
        }
    }
    sure = false;
    if (found < 0) return found;
    const double t = std::min(first + (second - first) / 2, 1.5 * first); // also where there is no second
    for (int k = 0; k < n; ++k) point_[z(k)] = inside_[z(k)] + t * (to[k] - inside_[z(k)]);
    for (int i = 0; i < static_cast<int>(halves.list.size()); ++i) {
        double margin = 0;
        const double v = halves.value(i, point_.data(), margin);
        if (!((i == found ? -v : v) > margin)) return found;
    }
    sure = true;
    return found;
}

// Shoot straight at the boundary of half-space i.
template <class Form> void Outline<Form>::aim(int i) {
    const int n = domain_.n;
    const double *row = halves.row(i);
    const HalfSpace &half = halves.list[z(i)];
    double start = row[n] - half.f.shift, rate = 0;
    for (int k = 0; k < n; ++k) {
        start += row[k] * inside_[z(k)];
        rate += row[k] * row[k] * scale_[z(k)] * scale_[z(k)];
    }
    if (!(rate > 0)) return;
    std::vector<double> to(z(n));
    for (int k = 0; k < n; ++k) to[z(k)] = inside_[z(k)] - row[k] * scale_[z(k)] * scale_[z(k)] * (start / rate);
    bool sure = false;
    const int hit = shoot(to.data(), sure);
    if (sure) state_[z(hit)] = State::facet;
}

// Find a point that is certainly inside, unless there is one. False: the region has no interior.
template <class Form> bool Outline<Form>::explore() {
    Cell cell = all_;
    for (int i = 0; i < static_cast<int>(halves.list.size()); ++i)
        if (!cut(mark_, cell, i)) return false;
    form_.witness(cell, inside_.data());
    form_.release(mark_);
    return true;
}

// Decide the half-spaces that are still open in the cell of the facets that are known.
template <class Form> void Outline<Form>::search() {
    Cell cell = all_;
    std::vector<char> cuts(halves.list.size(), 0);
    std::vector<double> to(z(domain_.n));
    const auto keep = [&](int i) {
        if (!cut(mark_, cell, i)) throw std::logic_error("a region without interior");
        cuts[z(i)] = 1;
    };
    for (int i = 0; i < static_cast<int>(state_.size()); ++i)
        if (state_[z(i)] == State::facet) keep(i);
    for (int i = 0; i < static_cast<int>(state_.size()); ++i) {
        while (state_[z(i)] == State::open) {
            const bool plus = halves.list[z(i)].sign > 0;
            const int signs = form_.ask(cell, question(i));
            if (signs != 3) {
                state_[z(i)] = State::redundant;
                break;
            }
            const auto mark = form_.mark();
            const Cell part = form_.child(cell, !plus);
            form_.witness(part, to.data());
            form_.release(mark);
            bool sure = false;
            int hit = shoot(to.data(), sure);
            if (hit < 0 || cuts[z(hit)] || state_[z(hit)] == State::redundant) {
                hit = i; // rounding: no ray tells
                sure = false;
            }
            state_[z(hit)] = sure ? State::facet : State::doubtful;
            keep(hit);
        }
    }
    form_.release(mark_);
}

// Decide n half-spaces of a list, in the cell of all others that are kept.
template <class Form> void Outline<Form>::halve(Cell cell, const int *list, int n) {
    if (n == 0) return;
    if (n == 1) {
        const int signs = form_.ask(cell, question(list[0]));
        state_[z(list[0])] = signs == 3 ? State::facet : State::redundant;
        return;
    }
    const int half = n / 2;
    const auto mark = form_.mark();
    const auto below = [&](const int *from, int count) {
        Cell part = cell;
        for (int i = 0; i < count; ++i)
            if (state_[z(from[i])] != State::redundant && !cut(mark, part, from[i]))
                throw std::logic_error("a region without interior");
        return part;
    };
    halve(below(list + half, n - half), list, half);
    form_.release(mark);
    halve(below(list, half), list + half, n - half);
    form_.release(mark);
}

template <class Form> bool Outline<Form>::trace(const std::uint64_t *packed, const double *inside) {
    facets.clear();
    form_.release(mark_);
    if (!halves.read(packed)) return false;
    inside_.assign(z(domain_.n), 0.0);
    point_ = inside_;
    state_.assign(halves.list.size(), State::open);
    bool sure = false;
    if (inside != nullptr) {
        inside_.assign(inside, inside + domain_.n);
        sure = surely_inside(inside_.data());
    }
    if (!sure) {
        if (!explore()) return false;
        sure = surely_inside(inside_.data());
    }
    if (sure) {
        for (int i = 0; i < static_cast<int>(state_.size()); ++i)
            if (state_[z(i)] == State::open) aim(i);
        search();
    } else {
        std::fill(state_.begin(), state_.end(), State::doubtful);
    }
    std::vector<int> doubtful;
    for (int i = 0; i < static_cast<int>(state_.size()); ++i) {
        if (state_[z(i)] == State::doubtful) doubtful.push_back(i);
        if (state_[z(i)] == State::facet) facets.push_back({i, halves.list[z(i)].column, {i}});
    }
    if (!doubtful.empty()) {
        Cell cell = all_;
        for (const Facet &facet : facets) cut(mark_, cell, facet.half);
        halve(cell, doubtful.data(), static_cast<int>(doubtful.size()));
        for (const int i : doubtful)
            if (state_[z(i)] == State::facet) {
                facets.push_back({i, halves.list[z(i)].column, {}});
                gather(facets.back());
            }
        std::sort(facets.begin(), facets.end(), [](const Facet &a, const Facet &b) { return a.half < b.half; });
        form_.release(mark_);
    }
    return true;
}

// All half-spaces with the boundary of a facet. The domain's own counts first.
template <class Form> void Outline<Form>::gather(Facet &facet) {
    const int kept = facet.half;
    for (int i = 0; i < static_cast<int>(state_.size()); ++i)
        if (i == kept || (state_[z(i)] == State::redundant && halves.parallel(i, kept))) {
            facet.together.push_back(i);
            if (halves.list[z(i)].column < 0) facet.column = halves.list[z(i)].column;
        }
}

template <class Form> void Outline<Form>::cross(Facet &facet, std::uint64_t *packed) {
    if (facet.column < 0) return;
    const auto put = [&](int column, int piece) {
        const auto [bit, width] = bits_[z(column)];
        const std::uint64_t mask = ((std::uint64_t{1} << width) - 1) << (bit % 64);
        packed[bit / 64] = (packed[bit / 64] & ~mask) | (static_cast<std::uint64_t>(piece) << (bit % 64));
        facet.column = std::min(facet.column, column);
    };
    const HalfSpace &own = halves.list[z(facet.half)];
    if (facet.together.size() == 1 && halves.tied.empty()) {
        put(own.column, own.beyond);
        return;
    }
    facet.column = std::numeric_limits<int>::max();
    // the units whose functional vanishes on the facet, stage after stage
    struct Vanishing {
        int stage, unit, beyond;
        const HalfSpace *half;
    };
    std::vector<Vanishing> units;
    for (const int i : facet.together) {
        const HalfSpace &half = halves.list[z(i)];
        units.push_back({half.f.stage, half.unit, half.beyond, &half});
    }
    for (const HalfSpace &half : halves.tied) units.push_back({half.f.stage, half.unit, half.beyond, &half});
    std::sort(units.begin(), units.end(), [](const Vanishing &a, const Vanishing &b) {
        return std::tie(a.stage, a.unit, a.beyond) < std::tie(b.stage, b.unit, b.beyond);
    });
    for (std::size_t s = 0; s < beyond_.size(); ++s)
        if (beyond_[s] != halves.pieces()[s]) {
            beyond_[s] = halves.pieces()[s];
            other_.piece_changed(static_cast<int>(s));
        }
    const Row across = halves.arbiter.functional(own.f);
    int k = 0;
    while (across[z(k)].zero()) ++k;
    const int slope = own.sign * across[z(k)].sign(); // of a functional that grows into the region
    const auto sign = [&](const Functional &f) { return -slope * other_.functional(f)[z(k)].sign(); };
    for (std::size_t i = 0; i < units.size();) {
        const auto [s, unit, beyond, half] = units[i];
        const Stage &stage = chain_.stages[z(s)];
        std::uint16_t &piece = beyond_[z(s)][z(unit)];
        int now = piece;
        if (half->f.minus < 0) {
            const bool right = sign(half->f) > 0;
            now = right ? std::max<int>(piece, beyond) : std::min<int>(piece, beyond);
            ++i;
        } else {
            const std::int32_t *reads = stage.unit_reads.data() + stage.unit_start[z(unit)];
            for (; i < units.size() && units[i].stage == s && units[i].unit == unit; ++i) {
                const int rival = units[i].beyond;
                const int ahead = sign({s, reads[rival], reads[now], 0.0});
                if (ahead > 0 || (ahead == 0 && rival < now)) now = rival;
            }
        }
        if (now == piece) continue;
        piece = static_cast<std::uint16_t>(now);
        other_.piece_changed(s);
        put(stage.column_of[z(unit)], now);
    }
}

template class Outline<Dictionary>;

} // namespace plica

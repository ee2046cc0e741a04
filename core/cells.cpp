#include "cells.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "bits.hpp"
#include "cells_maps.hpp"
#include "cells_max.hpp"
#include "dictionary.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "vertices.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {

// Whether no pre-activation on any cell, and no distance of one from a breakpoint, has a constant.
bool homogeneous(const Chain &chain) {
    const auto zeros = [](const auto &numbers) {
        return std::all_of(numbers.begin(), numbers.end(), [](double t) { return t == 0.0; });
    };
    return std::all_of(chain.stages.begin(), chain.stages.end(), [&](const Stage &s) { return zeros(s.bias); }) &&
           std::all_of(chain.functions.begin(), chain.functions.end(), [&](const Function &f) {
               return zeros(f.breakpoints) && std::all_of(f.exact_intercepts.begin(), f.exact_intercepts.end(),
                                                          [](const Dyadic &t) { return t.zero(); });
           });
}

Domain described(Domain domain, const Chain &chain) {
    domain.homogeneous = homogeneous(chain);
    return domain;
}

} // namespace

template <class Form>
Cells<Form>::Cells(const Chain &chain, Domain domain, const Listing &listing)
    : chain_(chain), domain_(described(std::move(domain), chain)), listing_(listing), n_(domain_.n),
      arbiter_(chain, pieces_), form_(domain_, arbiter_, listing.filter), bits_(chain.pattern_bits()) {
    const int n_stages = static_cast<int>(chain.stages.size());
    last_ = listing.maps ? n_stages - 1 : std::max(0, chain.last_nonlinear());
    counting_ = !listing.patterns && !listing.witnesses && !listing.maps && !listing.each;
    plain_ = !counting_ && !listing.maps;
    words_ = pattern_words(bits_);
    for (const Stage &s : chain.stages) {
        pieces_.emplace_back(z(s.n_out), std::uint16_t{0});
        Buffer buffer;
        buffer.ld = z(padded(s.n_pre));
        buffer.map.assign(buffer.ld * z(n_ + 1), 0.0);
        if (!s.dense) buffer.row_feeds.assign(z(s.n_pre), 1);
        buffers_.push_back(std::move(buffer));
    }
    pattern_.assign(z(words_), 0);
    places_ = base_ = pattern_;
    applied_ = pieces_;
    parents_.assign(chain.stages.size(), {0, 0});
    now_.assign(z(n_ + 1), 0.0);
    then_ = now_;
    for (int k = 0; k < n_; ++k) extent_.push_back(domain_.extent(k));
    extent_.push_back(1.0);
    for (const double extent : extent_) reach_ += extent;

    // the first map reads the coordinates themselves: it is exact
    rows_.assign(z(n_) * z(n_ + 1), 0.0);
    for (int k = 0; k < n_; ++k) {
        units_.push_back(k);
        rows_[z(k) * z(n_ + 1) + z(k)] = 1.0;
    }
    Buffer &first = buffers_[0];
    product_any(chain.stages[0], n_ + 1, {units_.data(), rows_.data(), z(n_ + 1), n_}, first.map.data(), first.ld);
    first.bound = magnitude_any(n_ + 1, chain.stages[0].n_pre, first.map.data(), first.ld, extent_.data()) *
                  (1 + (n_ + 8) * kUnit);
    first.valid = true;
    const Cell all = form_.start();
    stack_.push({0, 0, kToFind, -1, all, form_.mark(), 0, 0, -1, 0, 0});
}

template <class Form> void Cells<Form>::share(Claims &claims, int stage, int depth) {
    claims_ = &claims;
    shared_ = stage;
    depth_ = depth;
    stack_[0].path = depth > 0 ? 1 : 0;
}

template <class Form> bool Cells<Form>::run(std::int64_t regions, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    target_ =
        regions > std::numeric_limits<std::int64_t>::max() - steps.regions
            ? std::numeric_limits<std::int64_t>::max()
            : steps.regions + regions;
    write(true);
    if (steps.regions >= target_) return done();
    std::int64_t visits = 0, asked = arbiter_.asked, known = steps.regions;
    while (stack_.size() > 0) {
        const Item item = stack_[stack_.size() - 1];
        stack_.truncate(stack_.size() - 1);
        visit(item);
        steps.arbitrated = arbiter_.asked;
        if (steps.regions >= target_) break;
        if (++visits % 64 != 0 && asked == arbiter_.asked && n_ < 100 && steps.regions - known < 1000) continue;
        asked = arbiter_.asked;
        known = steps.regions;
        if (std::chrono::duration<double>(Clock::now() - start).count() > seconds) break;
    }
    finish();
    streamed();
    return done();
}

template <class Form> void Cells<Form>::set_piece(int s, int unit, int piece) {
    std::uint16_t &now = pieces_[z(s)][z(unit)];
    if (now == piece) return;
    now = static_cast<std::uint16_t>(piece);
    arbiter_.piece_changed(s);
    if (listing_.patterns) {
        const auto &[at, width] = bits_[z(stage(s).column_of[z(unit)])];
        const std::size_t bit = z(at);
        std::uint64_t &word = pattern_[bit / 64];
        const std::uint64_t mask = ((std::uint64_t{1} << width) - 1) << (bit % 64);
        word = (word & ~mask) | (static_cast<std::uint64_t>(piece) << (bit % 64));
    }
}

template <class Form> Question Cells<Form>::question(int s, int pre, double shift) const {
    const Buffer &b = buffers_[z(s)];
    return {b.map.data() + pre, b.ld, shift, b.error, {s, pre, -1, shift}};
}

template <class Form>
Question Cells<Form>::question(int s, const Candidate &c, double shift) const {
    const int pre = stage(s).unit_reads[z(static_cast<int>(stage(s).unit_start[z(c.unit)]))];
    return {coefficients_.at(c.row), 1, shift, buffers_[z(s)].error, {s, pre, -1, shift}};
}

// Decide the units of a stage that bounds over the cell decide; list the others as candidates.
template <class Form> void Cells<Form>::enter(Item &item) {
    const int s = item.stage;
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    if (z(s) + 1 < buffers_.size()) buffers_[z(s) + 1].valid = false;
    const std::size_t begin = candidates_.size();
    if (here.direct && !here.nonlinear.empty()) {
        if (verdicts_.size() < b.ld) verdicts_.resize(b.ld);
        form_.decide(item.cell, {b.map.data(), b.ld, here.n_pre, b.error, here.left.data(), here.right.data(), here.last_piece},
                     verdicts_.data());
        const std::uint16_t *piece = pieces_[z(s)].data();
        for (int k = 0; k < here.n_out; ++k)
            if (verdicts_[z(k)] != piece[k]) settle(s, k, verdicts_[z(k)], item.cell);
    } else {
        for (const int k : here.nonlinear) settle(s, k, kOpen, item.cell);
    }
    parents_[z(s)] = {begin, candidates_.size() - begin};
    item.list = begin;
    item.length = static_cast<int>(candidates_.size() - begin);
    item.lo = -1;
}

// Set the piece of a unit that is decided, or make it a candidate.
template <class Form>
void Cells<Form>::settle(int s, int k, std::uint16_t verdict, const Cell &cell) {
    const Stage &here = stage(s);
    const Buffer &b = buffers_[z(s)];
    int lo = 0, hi = here.unit_pieces[z(k)] - 1;
    if (verdict != kOpen && verdict != kMixed && verdict != kBoth) {
        set_piece(s, k, verdict == 0 ? 0 : hi);
        return;
    }
    const std::int32_t *reads = here.unit_reads.data() + here.unit_start[z(k)];
    const double *row = b.map.data() + reads[0];
    const int f = here.unit_function[z(k)];
    if (f >= 0) {
        const double *t = chain_.functions[z(f)].breakpoints.data();
        if (known(s, reads[0])) {
            while (lo < hi && row[z(n_) * b.ld] > t[lo]) ++lo;
            hi = lo;
        } else if (verdict != kBoth) { // a shift is not a number but a functional where there are no bounds
            const auto at = [&](int q) { return form_.range(cell, question(s, reads[0], t[q])); };
            while (lo < hi && at(lo).low > 0) ++lo;
            while (hi > lo && at(hi - 1).high < 0) --hi;
        }
    } else { // max: the reads that might win somewhere
        const std::vector<int> &open = contenders(s, k, cell);
        bool constant = true;
        int best = open[0];
        for (const int q : open) {
            constant &= known(s, reads[q]);
            if (b.map[z(n_) * b.ld + z(reads[q])] > b.map[z(n_) * b.ld + z(reads[best])]) best = q;
        }
        if (open.size() == 1 || constant) lo = hi = best;
    }
    if (lo == hi) {
        set_piece(s, k, lo);
        return;
    }
    Candidate c{k, lo, hi, coefficients_.size(), verdict == kBoth};
    if (f >= 0) {
        double *copy = coefficients_.at(coefficients_.grow(z(n_ + 1)));
        for (int i = 0; i <= n_; ++i) copy[i] = row[z(i) * b.ld];
    }
    candidates_.push(c);
}

// Ask for a scalar unit which pieces the cell meets, from the left up to the first breakpoint that
// splits it. Whether one does.
template <class Form> bool Cells<Form>::narrow(int s, Candidate &c, Cell &cell) {
    const double *t = chain_.functions[z(stage(s).unit_function[z(c.unit)])].breakpoints.data();
    while (c.lo < c.hi) {
        const int signs = form_.ask(cell, question(s, c, t[c.lo]));
        if (signs == 3) return true;
        if ((signs & 1) == 0) // nowhere right of the breakpoint
            c.hi = c.lo;
        else
            ++c.lo;
    }
    set_piece(s, c.unit, c.lo);
    return false;
}

// Ask for all candidates on the whole cell of a stage, before it falls into parts: those that do not
// split it are settled once for all of them.
template <class Form> void Cells<Form>::sift(Item &item) {
    const int s = item.stage;
    const std::size_t end = item.list + z(item.length);
    const std::size_t list = candidates_.grow(z(item.length));
    std::size_t kept = list, first = end; // first: the one asked last, if it splits the cell
    for (std::size_t i = item.list; i < end; ++i) {
        Candidate c = candidates_[i];
        if (!c.cuts && stage(s).unit_function[z(c.unit)] != kMax) {
            first = end;
            if (!narrow(s, c, item.cell)) continue;
            first = kept;
        }
        candidates_[kept++] = c;
    }
    candidates_.truncate(kept);
    item.list = list;
    item.length = static_cast<int>(kept - list);
    fresh_ = first != end;
    if (fresh_) { // its answer is still at hand
        std::swap(candidates_[list], candidates_[first]);
        item.lo = candidates_[list].lo;
    }
}

// Take a cell down to one region; what branches off waits on the stack.
template <class Form> void Cells<Form>::visit(Item item) {
    form_.release(item.mark);
    candidates_.truncate(item.candidates);
    coefficients_.truncate(item.coefficients);
    if (item.unit >= 0) set_piece(item.stage, item.unit, item.piece);
    fresh_ = false;
    bool untried = item.length == kToFind; // whether its regions have not yet been sought all at once
    const auto all_found = [&] {
        untried = false;
        return at_once(item);
    };
    for (;;) {
        const int s = item.stage;
        if (item.length == kToFind) {
            enter(item);
            if (s == last_ && item.length <= many() && all_found()) return;
            if (item.length > 1) sift(item);
            if (item.length > 0 && hopeless(item)) return;
        }
        const bool counting = s == last_ && counting_;
        while (item.length > 0) {
            if (lost(item, depth_)) return;
            // what is open may have become few enough; where it was not certain, try again with fewer
            if (s == last_ && item.length <= many() && (untried || (many() - item.length) % 4 == 0)) {
                if (all_found()) return;
                fresh_ = false; // the form has been asked other things
            }
            Candidate c = candidates_[item.list];
            if (stage(s).unit_function[z(c.unit)] == kMax) {
                max_unit(item, c);
                continue;
            }
            if (item.lo >= 0) c.lo = item.lo;
            item.lo = -1;
            const bool split = fresh_ || narrow(s, c, item.cell);
            fresh_ = false;
            if (!split) {
                ++item.list;
                --item.length;
            } else if (counting && item.length == 1 && c.lo + 1 == c.hi) {
                if (lost(item, 0)) return;
                steps.regions += 2; // no need to make the last two
                ++steps.splits;
                return;
            } else if (plain_ && s == last_ && item.length == 1 && c.lo + 1 == c.hi && target_ - steps.regions >= 2 &&
                       (lost(item, 0) || write_sides(c.unit, c.lo))) {
                return;
            } else {
                branch(item, c.unit, c.lo, c.hi);
            }
        }
        if (lost(item, s == shared_ ? 0 : depth_)) return;
        if (s == last_) {
            emit(item.cell);
            return;
        }
        if (s == shared_ && depth_ == 0 && taken(s)) return;
        update(s + 1);
        item.stage = s + 1;
        item.length = kToFind;
    }
}

// Find the regions of a cell of the last stage without making their cells, where that is certain and within
// the budget.
template <class Form> bool Cells<Form>::at_once(Item &item) {
    if (item.length > many() || (counting_ && item.length < 2)) return false;
    if constexpr (Form::kCounts) {
        if (item.path != 0 && item.path >> depth_ == 0 && item.length > kWhole) return false; // others may help
        if (lost(item, 0)) return true;
        asks_.clear();
        for (std::size_t i = item.list; i < item.list + z(item.length); ++i) {
            const Candidate &c = candidates_[i];
            const int f = stage(item.stage).unit_function[z(c.unit)];
            if (f == kMax) return false;
            const double *t = chain_.functions[z(f)].breakpoints.data();
            const int lo = i == item.list && item.lo >= 0 ? item.lo : c.lo;
            for (int q = lo; q < c.hi; ++q) asks_.push_back(question(item.stage, c, t[q]));
        }
        if (asks_.size() > z(many())) return false;
        const int n = static_cast<int>(asks_.size());
        if (counting_) {
            const std::int64_t found = form_.parts(item.cell, asks_.data(), n);
            if (found == 0 || found > target_ - steps.regions) return false;
            steps.regions += found;
            steps.splits += found - 1;
            return true;
        }
        if constexpr (Form::kLists) {
            const std::size_t before = listed.witnesses.size();
            ready_ = waiting_ = form_.list(item.cell, asks_.data(), n, listing_.witnesses ? &listed.witnesses : nullptr);
            if (waiting_ == 0) {
                listed.witnesses.truncate(before);
                return false;
            }
            const std::int64_t rest = waiting_ - (target_ - steps.regions);
            if (rest > 0 && listing_.witnesses) // more than are asked for now: their points stay where they are, behind the end
                listed.witnesses.truncate(listed.witnesses.size() - z(static_cast<int>(rest) * n_));
            if (listing_.patterns) encode(item);
            steps.splits += waiting_ - 1;
            write(false);
            return true;
        }
    }
    return false;
}

// How the patterns of regions that have been found at once follow from the questions that are above zero there.
template <class Form> void Cells<Form>::encode(const Item &item) {
    const Stage &here = stage(item.stage);
    const Candidate *first = candidates_.at(item.list), *end = first + item.length;
    const auto bit_of = [&](const Candidate &c) { return bits_[z(here.column_of[z(c.unit)])].first; };
    next_piece_.clear();
    swaps_.clear();
    int word = 0, last = -1;
    bool narrow = true, ordered = true;
    std::uint64_t places = 0;
    const auto next_word = [&] {
        places_[z(word)] = places;
        base_[z(word)] = pattern_[z(word)] & ~places;
        places = 0;
        ++word;
    };
    const auto put = [&](int bit) {
        while (word < bit / 64) next_word();
        places |= std::uint64_t{1} << (bit % 64);
    };
    for (const Candidate *c = first; c < end; ++c) {
        const int bit = bit_of(*c);
        narrow = narrow && here.unit_pieces[z(c->unit)] == 2;
        ordered = ordered && bit > last;
        last = bit;
        if (ordered) put(bit);
    }
    if (narrow && !ordered) {
        bits_asked_.clear();
        for (const Candidate *c = first; c < end; ++c) bits_asked_.push_back(bit_of(*c));
        for (auto at = bits_asked_.begin(); at < bits_asked_.end(); ++at) {
            const auto least = std::min_element(at, bits_asked_.end());
            if (least == at) continue;
            std::swap(*at, *least);
            swaps_.emplace_back(at - bits_asked_.begin(), least - bits_asked_.begin());
        }
        word = 0;
        places = 0;
        for (const int bit : bits_asked_) put(bit);
    }
    if (narrow) {
        while (word < words_) next_word();
        return;
    }
    base_ = pattern_;
    for (const Candidate *c = first; c < end; ++c) {
        const auto [bit, width] = bits_[z(here.column_of[z(c->unit)])];
        const int lo = c == first && item.lo >= 0 ? item.lo : c->lo;
        std::uint64_t &base = base_[z(bit / 64)];
        base &= ~(((std::uint64_t{1} << width) - 1) << (bit % 64));
        base |= static_cast<std::uint64_t>(lo) << (bit % 64);
        for (int q = lo; q < c->hi; ++q) next_piece_.emplace_back(z(bit / 64), std::uint64_t{1} << (bit % 64));
    }
}

// The patterns of regions in which these questions are above zero.
template <class Form> void Cells<Form>::decode(const std::uint32_t *sets, int n, std::uint64_t *pattern) {
    if (!next_piece_.empty()) {
        for (int i = 0; i < n; ++i, pattern += words_) {
            std::copy(base_.begin(), base_.end(), pattern);
            for (std::uint32_t rest = sets[i]; rest != 0; rest &= rest - 1) {
                const auto &[word, step] = next_piece_[z(first_bit(rest))];
                pattern[word] += step;
            }
        }
        return;
    }
    if (!swaps_.empty()) {
        sets_.assign(sets, sets + n);
        for (const auto &[i, j] : swaps_)
            for (std::uint32_t &set : sets_) {
                const std::uint32_t differ = (set >> i ^ set >> j) & 1;
                set ^= differ << i | differ << j;
            }
        sets = sets_.data();
    }
    deposit(sets, n, places_.data(), base_.data(), words_, pattern);
}

// Write regions that have been found at once, as many as the budget allows: those that have been found now, whose points
// are written already, or those that were left, whose points lie behind the others.
template <class Form> void Cells<Form>::write(bool later) {
    if constexpr (Form::kLists) {
        const int now = static_cast<int>(std::min<std::int64_t>(waiting_, target_ - steps.regions));
        const int first = ready_ - waiting_;
        if (now == 0) return;
        if (later && listing_.witnesses) listed.witnesses.take(z(now * n_));
        if (listing_.patterns) decode(form_.sets() + first, now, listed.patterns.more(z(now * words_)));
        steps.regions += now;
        waiting_ -= now;
    }
}

template <class Form> Listed Cells<Form>::take() {
    Listed given;
    std::swap(given, listed);
    if (!done()) { // the next chunk is likely to be as large, before what is left over
        listed.patterns.expect(given.patterns.size());
        listed.witnesses.expect(given.witnesses.size() + given.witnesses.size() / 8);
    }
    if (waiting_ > 0 && listing_.witnesses)
        std::copy_n(given.witnesses.end(), z(waiting_ * n_), listed.witnesses.room(z(waiting_ * n_)));
    return given;
}

// Write both parts of a cell that no other unit cuts, by the question just asked, without making them.
template <class Form> bool Cells<Form>::write_sides(int unit, int lo) {
    if (listing_.witnesses) {
        double *to = listed.witnesses.room(2 * z(n_));
        if (!form_.sides(to + z(n_), to)) return false;
        listed.witnesses.take(2 * z(n_));
    }
    for (int piece = lo; piece <= lo + 1; ++piece) {
        set_piece(last_, unit, piece);
        if (listing_.patterns) listed.patterns.append(pattern_.data(), pattern_.size());
    }
    steps.regions += 2;
    ++steps.splits;
    return true;
}

// Split the cell at a breakpoint of a unit, by the question just asked: go on with one part, and let
// the other wait.
template <class Form> void Cells<Form>::branch(Item &item, int unit, int lo, int hi) {
    ++steps.splits;
    // first the child that needs no update of the next map
    const bool plus_first = applied_[z(item.stage)][z(unit)] > lo;
    Cell whole = item.cell;
    const Cell second = form_.child(whole, !plus_first);
    const Mark mark = form_.mark();
    const Cell first = form_.child(whole, plus_first);
    const auto become = [&](Item child, bool plus, const Cell &part, const Mark &height) {
        const bool more = plus && lo + 1 < hi; // more breakpoints to come
        child.list = more ? item.list : item.list + 1;
        child.length = more ? item.length : item.length - 1;
        child.lo = more ? lo + 1 : -1;
        child.cell = part;
        child.mark = height;
        child.candidates = candidates_.size();
        child.coefficients = coefficients_.size();
        child.unit = more ? -1 : unit;
        child.piece = plus ? hi : lo;
        if (child.path != 0) child.path = 2 * child.path + (plus ? 1 : 0);
        return child;
    };
    stack_.push(become(item, !plus_first, second, mark));
    item = become(item, plus_first, first, form_.mark());
    if (item.unit >= 0) set_piece(item.stage, item.unit, item.piece);
}

// Whether another walk has taken a cell that so many cuts have made. The cuts of the first stage, the map of
// which no piece changes, come in the same order in all walks.
template <class Form> bool Cells<Form>::lost(Item &item, int cuts) {
    if (item.path >> cuts == 0) return false;
    const bool found = !claims_->take({reinterpret_cast<const char *>(&item.path), sizeof item.path});
    item.path = 0;
    return found;
}

// Whether another walk has taken the current cell of stage s.
template <class Form> bool Cells<Form>::taken(int s) {
    std::string key;
    for (int i = 0; i <= s; ++i)
        for (const int k : stage(i).nonlinear) {
            const std::uint16_t piece = pieces_[z(i)][z(k)];
            key.append(reinterpret_cast<const char *>(&piece), sizeof piece);
        }
    return !claims_->take(key);
}

template <class Form> void Cells<Form>::emit(Cell &cell) {
    ++steps.regions;
    if (listing_.patterns) listed.patterns.append(pattern_.data(), z(words_));
    if (listing_.witnesses) form_.witness(cell, listed.witnesses.more(z(n_)));
    if (listing_.maps) {
        const Buffer &b = buffers_[z(last_)];
        steps.map_error = std::max(steps.map_error, b.error);
        const int m = stage(last_).n_pre;
        for (int c = 0; c <= n_; ++c) {
            const double *column = b.map.data() + z(c) * b.ld;
            listed.maps.append(column, z(m));
        }
    }
}

template class Cells<Dictionary>;
template class Cells<Vertices>;

} // namespace plica

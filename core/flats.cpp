#include "flats.hpp"

#include <algorithm>

#include "bits.hpp"
#include "flats_plane.hpp"

namespace plica {

using namespace flats;

int Flats::many(int n, double parts) {
    for (int k = 1; k < kRows; ++k)
        if (most_parts(n, k + 1) > parts) return k;
    return kRows;
}

void Flats::start(int n, const double *bound, int faces, int hyperplanes, bool listing) {
    listing_ = listing;
    always_above_ = 0;
    for (int i = 0; i < hyperplanes; ++i) id_[faces + i] = i;
    n_ = n;
    if (listing) {
        const std::size_t ld = z(padded_n());
        marks_.assign(((std::size_t{1} << hyperplanes) / (64 * kVec) + 1) * kVec, 0);
        if (wanted_.size() < marks_.size()) wanted_.resize(marks_.size());
        if (from_.size() < ld) {
            normals_.resize(kRows * ld);
            ways_.resize(kListed * ld);
            rates_.resize(kListed * kRows);
            from_.resize(ld);
            steps_.resize(kListed * ld);
            sums_.resize(65 * ld);
        }
    }
    bound_ = bound;
    faces_ = faces;
    cuts_ = hyperplanes;
    const int rows = faces + hyperplanes, least = std::max(1, (rows + kVec - 1) / kVec),
              blocks = least <= 4 ? least : 8, stride = kVec * blocks;
    if (n != laid_n_ || stride > laid_stride_ || cuts_ > laid_cuts_) {
        laid_n_ = n;
        laid_stride_ = std::max(stride, laid_stride_);
        laid_cuts_ = std::max(cuts_, laid_cuts_);
        lay_out();
    }
    Flat &f = flats_[0];
    f.rows = rows;
    f.blocks = blocks;
    std::fill(f.A, f.A + (n + 1) * stride, 0.0);
    std::fill(f.T, f.T + (n + 1) * stride, 0.0);
    for (int r = 0; r < stride; ++r) {
        f.error[r] = given_[r] = 0.0;
        f.low[r] = r < faces ? 0.0 : -kInfinity;
        f.high[r] = kInfinity;
        f.least[r] = r < faces ? 0.0 : -kInfinity;
        f.most[r] = kInfinity;
        f.basic[r] = 2 * (n + r);
    }
    for (int k = 0; k < n; ++k) {
        f.coordinate[k] = k;
        f.row_of[k] = -1;
    }
    std::fill(f.row_of + n, f.row_of + padded_n(), -1);
    f.n_points = 0;
    f.on = 0;
    std::fill(f.met_above, f.met_above + kRows, ~Set{0});
}

// Room for a flat of each dimension.
void Flats::lay_out() {
    const int levels = std::min(n_, laid_cuts_) + 1, stride = laid_stride_, points = 4 * laid_cuts_ + 2;
    const auto pitch = [](int d) { return (d + kVec - 1) / kVec * kVec; };
    std::size_t size = 0;
    for (int i = 0; i < levels; ++i)
        size += z(2 * (n_ - i + 1) * stride + 5 * stride + points * (pitch(n_ - i) + stride) + 8 * kVec);
    numbers_.assign(size, 0.0);
    codes_.assign(z(levels * (4 * n_ + stride + kRows + 5 * 16)), 0);
    factors_.assign(z(n_), 0.0);
    used_.assign(z(n_), 0);
    flats_.assign(z(levels), Flat());
    double *at = numbers_.data();
    int *code = codes_.data();
    const auto take = [&](int count) { // and room for a vector that is written beyond
        double *found = at;
        at += count + kVec;
        return found;
    };
    const auto take_codes = [&](int count) {
        int *found = code;
        code += (count + 15) / 16 * 16;
        return found;
    };
    for (int i = 0; i < levels; ++i) {
        Flat &f = flats_[z(i)];
        f.d = n_ - i;
        f.A = take((f.d + 1) * stride);
        f.T = take((f.d + 1) * stride);
        for (double **rows : {&f.error, &f.low, &f.high, &f.least, &f.most}) *rows = take(stride);
        f.points = at;
        at += points * pitch(f.d);
        f.values = take(points * stride);
        for (int **codes : {&f.coordinate, &f.row_of, &f.nonbasic}) *codes = take_codes(n_);
        f.where = take_codes(n_ + kRows);
        f.basic = take_codes(stride);
    }
}

// An error bound holds for all points of the exact flat where all coordinates are at most 2 in size:
// twice that of the box. What rounding adds in all steps to come is in it from the beginning. A step
// that adds t times another row makes an error of at most 6 kUnit S, where S is the size of the row plus
// t times that of the other one; error and size of a row grow by the same rule, so that as many terms of
// 6 kUnit S in the beginning as there are steps cover all of them. An evaluation or a combination of rows
// adds at most 2 (n + 2) kUnit S.
//
// Steps off hyperplanes go by the rows as they are given, in the box: a value of a row there, of so many steps and of their
// sum, is blurred by at most (4 n + 8) kUnit S, which is less than half of `given_` beside the tolerance.
void Flats::set_row(int r, double sign, double constant, const double *row, double tolerance) {
    Flat &f = flats_[0];
    const int stride = f.blocks * kVec;
    f.A[r] = sign * constant;
    double size = std::fabs(constant);
    for (int k = 0; k < n_; ++k) {
        f.A[(k + 1) * stride + r] = sign * row[k];
        size += std::fabs(row[k]);
    }
    f.error[r] = 2 * tolerance + 32 * (n_ + 8) * kUnit * size + DBL_MIN;
    given_[r] = 2 * tolerance + 8 * (n_ + 4) * kUnit * size + DBL_MIN;
}

void Flats::set_nonbasic(const int *codes) {
    Flat &f = flats_[0];
    for (int j = 0; j < n_; ++j) {
        f.nonbasic[j] = codes[j];
        f.where[codes[j] / 2] = -1 - j;
    }
}

void Flats::set_basic(int r, int code, double value, const double *row) {
    Flat &f = flats_[0];
    const int stride = f.blocks * kVec;
    f.T[r] = value;
    for (int j = 0; j < n_; ++j) f.T[(j + 1) * stride + r] = row[j];
    if (r >= faces_) return;
    f.basic[r] = code;
    if (code >= 2 * n_) return;
    f.most[r] = 2.0;
    f.where[code / 2] = r;
}

// Look for a point where sign * row is positive: from where the dictionary finds one, towards the first point
// that is known, to where it is certainly inside. Yes: it is kept.
template <int B> INLINE Flats::Answer Flats::reach(Flat &f, int row, double sign) {
    ++programs;
    Edge edge;
    const Answer end = climb<B>(f, row, sign, edge);
    if (end == Answer::open) return end;
    if (end == Answer::no) return nowhere<B>(f, row, sign) ? end : Answer::open;
    const double there = sign * f.values[row];
    const double share = there < 0 ? 0.5 * edge.height / (edge.height - there) : 0.5;
    double *point = f.points + f.n_points * ((f.d + kVec - 1) / kVec * kVec);
    for (int c = 0; c < f.d; ++c) {
        const double s = place(f, edge, f.coordinate[c]);
        point[c] = s + share * (f.points[c] - s);
    }
    if (!examine<B>(f)) return Answer::open;
    if (!(sign * f.values[f.n_points * B * kVec + row] > f.error[row])) return Answer::open;
    ++f.n_points;
    return Answer::yes;
}

// Find those of the hyperplanes that cut the flat, by certain points on both sides of them.
template <int B> INLINE bool Flats::sift(Flat &f, Set cuts) {
    Set plus = 0, minus = 0;
    const auto note = [&](int k) __attribute__((always_inline)) {
        for (int b = 0; b < B; ++b) {
            const Vec v = load(f.values + (k * B + b) * kVec), x = load(f.error + b * kVec);
            plus |= above(v, x) << (b * kVec);
            minus |= above(-v, x) << (b * kVec);
        }
    };
    for (int k = 0; k < f.n_points; ++k) note(k);
    f.keep = cuts;
    for (Set rest = cuts; rest != 0; rest &= rest - 1) {
        const int j = sets::first(rest);
        for (const int side : {1, -1}) {
            if (((side > 0 ? plus : minus) & sets::one(j)) != 0) continue;
            const Answer found = reach<B>(f, j, side);
            if (found == Answer::open) return false;
            if (found == Answer::no) {
                f.keep ^= sets::one(j);
                break;
            }
            note(f.n_points - 1);
        }
    }
    return true;
}

template <int B> INLINE std::int64_t Flats::node(int level, Set cuts) {
    Flat &f = flats_[z(level)];
    if (f.d == 2) {
        const std::int64_t found = plane<B>(level, cuts);
        if (listing_ && found == 1 && level == 0) {
            f.n_points = 0; // to be looked at: nothing else needs its values
            if (examine<B>(f)) list_at<B>(f, 0);
        }
        return found;
    }
    // the points from which this flat's were made are certainly inside; these are as rounding left them
    const int made = f.n_points, pitch = (f.d + kVec - 1) / kVec * kVec;
    f.n_points = 0;
    for (int k = 0; k < made; ++k) {
        if (k > f.n_points) std::memcpy(f.points + f.n_points * pitch, f.points + k * pitch, z(pitch) * sizeof(double));
        if (examine<B>(f)) ++f.n_points;
    }
    if (f.n_points == 0 || !sift<B>(f, cuts)) return 0;
    if (level == 0) {
        shorten(f, f.keep);
        if (f.blocks != B) return down(0, sets::below(f.rows) & ~sets::below(faces_));
    }

    std::int64_t total = 1;
    if (listing_ && f.keep == 0 && level == 0) list_at<B>(f, 0);
    Pair pairs[2 * kRows];
    Flat &to = flats_[z(level + 1)];
    for (Set rest = f.keep; rest != 0;) { // the last one first
        const int i = sets::last(rest);
        rest ^= sets::one(i);
        // those that do not meet it on the flat above do not meet it here
        const Set later = f.keep & ~sets::below(i + 1) & f.met_above[i];
        f.meets[i] = later;
        if (later == 0) {
            ++total;
            continue;
        }
        int n_pairs = 0;
        if (to.d > 2) {
            const Set known = between<B>(f, i, later, pairs, n_pairs);
            if (known == later && sets::size(later) == 1) { // that cuts this flat in two
                if (listing_) list_between<B>(f, i, sets::first(later), pairs, n_pairs);
                total += 2;
                continue;
            }
        }
        if (!eliminate<B>(f, to, i)) return 0;
        to.n_points = 0;
        if (to.d > 2) {
            if (!descend<B>(f, to, i)) return 0;
            const int to_pitch = (to.d + kVec - 1) / kVec * kVec;
            for (; to.n_points < n_pairs; ++to.n_points) {
                const Pair &pair = pairs[to.n_points];
                const double *p = f.points + pair.above * pitch, *q = f.points + pair.below * pitch;
                double *point = to.points + to.n_points * to_pitch;
                for (int c = 0, left = 0; left < to.d; ++c)
                    if (to.coordinate[left] == f.coordinate[c]) point[left++] = q[c] + pair.share * (p[c] - q[c]);
            }
            for (Set others = later; others != 0; others &= others - 1) {
                const int j = sets::first(others);
                to.met_above[j] = f.meets[j];
            }
        }
        const std::int64_t found = down(level + 1, later);
        if (found == 0) return 0;
        total += found;
        f.meets[i] = to.keep;
    }
    if (!listing_) return total;
    Set met = 0; // hyperplanes that meet others here
    for (Set rest = f.keep; rest != 0; rest &= rest - 1) {
        const int i = sets::first(rest);
        if (f.meets[i] != 0) met |= sets::one(i) | f.meets[i];
    }
    for (Set rest = f.keep & ~met; rest != 0; rest &= rest - 1) list_between<B>(f, sets::first(rest));
    return total;
}

CLONES std::int64_t Flats::node1(int level, Set cuts) { return node<1>(level, cuts); }
CLONES std::int64_t Flats::node2(int level, Set cuts) { return node<2>(level, cuts); }
CLONES std::int64_t Flats::node3(int level, Set cuts) { return node<3>(level, cuts); }
CLONES std::int64_t Flats::node4(int level, Set cuts) { return node<4>(level, cuts); }
CLONES std::int64_t Flats::node8(int level, Set cuts) { return node<8>(level, cuts); }

std::int64_t Flats::down(int level, Set cuts) {
    switch (flats_[z(level)].blocks) {
    case 1: return node1(level, cuts);
    case 2: return node2(level, cuts);
    case 3: return node3(level, cuts);
    case 4: return node4(level, cuts);
    default: return node8(level, cuts);
    }
}

std::int64_t Flats::parts(const double *inside) {
    Flat &f = flats_[0];
    std::copy(inside, inside + n_, f.points);
    f.n_points = 1;
    return down(0, sets::below(f.rows) & ~sets::below(faces_));
}

int Flats::list(const double *inside, const Target &target) {
    listed_.truncate(0);
    left_.clear();
    target_ = target;
    const std::int64_t count = parts(inside);
    if (count > 0) list_around(static_cast<std::size_t>(count));
    Set left = 0;
    for (int i = faces_; i < flats_[0].rows; ++i) left |= sets::one(id_[i]);
    for (std::uint32_t *set = listed_.data(); set < listed_.end(); ++set) *set = always_above_ | static_cast<std::uint32_t>(deposit(*set, left));
    return count == static_cast<std::int64_t>(listed_.size()) ? static_cast<int>(count) : 0;
}

} // namespace plica

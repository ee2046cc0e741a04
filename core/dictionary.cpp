#include "dictionary.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "kernels.hpp"
#include "walk_common.hpp"

namespace plica {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNear = 1e-7;  // a witness nearer to a cut is replaced
constexpr double kTouch = 1e-12; // an optimum below is taken for zero by the guide
constexpr double kManyParts = 1 << 14; // are counted at once
constexpr int kSpan = 8; // storage is padded to this many numbers

std::vector<double> cone_bounds(int n, double others, double last) {
    std::vector<double> bounds(z(n), others);
    bounds.back() = last;
    return bounds;
}

std::size_t pad(int n) { return z((n + kSpan - 1) / kSpan * kSpan); }

} // namespace

Dictionary::Dictionary(const Domain &domain, Arbiter &arbiter, double filter)
    : domain_(domain), arbiter_(arbiter), filter_(filter), n_(domain.n),
      g_(domain.n + (domain.cone ? 1 : 0)), ld_(static_cast<int>(pad(g_))),
      lower_(domain.cone ? cone_bounds(g_, -1.0, 0.0) : domain.lower),
      upper_(domain.cone ? cone_bounds(g_, 1.0, 1.0) : domain.upper),
      lp_(lower_.data(), upper_.data(), g_) {
    for (Numbers *numbers : {&middle_, &half_, &least_, &most_, &reach_, &bound_, &z_, &d_, &s_, &sum_, &found_[0], &found_[1]})
        numbers->assign(z(ld_), 0.0);
    bound_.assign(z(ld_), 3.0); // the padding is never near to it
    for (int k = 0; k < g_; ++k) {
        const double low = lower_[z(k)], high = upper_[z(k)];
        middle_[z(k)] = low / 2 + high / 2;
        double half = std::max(high - middle_[z(k)], middle_[z(k)] - low);
        half = std::nextafter(std::nextafter(half, kInfinity), kInfinity); // covers the domain
        half_[z(k)] = half;
        reach_[z(k)] = std::fabs(middle_[z(k)]) + half;
        bound_[z(k)] = 1 - 8 * kUnit * reach_[z(k)] / half;
        least_[z(k)] = low;
        most_[z(k)] = high;
    }
    many_ = Flats::many(g_, kManyParts);
    find_apex();
}

Dictionary::View Dictionary::view(const Cell &cell) {
    const std::size_t m = pad(cell.m);
    double *numbers = numbers_.at(cell.numbers);
    int *codes = codes_.at(cell.codes);
    double *values = numbers + m * z(ld_);
    return {numbers, values, values + m, values + 2 * m, codes, codes + cell.m, codes + 2 * cell.m};
}

// Storage of a cell of m rows, padded to a multiple of eight by rows that nobody minds.
Dictionary::Cell Dictionary::make(int m) {
    Cell cell;
    cell.m = m;
    const std::size_t rows = pad(m);
    cell.numbers = numbers_.grow(rows * z(ld_) + 2 * rows + z(ld_));
    cell.codes = codes_.grow(z(2 * m + g_));
    if (speeds_.size() < rows) {
        speeds_.resize(rows);
        rooms_.resize(rows);
    }
    return cell;
}

Dictionary::Cell Dictionary::lower(const Mark &mark, const Cell &cell) {
    if (cell.numbers < mark.numbers) return cell;
    const std::size_t rows = pad(cell.m), numbers = rows * z(ld_) + 2 * rows + z(ld_), codes = z(2 * cell.m + g_);
    Cell low = cell;
    low.numbers = mark.numbers;
    low.codes = mark.codes;
    std::memmove(numbers_.at(low.numbers), numbers_.at(cell.numbers), numbers * sizeof(double));
    std::memmove(codes_.at(low.codes), codes_.at(cell.codes), codes * sizeof(int));
    numbers_.truncate(low.numbers + numbers);
    codes_.truncate(low.codes + codes);
    return low;
}

void Dictionary::release(const Mark &mark) {
    numbers_.truncate(mark.numbers);
    codes_.truncate(mark.codes);
    lines_.truncate(mark.lines);
    rows_.truncate(mark.lines * z(ld_));
}

Dictionary::Cell Dictionary::start() {
    Cell cell = make(0);
    const View v = view(cell);
    cell.inside = true;
    std::fill(v.point, v.point + ld_, 0.0);
    for (int k = 0; k < g_; ++k) {
        v.nonbasic[k] = 2 * k;
        // not the middle, where many hyperplanes of real networks meet
        v.point[k] = 0.125 * std::fmod(0.6180339887498949 * (k + 1), 1.0) + 0.01;
        cell.inside = cell.inside && std::fabs(v.point[k]) <= bound_[z(k)];
    }
    const int facets = static_cast<int>(domain_.b.size());
    std::vector<double> row(z(n_) + 1);
    for (int i = 0; i < facets; ++i) {
        for (int k = 0; k < n_; ++k) row[z(k)] = -domain_.A[z(i) * z(n_) + z(k)];
        row[z(n_)] = domain_.b[z(i)];
        const int signs = ask(cell, row);
        if (signs == 2 || (signs == 0 && !zero(exact_question())))
            throw std::domain_error("the domain has no interior");
        if (signs == 3) cell = child(cell, true);
    }
    return cell;
}

void Dictionary::witness(const Cell &cell, double *point) const {
    place(numbers_.at(cell.numbers) + pad(cell.m) * z(ld_) + 2 * pad(cell.m), point);
}

bool Dictionary::sides(double *plus, double *minus) const {
    if (!certain_[0] || !certain_[1]) return false;
    place(found_[0].data(), plus);
    place(found_[1].data(), minus);
    return true;
}

// A point of scaled coordinates in the domain's own.
void Dictionary::place(const double *s, double *point) const {
    for (int k = 0; k < n_; ++k) point[k] = middle_[z(k)] + half_[z(k)] * s[k];
    if (domain_.cone) {
        const double u = middle_[z(n_)] + half_[z(n_)] * s[n_];
        for (int k = 0; k < n_; ++k) point[k] /= u;
    } else {
        for (int k = 0; k < n_; ++k) point[k] = std::clamp(point[k], lower_[z(k)], upper_[z(k)]);
    }
}

Range Dictionary::range(const Cell &, const Question &q) const {
    const double constant = q.row[z(n_) * q.stride] - q.shift;
    double centre = domain_.cone ? constant * middle_[z(n_)] : constant;
    double size = domain_.cone ? std::fabs(constant) * half_[z(n_)] : 0.0, sum = std::fabs(constant);
    for (int k = 0; k < n_; ++k) {
        const double a = q.row[z(k) * q.stride];
        centre += a * middle_[z(k)];
        size += std::fabs(a) * half_[z(k)];
        sum += std::fabs(a) * (std::fabs(middle_[z(k)]) + half_[z(k)]);
    }
    const double margin =
        size + filter_ * (q.tolerance + (3 * g_ + 12) * kUnit * (sum + std::fabs(q.shift)) + DBL_MIN);
    return {centre - margin, centre + margin};
}

void Dictionary::decide(const Cell &cell, const Rows &rows, std::uint16_t *verdict) {
    for (int j = 0; j < rows.n; ++j) {
        verdict[j] = kOpen;
        if (rows.left[j] == kInfinity) {
            verdict[j] = 0;
            continue;
        }
        const auto beside = [&](double t) { return range(cell, {rows.map + j, rows.ld, t, rows.tolerance, {}}); };
        const Range r = beside(rows.left[j]);
        if (r.high < 0)
            verdict[j] = 0;
        else if ((rows.right[j] == rows.left[j] ? r : beside(rows.right[j])).low > 0)
            verdict[j] = rows.last;
    }
}

int Dictionary::ask(Cell &cell, const Question &question) {
    load(question);
    return ask_loaded(cell);
}

void Dictionary::faces(const Cell &cell, Numbers &rows, Numbers &constants) {
    const View v = view(cell);
    rows.resize(z(cell.m) * z(ld_));
    constants.resize(z(cell.m));
    for (int i = 0; i < cell.m; ++i) {
        const double side = (v.half[i] & 1) != 0 ? -1.0 : 1.0;
        const double *row = rows_.at(z(v.half[i] / 2) * z(ld_));
        for (int k = 0; k < ld_; ++k) rows[z(i) * z(ld_) + z(k)] = side * row[k];
        constants[z(i)] = side * lines_[z(v.half[i] / 2)].constant;
    }
}

int Dictionary::ask(Cell &cell, const std::vector<double> &row) {
    load({row.data(), 1, 0.0, 0.0, {}});
    exact_z_ = lift(Row(row.begin(), row.end()));
    have_exact_ = true;
    return ask_loaded(cell);
}

int Dictionary::ask_loaded(Cell &cell) {
    ++tally.asked;
    line_ = -1;
    loose_ = false;
    certain_[0] = certain_[1] = false;
    if (cell.shallow) recentre(cell);
    const View v = view(cell);
    at_witness_ = value_at(z_.data(), constant_, v.point);
    int known = 0;
    if (cell.inside && std::fabs(at_witness_) > filter_ * slack_) {
        known = at_witness_ > 0 ? 1 : -1;
    } else if (cell.inside && std::fabs(at_witness_) > kNear) {
        ++arbiter_.asked;
        if (zero(exact_question())) return 0;
        known = exact_sign(exact_question(), v.point);
    }
    if (known == 0) { // a witness too near to the cut serves neither side
        int signs = search(cell, 1) ? 1 : 0;
        if (have_exact_ && zero(exact_z_)) return 0;
        if (search(cell, -1)) signs |= 2;
        return signs;
    }
    const int side = known > 0 ? 0 : 1;
    if (std::fabs(at_witness_) > kNear || walk(cell, known) != Answer::yes) {
        std::memcpy(found_[side].data(), v.point, z(ld_) * sizeof(double));
        certain_[side] = true;
        shallow_[side] = cell.shallow || std::fabs(at_witness_) < kNear;
    }
    return (known > 0 ? 1 : 2) | (search(cell, -known) ? (known > 0 ? 2 : 1) : 0);
}

// Whether sign * z is positive somewhere in the cell.
bool Dictionary::search(Cell &cell, int sign) {
    ++tally.programs;
    Answer found = walk(cell, sign);
    if (found == Answer::open)
        if (const int side = along_face(cell)) return side == sign;
    if (found == Answer::open && cell.inside && filter_ < kInfinity) {
        rebuild(cell, sign);
        found = walk(cell, sign);
        // exact rows do not help where the functional touches zero
        if (found == Answer::open && std::fabs(height_) > kTouch && sharpen(cell)) {
            rebuild(cell, sign);
            found = walk(cell, sign);
            if (found != Answer::open) ++arbiter_.asked;
        }
    }
    if (found != Answer::open) {
        ++tally.certificates;
        return found == Answer::yes;
    }
    return exactly(cell, sign);
}

int Dictionary::commit() {
    if (line_ >= 0) return line_;
    line_ = static_cast<int>(lines_.size());
    lines_.push({constant_, slack_, scale_, f_, have_exact_, linear_});
    std::memcpy(rows_.at(rows_.grow(z(ld_))), z_.data(), z(ld_) * sizeof(double));
    if (exact_.size() < lines_.size()) exact_.resize(lines_.capacity());
    if (have_exact_) exact_[z(line_)] = exact_z_;
    return line_;
}

void Dictionary::take_witness(Cell &part, const Cell &cell, bool plus) {
    const int side = plus ? 0 : 1;
    part.inside = certain_[side];
    part.shallow = part.inside && shallow_[side];
    const double *point = part.inside ? found_[side].data() : view(cell).point;
    std::memcpy(view(part).point, point, z(ld_) * sizeof(double));
}

} // namespace plica

#include "image_cells.hpp"

#include <algorithm>
#include <limits>

#include "walk_common.hpp"

namespace plica {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Counting does not skip the last cells: each is looked at. Witnesses are inputs, written here.
Listing each_region(Listing listing) {
    listing.patterns = true;
    listing.witnesses = false;
    return listing;
}

} // namespace

ImageCells::ImageCells(const Chain &image, const Chain &whole, Domain space, Domain inputs, const Ball &ball,
                       const Listing &listing)
    : Base(image, std::move(space), each_region(listing)), inputs_(std::move(inputs)),
      patterns_wanted_(listing.patterns), witnesses_wanted_(listing.witnesses),
      zonotope_(whole.stages[0], inputs_.lower, inputs_.upper, ball), halves_(whole, inputs_, 0, bits_, listing.filter) {
    plain_ = false; // each region is looked at
    zonotope_.set_frame(form_.middle(), form_.half());
    point_.assign(form_.padded(), 0.0);
    force_ = point_;
    found_.assign(z(inputs_.n), 0.0);
    forces_.assign(z(Zonotope::kTogether) * zonotope_.force().size(), 0.0);
}

// Whether the cell meets the interior of the image, as far as floating point can tell; on yes, if an input is asked for, it
// is written, or it will be written later by the zonotope's force.
ImageCells::Meets ImageCells::meets(Cell cell, double *input) {
    if (!cell.inside || listing_.filter == kInfinity) return Meets::open;
    form_.inward(cell, kInward, point_.data());
    const auto found = [&]() {
        if (!form_.holds(cell, zonotope_.image(), zonotope_.slack())) return false;
        if (input != nullptr) std::copy(zonotope_.input(), zonotope_.input() + inputs_.n, input);
        return true;
    };
    const auto known = [&]() {
        if (!zonotope_.near(point_.data())) return false;
        if (input == nullptr) return form_.holds(cell, point_.data(), 0.0);
        zonotope_.aim(point_.data());
        later_ = zonotope_.stays() && form_.holds(cell, zonotope_.aimed(), zonotope_.aim_slack());
        if (later_) return true;
        if (!form_.holds(cell, point_.data(), 0.0)) return false;
        zonotope_.lift();
        return found();
    };
    if (known()) return Meets::yes;
    for (double margin = kMargin; margin > kLeast; margin *= kThinner) {
        form_.faces(cell, rows_of_, constants_of_);
        projection_.set(cell.m, n_, form_.padded(), rows_of_.data(), constants_of_.data(), zonotope_.metric());
        zonotope_.reset();
        for (int step = 0; step < kSteps; ++step) {
            if (step > 0) projection_.bend(zonotope_.metric_here());
            if (zonotope_.free() < n_) break; // the force grows without end
            if (!projection_.solve(zonotope_.image(), margin * zonotope_.extent())) break;
            if (step == 0) {
                std::copy(zonotope_.image(), zonotope_.image() + n_, point_.begin());
                projection_.move(point_.data());
                if (known()) return Meets::yes;
            }
            projection_.force(force_.data());
            zonotope_.push(force_.data());
            std::copy(zonotope_.image(), zonotope_.image() + n_, point_.begin());
            if (found()) return Meets::yes;
        }
        // no input that deep in the cell; a plane across the force tells whether there is one at all
        if (!zonotope_.plane(force_.data(), plane_)) return Meets::open;
        const int signs = form_.ask(cell, plane_);
        fresh_ = false;
        if ((signs & 1) == 0) return Meets::no;
        if (signs == 3) cell = form_.child(cell, true);
        if (!cell.inside) return Meets::open;
    }
    return Meets::open;
}

// The same of a region, exactly: its half-spaces are cut from the box of inputs one by one.
bool ImageCells::exactly() {
    ++programs;
    if (!halves_.read(pattern_.data())) return false;
    if (!form_of_inputs_) {
        form_of_inputs_ = std::make_unique<Dictionary>(inputs_, halves_.arbiter, listing_.filter);
        all_ = form_of_inputs_->start();
    }
    Dictionary &form = *form_of_inputs_;
    const Mark mark = form.mark();
    Cell cell = all_;
    const std::int64_t before = halves_.arbiter.asked;
    bool meets = true;
    for (int i = 0; meets && i < static_cast<int>(halves_.list.size()); ++i) {
        const HalfSpace &half = halves_.list[z(i)];
        const int signs = form.ask(cell, {halves_.row(i), 1, half.f.shift, half.tolerance, half.f});
        meets = (signs & (half.sign > 0 ? 1 : 2)) != 0;
        if (meets && signs == 3) cell = form.child(cell, half.sign > 0);
    }
    if (meets) form.witness(cell, found_.data());
    arbiter_.asked += halves_.arbiter.asked - before;
    form.release(mark);
    return meets;
}

bool ImageCells::hopeless(Item &item) {
    if (item.stage == 0) return false;
    const Mark mark = form_.mark();
    const bool beyond = meets(item.cell, nullptr) == Meets::no;
    form_.release(mark);
    if (beyond) ++beside;
    return beyond;
}

void ImageCells::emit(Cell &cell) {
    const Mark mark = form_.mark();
    double *input = witnesses_wanted_ ? listed.witnesses.room(z(inputs_.n)) : nullptr;
    later_ = false;
    const Meets found = meets(cell, input);
    form_.release(mark);
    if (found == Meets::no || (found == Meets::open && !exactly())) {
        ++beside;
        return;
    }
    ++steps.regions;
    if (patterns_wanted_) listed.patterns.append(pattern_.data(), pattern_.size());
    if (!witnesses_wanted_) return;
    if (found == Meets::open) std::copy(found_.begin(), found_.end(), input);
    if (later_) {
        const Numbers &force = zonotope_.force();
        std::copy(force.begin(), force.end(), forces_.begin() + static_cast<std::ptrdiff_t>(z(n_later_) * force.size()));
        places_of_[n_later_++] = listed.witnesses.size();
    }
    listed.witnesses.take(z(inputs_.n));
    if (n_later_ == Zonotope::kTogether) finish();
}

// Write the inputs that wait, one of them several times where they are few.
void ImageCells::finish() {
    if (n_later_ == 0) return;
    double *x[Zonotope::kTogether];
    const auto size = static_cast<std::ptrdiff_t>(zonotope_.force().size());
    for (int i = 0; i < Zonotope::kTogether; ++i) {
        if (i >= n_later_) std::copy(forces_.begin(), forces_.begin() + size, forces_.begin() + i * size);
        x[i] = listed.witnesses.data() + places_of_[i < n_later_ ? i : 0];
    }
    zonotope_.reach(forces_.data(), x);
    n_later_ = 0;
}

} // namespace plica

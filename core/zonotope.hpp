// The image of a box under an affine map whose rows are independent: which points lie in it?
//
// y = A x + a for x in [lower, upper], with fewer rows than columns. A point is certainly in the image if
// a ball of inputs around the middle of the box is known to reach it, or if it is the image of an input
// that has been found. A direction w bounds the image by its largest value of w.y, whose rounding errors
// are counted in. Inputs come from the middle of the box by a force that acts on the image.
#pragma once

#include <vector>

#include "chain.hpp"
#include "lanes.hpp"

namespace plica {

// Certain: A x + a takes all values whose distance from the image of the middle of the box is at most the
// radius; of the distances the coordinates are weighted.
struct Ball {
    std::vector<double> weight;
    double radius = 0;
};

class Zonotope {
  public:
    static constexpr int kTogether = 4;

    Zonotope(const Stage &stage, std::vector<double> lower, std::vector<double> upper, const Ball &ball);

    double extent() const { return extent_; } // half of the widest side of the box

    // Whether y = middle + half * s is certainly in the image; of the coordinates of s.
    void set_frame(const double *middle, const double *half);
    bool near(const double *s) const;

    // Go to the middle of the box, moved by A' u and then brought back into the box. Without bounds that is
    // the shortest way to its image.
    void reset();
    void push(const double *u);
    // Aim at the image s from the middle of the box, the shortest way. Where that certainly stays in the box, the image of the
    // input there is within aim_slack() of aimed(), in the coordinates of s.
    void aim(const double *s);
    const double *aimed() const { return aimed_.data(); }
    double aim_slack() const { return aim_slack_; }
    bool stays() const { return stays_; }
    const Numbers &force() const { return force_; }
    // The inputs to which so many forces lead, one row of padded numbers each, as `stream` writes.
    void reach(const double *forces, double *const *x) const;
    // Go there, and then back into the box.
    void lift() { push(force_.data()); }
    // The image of the current input, in the coordinates of s as u is, and a bound on its errors there.
    const double *image() const { return s_.data(); }
    double slack() const { return slack_; }
    const double *input() const { return x_.data(); }
    // By how much a change of u moves the image, as a matrix with padded rows: all over the box without
    // bounds, or here, where some inputs are at their bounds.
    const Numbers &metric() const { return metric_; }
    const Numbers &metric_here();
    int free() const { return free_; } // inputs that were not at their bounds there

    // Coefficients and constant of a functional of y that is certainly not negative on the image: how much its
    // u.y is below the largest. False: they are too large for numbers.
    bool plane(const double *u, std::vector<double> &row);

  private:
    const double *row(int k) const { return A_.data() + static_cast<std::size_t>(k) * ld_; }
    static constexpr int kRows = 64, kPanel = 4 * kVec;
    void invert(); // the metric
    double support(const double *w);

    int n_, r_;
    std::size_t ld_;
    Numbers A_, lower_, upper_, start_, x_;
    Numbers columns_; // of A by the half widths of the frame
    Numbers pull_, sums_;
    std::vector<double> bias_, size_, weight_, middle_, half_;
    Numbers s_, start_image_, scaled_, offset_, metric_, metric_here_, inverse_;
    Numbers sizes_, bulk_; // in the coordinates of s; the metric of absolute values
    Numbers force_, aimed_;
    Numbers panels_; // of A: kPanel columns after another
    // Less than the half width of all sides of the box, or 0; more than the length of any column.
    double narrow_ = 0, longest_ = 0;
    bool stays_ = false;
    int free_ = 0;
    double radius_, extent_ = 0, slack_ = 0, ball_slack_ = 0, aim_slack_ = 0;
};

} // namespace plica

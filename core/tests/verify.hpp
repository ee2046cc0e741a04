// Small networks and domains, and all ways of walking over them compared with one known count.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "difference.hpp"
#include "walk.hpp"

using Matrix = std::vector<std::vector<double>>;

enum { kRelu, kAbs, kHardtanh, kStairs, kLeaky, kDouble }; // functions of every network here

struct Unit {
    int function; // or plica::kIdentity, plica::kMax
    std::vector<std::int32_t> reads;
};

struct Layer {
    Matrix A;
    std::vector<double> a;
    std::vector<Unit> units;
};

inline Layer scalar(const Matrix &A, const std::vector<double> &a, int function) {
    Layer layer{A, a, {}};
    for (std::int32_t k = 0; k < static_cast<std::int32_t>(A.size()); ++k)
        layer.units.push_back({function, {k}});
    return layer;
}

inline Layer relu(const Matrix &A) { return scalar(A, std::vector<double>(A.size(), 0.0), kRelu); }

inline Layer affine(const Matrix &A) {
    return scalar(A, std::vector<double>(A.size(), 0.0), plica::kIdentity);
}

inline Layer maxout(const Matrix &A, const std::vector<double> &a, int k) { // of k consecutive rows
    Layer layer{A, a, {}};
    for (int start = 0; start < static_cast<int>(A.size()); start += k) {
        Unit unit{plica::kMax, {}};
        for (int i = 0; i < k; ++i) unit.reads.push_back(start + i);
        layer.units.push_back(unit);
    }
    return layer;
}

struct Domain {
    std::vector<plica::DomainFacet> facets;
    double size;
};

inline Domain square(double half) {
    return {{{{1, 0}, half, 0}, {{0, 1}, half, 1}, {{-1, 0}, half, 2}, {{0, -1}, half, 3}},
            4 * half * half};
}

inline Domain interval(double left, double right) {
    return {{{{-1, 0}, -left, 0}, {{1, 0}, right, 1}}, right - left};
}

inline Domain polygon(int n) { // around the unit circle
    const double pi = std::acos(-1.0);
    Domain domain{{}, n * std::tan(pi / n)};
    for (int i = 0; i < n; ++i)
        domain.facets.push_back({{std::cos(2 * pi * i / n), std::sin(2 * pi * i / n)}, 1.0, i});
    return domain;
}

plica::Chain compile(const std::vector<Layer> &layers, bool sparse);
std::vector<double> evaluate(const plica::Chain &chain, const std::vector<Layer> &layers,
                             std::vector<double> h);

// The walk finds `expected` regions with every combination of options, dense and sparse, filtered
// and exact, in one go and in slices; what it writes is consistent; the output is the network's.
template <int D>
void verify(Checks &checks, const std::string &name, const std::vector<Layer> &layers,
            const Domain &domain, std::int64_t expected);

// The walk over cells finds as many, on the domain's half-spaces and on the cone over them.
void verify_cells(Checks &checks, const std::string &name, const std::vector<Layer> &layers, int n,
                  const std::vector<plica::DomainFacet> &facets, std::int64_t expected);

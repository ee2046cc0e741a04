// The walk over cells of any dimension: the same counts, with all options, on bounds, on half-spaces and
// on the cone over them.
#include "cells.hpp"

#include <limits>

#include "dictionary.hpp"
#include "image_cells.hpp"
#include "verify.hpp"
#include "vertices.hpp"

namespace {

plica::Domain domain_of(int n, const std::vector<plica::DomainFacet> &facets, bool cone) {
    plica::Domain domain;
    domain.n = n;
    domain.cone = cone;
    for (const plica::DomainFacet &facet : facets) {
        for (int k = 0; k < n; ++k) domain.A.push_back(facet.normal[k]);
        domain.b.push_back(facet.bound);
    }
    if (!cone) { // a box around it, by far
        domain.lower.assign(static_cast<std::size_t>(n), -4194304.0);
        domain.upper.assign(static_cast<std::size_t>(n), 4194304.0);
    }
    return domain;
}

template <class Form>
void verify_form(Checks &checks, const std::string &name, const std::vector<Layer> &layers, int n,
                  const std::vector<plica::DomainFacet> &facets, std::int64_t expected) {
    for (int way = 0; way < 16; ++way) {
        plica::Listing listing;
        listing.patterns = listing.witnesses = (way & 1) != 0;
        listing.maps = (way & 2) != 0;
        if ((way & 4) != 0) listing.filter = std::numeric_limits<double>::infinity();
        const bool cone = (way & 8) != 0, sparse = (way & 1) != 0;
        const std::string what = name + (cone ? ", cone" : ", box") + ((way & 4) != 0 ? ", exact" : "") +
                                 (listing.patterns ? ", patterns" : "") + (listing.maps ? ", maps" : "");
        const plica::Chain chain = compile(layers, sparse);
        plica::Cells<Form> cells(chain, domain_of(n, facets, cone), listing);
        std::vector<std::uint64_t> packed;
        std::vector<double> witnesses;
        const auto take = [&] { // what has been found is removed there
            const plica::Listed listed = cells.take();
            packed.insert(packed.end(), listed.patterns.data(), listed.patterns.data() + listed.patterns.size());
            witnesses.insert(witnesses.end(), listed.witnesses.data(), listed.witnesses.data() + listed.witnesses.size());
        };
        for (std::int64_t slice = 3; !cells.run(slice, 1e9); slice *= 2) // in slices
            if (sparse) take();
        take();
        checks.expect(cells.steps.regions == expected,
                      what + ": " + std::to_string(cells.steps.regions) + " cells, expected " +
                          std::to_string(expected));
        if (!listing.patterns || cells.steps.regions != expected || cells.words() == 0) continue;
        const auto words = static_cast<std::size_t>(cells.words());
        std::set<std::vector<std::uint64_t>> distinct;
        for (std::size_t at = 0; at + words <= packed.size(); at += words)
            distinct.insert({packed.data() + at, packed.data() + at + words});
        checks.expect(static_cast<std::int64_t>(distinct.size()) == expected, what + ": patterns differ");
        checks.expect(witnesses.size() == static_cast<std::size_t>(expected * n),
                      what + ": a witness each");
    }
}

// The same network behind a map of 2 n + 1 inputs, over the image of their box and over the box itself.
void verify_image(Checks &checks, const std::string &name, const std::vector<Layer> &layers, int n) {
    Matrix spread(static_cast<std::size_t>(n), std::vector<double>(static_cast<std::size_t>(2 * n + 1), 0.0));
    for (std::size_t k = 0; k < spread.size(); ++k) {
        spread[k][2 * k] = 1.0;
        spread[k][2 * k + 1] = -0.5;
        spread[k].back() = 0.25 * static_cast<double>(k + 1);
    }
    std::vector<Layer> whole = layers, image = layers;
    whole.insert(whole.begin(), affine(spread));
    Matrix one(spread.size(), std::vector<double>(spread.size(), 0.0));
    for (std::size_t k = 0; k < one.size(); ++k) one[k][k] = 1.0;
    image.insert(image.begin(), affine(one));
    const auto cube = [](int dim, double half) {
        plica::Domain box;
        box.n = dim;
        box.lower.assign(static_cast<std::size_t>(dim), -half);
        box.upper.assign(static_cast<std::size_t>(dim), half);
        return box;
    };
    for (int way = 0; way < 8; ++way) {
        plica::Listing listing;
        listing.patterns = (way & 1) != 0;
        listing.witnesses = (way & 2) != 0;
        if ((way & 4) != 0) listing.filter = std::numeric_limits<double>::infinity();
        const plica::Chain large = compile(whole, (way & 1) != 0), small = compile(image, (way & 1) != 0);
        const double side = 1.5; // of inputs in [-1, 1]; the image of each y_k is within 2
        plica::Cells<plica::Dictionary> cells(large, cube(2 * n + 1, side), listing);
        plica::ImageCells image_cells(small, large, cube(n, 2.0 * side), cube(2 * n + 1, side),
                                      {std::vector<double>(static_cast<std::size_t>(n), 1.0), side / 4}, listing);
        while (!cells.run(1000, 1e9)) {
        }
        while (!image_cells.run(7, 1e9)) {
        }
        checks.expect(image_cells.steps.regions == cells.steps.regions,
                      name + ", image: " + std::to_string(image_cells.steps.regions) + " cells, expected " +
                          std::to_string(cells.steps.regions));
        const plica::Listed listed = cells.take(), image_listed = image_cells.take();
        checks.expect(image_listed.patterns.size() == listed.patterns.size(), name + ", image: patterns");
        checks.expect(image_listed.witnesses.size() == listed.witnesses.size(), name + ", image: witnesses");
    }
}

} // namespace

void verify_cells(Checks &checks, const std::string &name, const std::vector<Layer> &layers, int n,
                  const std::vector<plica::DomainFacet> &facets, std::int64_t expected) {
    verify_form<plica::Dictionary>(checks, name + ", dictionaries", layers, n, facets, expected);
    verify_form<plica::Vertices>(checks, name + ", vertices", layers, n, facets, expected);
    verify_image(checks, name, layers, n);
}

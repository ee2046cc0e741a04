// Python's side of terms.hpp.
#include "bind_terms.hpp"

#include <algorithm>
#include <stdexcept>

#include "bind.hpp"
#include "terms.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace plica;

namespace {

// Every index within its array: what is read later is never outside.
void check(const Terms &t, std::size_t units, std::size_t hidden_rows, std::size_t reads, std::size_t terms) {
    const auto fail = [] { throw std::invalid_argument("the terms do not fit each other"); };
    if (t.term[0] != 0 || t.listed[0] != 0 || t.start[0] != 0) fail();
    if (t.term[t.blocks] != static_cast<std::int64_t>(terms)) fail();
    if (t.listed[t.blocks] != static_cast<std::int64_t>(units)) fail();
    if (t.start[terms] != static_cast<std::int64_t>(reads)) fail();
    for (std::size_t i = 0; i < units; ++i)
        if (t.unit[i] < 0 || static_cast<std::size_t>(t.unit[i]) >= hidden_rows) fail();
    for (std::int64_t b = 0; b < t.blocks; ++b) {
        const std::int64_t size = t.listed[b + 1] - t.listed[b];
        if (t.term[b + 1] < t.term[b] || size < 0 || size > t.widest) fail();
        for (std::int64_t k = t.term[b]; k < t.term[b + 1]; ++k) {
            if (t.start[k + 1] < t.start[k]) fail();
            for (std::int64_t e = t.start[k]; e < t.start[k + 1]; ++e)
                if (t.reads[e] < 0 || t.reads[e] >= size) fail();
        }
    }
}

} // namespace

void bind_terms(nb::module_ &m) {
    m.def(
        "term_values",
        [](const Table<double> &points, const In<std::int64_t> &term, const In<std::int64_t> &listed,
           const In<std::int32_t> &unit, const Table<double> &hidden, const In<std::int64_t> &start,
           const In<std::int32_t> &reads, const Table<double> &weights, const Table<double> &affine, bool each) {
            Terms t{};
            t.n = static_cast<int>(points.shape(1));
            t.m = static_cast<int>(weights.shape(1));
            t.blocks = static_cast<std::int64_t>(term.size()) - 1;
            t.term = term.data(), t.listed = listed.data(), t.unit = unit.data(), t.hidden = hidden.data();
            t.start = start.data(), t.reads = reads.data(), t.weights = weights.data(), t.affine = affine.data();
            const std::size_t width = points.shape(1) + 1, terms = start.size() - 1;
            if (term.size() < 1 || start.size() < 1 || listed.size() != term.size() || hidden.shape(1) != width ||
                affine.shape(1) != width || affine.shape(0) != terms * weights.shape(1) ||
                weights.shape(0) != reads.size())
                throw std::invalid_argument("the terms do not fit each other");
            for (std::int64_t b = 0; b < t.blocks; ++b) t.widest = std::max(t.widest, t.listed[b + 1] - t.listed[b]);
            check(t, unit.size(), hidden.shape(0), reads.size(), terms);
            const auto N = static_cast<std::int64_t>(points.shape(0));
            const std::size_t size = points.shape(0) * weights.shape(1);
            std::vector<double> largest(size), all(each ? size * terms : 0);
            {
                nb::gil_scoped_release release;
                term_values(t, points.data(), N, largest.data(), each ? all.data() : nullptr);
            }
            return give(std::move(each ? all : largest));
        },
        "points"_a, "term"_a, "listed"_a, "unit"_a, "hidden"_a, "start"_a, "reads"_a, "weights"_a, "affine"_a,
        "each"_a, "The largest value over the terms at each point and output, or the values of all of them.");
}

// Python's side of the core, with bind_cells.cpp: arrays in, arrays out.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>

#include "bind.hpp"
#include "bind_cells.hpp"
#include "bind_outline.hpp"
#include "bind_terms.hpp"
#include "difference.hpp"
#include "histogram_bound.hpp"
#include "walk.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace plica;

namespace {

template <int D> void bind_walk(nb::module_ &m, const char *name) {
    using W = Walk<D>;
    nb::class_<W>(m, name)
        .def(
            "__init__",
            [](W *self, const Chain &chain, const Table<double> &normals, const In<double> &bounds,
               const In<std::int32_t> &ids, bool patterns, bool polygons, bool sides, bool maps, bool signs,
               bool halve,
               double filter) {
                std::vector<DomainFacet> facets;
                for (std::size_t i = 0; i < bounds.size(); ++i) {
                    DomainFacet facet{{0, 0}, bounds.data()[i], ids.data()[i]};
                    for (std::size_t c = 0; c < D; ++c) facet.normal[c] = normals.data()[i * D + c];
                    facets.push_back(facet);
                }
                Options options;
                options.patterns = patterns;
                options.polygons = polygons;
                options.sides = sides;
                options.maps = maps;
                options.signs = signs;
                options.halve = halve;
                options.filter = filter;
                new (self) W(chain, facets, options);
            },
            "chain"_a, "normals"_a, "bounds"_a, "ids"_a, "patterns"_a, "polygons"_a, "sides"_a, "maps"_a,
            "signs"_a = false, "halve"_a = false, "filter"_a = 1.0, nb::keep_alive<1, 2>())
        .def(
            "run",
            [](W &self, std::int64_t regions, double seconds) {
                nb::gil_scoped_release release;
                return self.run(regions, seconds);
            },
            "regions"_a, "seconds"_a, "Go on; True when every region has been found.")
        .def_prop_ro("counters",
                     [](const W &self) {
                         nb::dict d;
                         d["regions"] = self.counters.regions;
                         d["arbitrated"] = self.counters.arbitrated;
                         d["products"] = self.counters.products;
                         d["updates"] = self.counters.updates;
                         d["splits"] = self.counters.splits;
                         d["tests"] = self.counters.tests;
                         d["refined"] = self.counters.refined;
                         d["sharpened"] = self.counters.sharpened;
                         d["crowded"] = self.counters.crowded;
                         d["map_error"] = self.counters.map_error;
                         return d;
                     })
        .def_prop_ro("words", &W::words)
        .def("bits",
                     [](const W &self) { return give_pairs(self.bits()); })
        .def("cut_units",
                     [](const W &self) { return give(std::vector<std::int32_t>(self.cut_units)); })
        .def("take", [](W &self) {
            nb::dict d;
            Columns columns;
            std::swap(columns, self.columns);
            d["patterns"] = give(std::move(columns.patterns));
            d["sizes"] = give(std::move(columns.sizes));
            d["points"] = give(std::move(columns.points));
            d["edges"] = give(std::move(columns.edges));
            d["places"] = give(std::move(columns.places));
            d["signs"] = give(std::move(columns.signs));
            d["crossed"] = give(std::move(columns.crossed));
            d["crossings"] = give(std::move(columns.crossings));
            d["maps"] = give(std::move(columns.maps));
            return d;
        }, "The columns found since the last call; they are removed here.");
}

} // namespace

NB_MODULE(_core, m) {
    m.doc() = "The compiled core of plica: walks over activation regions, with exact signs.";
    nb::class_<Chain>(m, "Chain")
        .def(nb::init<>())
        .def("add_function",
             [](Chain &self, const In<double> &breakpoints, const In<double> &slopes, double intercept) {
                 self.functions.emplace_back(copy(breakpoints), copy(slopes), intercept);
                 return self.functions.size() - 1;
             })
        .def("add_dense",
             [](Chain &self, const Table<double> &A, const In<double> &a, const In<std::int64_t> &start,
                const In<std::int32_t> &reads, const In<std::int32_t> &function) {
                 self.add_stage(static_cast<int>(A.shape(0)), static_cast<int>(A.shape(1)), A.data(),
                                nullptr, nullptr, a.data(), copy(start), copy(reads), copy(function));
             })
        .def("set_spectral_norm",
             [](Chain &self, double bound) { self.stages.back().spectral_norm = bound; },
             "bound"_a, "Of the stage added last.")
        .def("add_sparse",
             [](Chain &self, int n_state, const In<double> &data, const In<std::int64_t> &row_start,
                const In<std::int32_t> &columns, const In<double> &a, const In<std::int64_t> &start,
                const In<std::int32_t> &reads, const In<std::int32_t> &function) {
                 self.add_stage(static_cast<int>(a.size()), n_state, data.data(), row_start.data(),
                                columns.data(), a.data(), copy(start), copy(reads), copy(function));
             });
    m.def(
        "same_maps",
        [](const Chain &chain, const Table<std::uint64_t> &patterns,
           const In<std::int64_t> &bits, const In<std::int64_t> &first, const In<std::int64_t> &second) {
            const std::vector<std::pair<int, int>> where = take_pairs(bits);
            const std::size_t words = patterns.shape(1);
            Comparison comparison(chain);
            std::vector<std::uint8_t> same(first.size());
            for (std::size_t i = 0; i < first.size(); ++i) {
                if (i % 64 == 0 && PyErr_CheckSignals() != 0) throw nb::python_error();
                same[i] = comparison.same_map(
                    patterns.data() + static_cast<std::size_t>(first.data()[i]) * words,
                    patterns.data() + static_cast<std::size_t>(second.data()[i]) * words, where);
            }
            return give(std::move(same));
        },
        "chain"_a, "patterns"_a, "bits"_a, "first"_a, "second"_a,
        "For each pair of packed patterns, whether the outputs are the same affine map, exactly.");
    m.def(
        "histogram_bound",
        [](const In<std::int32_t> &units, const In<std::int32_t> &dimensions, int histogram,
           const In<std::uint32_t> &primes) {
            HistogramBound bound(copy(units), copy(dimensions), static_cast<Histogram>(histogram));
            std::vector<std::uint32_t> found(primes.size());
            HistogramBound::Eight eight;
            for (std::size_t i = 0; i < found.size(); i += eight.size()) {
                if (PyErr_CheckSignals() != 0) throw nb::python_error();
                for (std::size_t k = 0; k < eight.size(); ++k) // the last one again where there are fewer
                    eight[k] = primes.data()[std::min(i + k, found.size() - 1)];
                eight = bound.modulo(eight);
                std::copy_n(eight.data(), std::min(eight.size(), found.size() - i), found.data() + i);
            }
            return give(std::move(found));
        },
        "units"_a, "dimensions"_a, "histogram"_a, "primes"_a,
        "The histogram bound on activation regions modulo each of some primes between 2^27 and 2^28.");
    bind_walk<1>(m, "LineWalk");
    bind_walk<2>(m, "PlaneWalk");
    bind_cells(m);
    bind_outline(m);
    bind_terms(m);
}

#include "bind_cells.hpp"

#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "cells.hpp"
#include "dictionary.hpp"
#include "seek.hpp"
#include "vertices.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace plica;

namespace {

Domain domain_of(int n, const In<double> &lower, const In<double> &upper, const Table<double> &A, const In<double> &b) {
    Domain domain;
    domain.n = n;
    domain.cone = lower.size() == 0;
    domain.lower = copy(lower);
    domain.upper = copy(upper);
    domain.A.assign(A.data(), A.data() + A.size());
    domain.b = copy(b);
    return domain;
}

// Mantissa as an integer in little endian bytes with a sign, times two to an exponent.
nb::tuple exactly(const Dyadic &x) {
    const auto *bytes = reinterpret_cast<const char *>(x.limbs().data());
    return nb::make_tuple(x.sign(), nb::bytes(bytes, x.limbs().size() * sizeof(Limb)), x.offset() * kLimbBits);
}

template <class Form> void bind_seek(nb::module_ &m, const char *name) {
    using S = Seek<Form>;
    nb::class_<S, Cells<Form>>(m, name)
        .def(
            "__init__",
            [](S *self, const Chain &chain, int n, const In<double> &lower, const In<double> &upper, const Table<double> &A,
               const In<double> &b, int output, int sign, double bar, bool first, double filter) {
                Domain domain = domain_of(n, lower, upper, A, b);
                if (output < 0)
                    new (self) S(chain, std::move(domain), filter);
                else
                    new (self) S(chain, std::move(domain), filter, output, sign, bar, first);
            },
            "chain"_a, "n"_a, "lower"_a, "upper"_a, "A"_a, "b"_a, "output"_a, "sign"_a, "bar"_a, "first"_a,
            "filter"_a = 1.0, nb::keep_alive<1, 2>(),
            "Seeks the largest sign * output above the bar (or the first value above it); without an output "
            "(-1), a cell where an output is not zero.")
        .def_prop_ro("pruned", [](const S &self) { return self.pruned; })
        .def_prop_ro("found", &S::found)
        .def_prop_ro("output", &S::output)
        .def_prop_ro("best",
                     [](const S &self) {
                         nb::list point;
                         for (const Dyadic &x : self.record().point) point.append(exactly(x));
                         return nb::make_tuple(exactly(self.record().p), exactly(self.record().q), point);
                     })
        .def("pattern", [](const S &self) { return give(std::vector<std::uint64_t>(self.pattern())); })
        .def("witness", [](const S &self) { return give(std::vector<double>(self.witness())); });
}

template <class Form> void bind_form(nb::module_ &m, const char *name) {
    using C = Cells<Form>;
    nb::class_<C>(m, name)
        .def(
            "__init__",
            [](C *self, const Chain &chain, int n, const In<double> &lower, const In<double> &upper, const Table<double> &A,
               const In<double> &b, bool patterns, bool witnesses, bool maps, double filter) {
                Listing listing;
                listing.patterns = patterns;
                listing.witnesses = witnesses;
                listing.maps = maps;
                listing.filter = filter;
                new (self) C(chain, domain_of(n, lower, upper, A, b), listing);
            },
            "chain"_a, "n"_a, "lower"_a, "upper"_a, "A"_a, "b"_a, "patterns"_a, "witnesses"_a, "maps"_a,
            "filter"_a = 1.0, nb::keep_alive<1, 2>(),
            "The domain {lower <= x <= upper, A x <= b}; without bounds where both are empty.")
        .def("share", &C::share, "claims"_a, "stage"_a, "depth"_a, nb::keep_alive<1, 2>(),
             "Divide the regions with other walks: leave out the cells of this stage that one of them took; of "
             "the first stage with units, those that so many cuts have made.")
        .def(
            "run",
            [](C &self, std::int64_t regions, double seconds) {
                nb::gil_scoped_release release;
                return self.run(regions, seconds);
            },
            "regions"_a, "seconds"_a, "Go on; True when every region has been found.")
        .def_prop_ro("counters",
                     [](const C &self) {
                         nb::dict d;
                         d["regions"] = self.steps.regions;
                         d["arbitrated"] = self.steps.arbitrated;
                         d["products"] = self.steps.products;
                         d["updates"] = self.steps.updates;
                         d["splits"] = self.steps.splits;
                         d["map_error"] = self.steps.map_error;
                         d["asked"] = self.tally().asked;
                         d["programs"] = self.tally().programs;
                         d["pivots"] = self.tally().pivots;
                         d["certificates"] = self.tally().certificates;
                         d["rebuilt"] = self.tally().rebuilt;
                         d["exact_pivots"] = self.tally().exact_pivots;
                         return d;
                     })
        .def_prop_ro("words", &C::words)
        .def("bits",
             [](const C &self) { return give_pairs(self.bits()); })
        .def(
            "take",
            [](C &self) {
                nb::dict d;
                Listed listed;
                std::swap(listed, self.listed);
                d["patterns"] = give(std::move(listed.patterns));
                d["witnesses"] = give(std::move(listed.witnesses));
                d["maps"] = give(std::move(listed.maps));
                return d;
            },
            "The columns found since the last call; they are removed here.");
}

} // namespace

void bind_cells(nb::module_ &m) {
    nb::class_<Claims>(m, "Claims").def(nb::init<>());
    bind_form<Dictionary>(m, "DictionaryCells");
    bind_form<Vertices>(m, "VertexCells");
    bind_seek<Dictionary>(m, "DictionarySeek");
}

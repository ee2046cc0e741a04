#include "bind_cells.hpp"

#include <nanobind/stl/vector.h>

#include "bind.hpp"
#include "cells.hpp"
#include "dictionary.hpp"
#include "image_cells.hpp"
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

template <class Form> nb::dict counters_of(const Cells<Form> &walk) {
    nb::dict d;
    d["regions"] = walk.steps.regions;
    d["arbitrated"] = walk.steps.arbitrated;
    d["products"] = walk.steps.products;
    d["updates"] = walk.steps.updates;
    d["splits"] = walk.steps.splits;
    d["map_error"] = walk.steps.map_error;
    d["asked"] = walk.tally().asked;
    d["programs"] = walk.tally().programs;
    d["pivots"] = walk.tally().pivots;
    d["certificates"] = walk.tally().certificates;
    d["rebuilt"] = walk.tally().rebuilt;
    d["exact_pivots"] = walk.tally().exact_pivots;
    return d;
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
               const In<double> &b, bool patterns, bool witnesses, bool maps, double filter, bool each) {
                Listing listing;
                listing.each = each;
                listing.patterns = patterns;
                listing.witnesses = witnesses;
                listing.maps = maps;
                listing.filter = filter;
                new (self) C(chain, domain_of(n, lower, upper, A, b), listing);
            },
            "chain"_a, "n"_a, "lower"_a, "upper"_a, "A"_a, "b"_a, "patterns"_a, "witnesses"_a, "maps"_a,
            "filter"_a = 1.0, "each"_a = false, nb::keep_alive<1, 2>(),
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
        .def_prop_ro("counters", [](const C &self) { return counters_of(self); })
        .def_prop_ro("words", &C::words)
        .def("bits",
             [](const C &self) { return give_pairs(self.bits()); })
        .def(
            "take",
            [](C &self) {
                nb::dict d;
                Listed listed = self.take();
                d["patterns"] = give(std::move(listed.patterns));
                d["witnesses"] = give(std::move(listed.witnesses));
                d["maps"] = give(std::move(listed.maps));
                return d;
            },
            "The columns found since the last call; they are removed here.");
}

void bind_image(nb::module_ &m) {
    nb::class_<ImageCells, Cells<Dictionary>>(m, "ImageCells")
        .def(
            "__init__",
            [](ImageCells *self, const Chain &image, const Chain &whole, const In<double> &low, const In<double> &high,
               const In<double> &lower, const In<double> &upper, const In<double> &weight,
               double radius, bool patterns, bool witnesses, double filter) {
                Listing listing;
                listing.patterns = patterns;
                listing.witnesses = witnesses;
                listing.filter = filter;
                const auto box = [](const In<double> &from, const In<double> &to) {
                    Domain domain;
                    domain.n = static_cast<int>(from.size());
                    domain.lower = copy(from);
                    domain.upper = copy(to);
                    return domain;
                };
                const Ball ball{copy(weight), radius};
                new (self) ImageCells(image, whole, box(low, high), box(lower, upper), ball, listing);
            },
            "image"_a, "whole"_a, "low"_a, "high"_a, "lower"_a, "upper"_a, "weight"_a, "radius"_a,
            "patterns"_a, "witnesses"_a, "filter"_a = 1.0, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(),
            "The regions of `whole` on the box {lower <= x <= upper} by those of `image`, the same chain "
            "without the map of its first stage, on {low <= y <= high}; see core/zonotope.hpp for the rest.")
        .def_prop_ro("counters", [](const ImageCells &self) {
            nb::dict d = counters_of<Dictionary>(self);
            d["beside"] = self.beside;
            d["decided_in_inputs"] = self.programs;
            return d;
        });
}

} // namespace

void bind_cells(nb::module_ &m) {
    nb::class_<Claims>(m, "Claims").def(nb::init<>());
    bind_form<Dictionary>(m, "DictionaryCells");
    bind_form<Vertices>(m, "VertexCells");
    bind_image(m);
    bind_seek<Dictionary>(m, "DictionarySeek");
}

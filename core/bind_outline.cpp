#include "bind_outline.hpp"

#include "bind.hpp"
#include "dictionary.hpp"
#include "outline.hpp"
#include "pattern_index.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace plica;

namespace {

using Tracer = Outline<Dictionary>;

// a.u + c >= 0 as the n coefficients a, then c
void append_row(const HalfSpaces &halves, int i, std::vector<double> &rows) {
    const HalfSpace &half = halves.list[static_cast<std::size_t>(i)];
    const double *row = halves.row(i);
    for (int k = 0; k <= halves.dim(); ++k) rows.push_back(half.sign * (k < halves.dim() ? row[k] : row[k] - half.f.shift));
}

nb::dict trace(Tracer &self, const Table<std::uint64_t> &packed, const Table<double> &inside, bool rows, bool beyond) {
    std::vector<std::int32_t> counts, columns, together, members;
    std::vector<std::uint64_t> patterns;
    std::vector<double> numbers, points;
    const std::size_t words = packed.shape(1);
    {
        nb::gil_scoped_release release;
        for (std::size_t r = 0; r < packed.shape(0); ++r) {
            if (r % 16 == 0) {
                nb::gil_scoped_acquire hold;
                if (PyErr_CheckSignals() != 0) throw nb::python_error();
            }
            const std::uint64_t *pattern = packed.data() + r * words;
            const bool found = self.trace(pattern, r < inside.shape(0) ? inside.data() + r * inside.shape(1) : nullptr);
            counts.push_back(found ? static_cast<std::int32_t>(self.facets.size()) : -1);
            for (Facet &facet : self.facets) {
                if (beyond) {
                    patterns.insert(patterns.end(), pattern, pattern + words);
                    self.cross(facet, patterns.data() + patterns.size() - words);
                }
                columns.push_back(facet.column);
                if (!rows) continue;
                append_row(self.halves, facet.half, numbers);
                together.push_back(static_cast<std::int32_t>(facet.together.size()));
                for (const int i : facet.together) members.push_back(self.halves.list[static_cast<std::size_t>(i)].column);
            }
            if (rows) points.insert(points.end(), self.inside().begin(), self.inside().end());
        }
    }
    nb::dict d;
    d["counts"] = give(std::move(counts));
    d["columns"] = give(std::move(columns));
    d["beyond"] = give(std::move(patterns));
    d["rows"] = give(std::move(numbers));
    d["together"] = give(std::move(together));
    d["members"] = give(std::move(members));
    d["inside"] = give(std::move(points));
    return d;
}

} // namespace

void bind_outline(nb::module_ &m) {
    nb::class_<Tracer>(m, "Outline")
        .def(
            "__init__",
            [](Tracer *self, const Chain &chain, int n, const In<double> &lower, const In<double> &upper, int outer,
               const In<std::int64_t> &bits, double filter) {
                Domain domain;
                domain.n = n;
                domain.cone = lower.size() == 0;
                domain.lower = copy(lower);
                domain.upper = copy(upper);
                new (self) Tracer(chain, std::move(domain), outer, take_pairs(bits), filter);
            },
            "chain"_a, "n"_a, "lower"_a, "upper"_a, "outer"_a, "bits"_a, "filter"_a = 1.0, nb::keep_alive<1, 2>(),
            "A chain whose first stage writes its n inputs, and has the slacks of `outer` half-spaces of the domain "
            "behind them; bounds that hold for points of the domain and their surroundings, or none.")
        .def("trace", &trace, "packed"_a, "inside"_a, "rows"_a, "beyond"_a,
             "Facets of the regions of packed patterns, from guesses at points inside (or none).")
        .def(
            "halfspaces",
            [](Tracer &self, const In<std::uint64_t> &packed) -> nb::object {
                if (!self.halves.read(packed.data())) return nb::none();
                std::vector<std::int32_t> columns;
                std::vector<double> rows;
                for (int i = 0; i < static_cast<int>(self.halves.list.size()); ++i) {
                    columns.push_back(self.halves.list[static_cast<std::size_t>(i)].column);
                    append_row(self.halves, i, rows);
                }
                return nb::make_tuple(give(std::move(columns)), give(std::move(rows)));
            },
            "packed"_a, "All half-spaces of a packed pattern; None if one of them is empty.")
        .def(
            "signs",
            [](Tracer &self, const In<std::uint64_t> &packed, const Table<double> &points) {
                std::vector<std::int8_t> least(points.shape(0), -1);
                if (self.halves.read(packed.data()))
                    for (std::size_t p = 0; p < points.shape(0); ++p) {
                        // the domain's own half-spaces, which are last, bound the point for the others
                        int sign = 1;
                        for (int i = static_cast<int>(self.halves.list.size()); i-- > 0 && sign >= 0;)
                            sign = std::min(sign, self.halves.sign_at(i, points.data() + p * points.shape(1)));
                        least[p] = static_cast<std::int8_t>(sign);
                    }
                return give(std::move(least));
            },
            "packed"_a, "points"_a, "1 for points inside the region of a packed pattern, 0 on its boundary, else -1.")
        .def_prop_ro("counters", [](const Tracer &self) {
            nb::dict d;
            d["arbitrated"] = self.halves.arbiter.asked;
            d["asked"] = self.tally().asked;
            d["pivots"] = self.tally().pivots;
            d["exact_pivots"] = self.tally().exact_pivots;
            return d;
        });
    nb::class_<PatternIndex>(m, "PatternIndex")
        .def(
            "__init__",
            [](PatternIndex *self, const Table<std::uint64_t> &patterns) {
                new (self) PatternIndex(patterns.data(), patterns.shape(0), patterns.shape(1));
            },
            "patterns"_a.noconvert(), nb::keep_alive<1, 2>())
        .def(
            "find",
            [](const PatternIndex &self, const Table<std::uint64_t> &patterns) {
                std::vector<std::int64_t> found(patterns.shape(0));
                for (std::size_t r = 0; r < found.size(); ++r) found[r] = self.find(patterns.data() + r * patterns.shape(1));
                return give(std::move(found));
            },
            "patterns"_a, "Row number of each packed pattern, or -1.");
}

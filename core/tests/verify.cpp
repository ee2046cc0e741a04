#include "verify.hpp"

#include <algorithm>

using namespace plica;

namespace {

constexpr double kClose = 1e-9;

double piece_value(const Chain &chain, const Unit &unit, const std::vector<double> &z) {
    double value = z[static_cast<std::size_t>(unit.reads[0])];
    for (const auto read : unit.reads) value = std::max(value, z[static_cast<std::size_t>(read)]);
    if (unit.function < 0) return value;
    const Function &f = chain.functions[static_cast<std::size_t>(unit.function)];
    std::size_t q = 0;
    while (q < f.breakpoints.size() && value > f.breakpoints[q]) ++q;
    return f.slopes[q] * value + f.intercepts[q];
}

// What a walk wrote.
struct Written {
    std::vector<std::uint64_t> patterns, places;
    std::vector<std::int64_t> sizes, edges, crossed;
    std::vector<double> points, crossings, maps;
    std::vector<signed char> signs;

    bool operator==(const Written &o) const {
        return patterns == o.patterns && places == o.places && sizes == o.sizes && edges == o.edges &&
               crossed == o.crossed && points == o.points && crossings == o.crossings && maps == o.maps &&
               signs == o.signs;
    }
};

Written copy(const Columns &from) {
    Written to;
    const auto fill = [](const auto &column, auto &values) {
        if (column.size() > 0) values.assign(column.data(), column.data() + column.size());
    };
    fill(from.patterns, to.patterns);
    fill(from.places, to.places);
    fill(from.sizes, to.sizes);
    fill(from.edges, to.edges);
    fill(from.crossed, to.crossed);
    fill(from.points, to.points);
    fill(from.crossings, to.crossings);
    fill(from.maps, to.maps);
    fill(from.signs, to.signs);
    return to;
}

template <int D> struct Found {
    const Walk<D> &walk;
    const Options &options;
    const Written &columns;
    std::size_t n;

    std::size_t words() const { return static_cast<std::size_t>(walk.words()); }
    std::size_t vertices() const { return columns.points.size() / D; }
    const double *point(std::size_t v) const { return columns.points.data() + v * D; }
    std::vector<std::size_t> offsets() const {
        std::vector<std::size_t> at{0};
        for (const auto size : columns.sizes) at.push_back(at.back() + static_cast<std::size_t>(size));
        return at;
    }
    std::vector<std::size_t> following() const {
        std::vector<std::size_t> next;
        const auto at = offsets();
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t v = at[r]; v < at[r + 1]; ++v) next.push_back(v + 1 < at[r + 1] ? v + 1 : at[r]);
        return next;
    }
};

bool near(const double *p, const double *q, int dim) {
    for (int c = 0; c < dim; ++c)
        if (!(std::fabs(p[c] - q[c]) < kClose)) return false;
    return true;
}

template <int D> void check_patterns(Checks &checks, const std::string &name, const Found<D> &found) {
    std::set<std::vector<std::uint64_t>> distinct;
    for (std::size_t r = 0; r < found.n; ++r) {
        const auto start = found.columns.patterns.begin() + static_cast<std::ptrdiff_t>(r * found.words());
        distinct.emplace(start, start + static_cast<std::ptrdiff_t>(found.words()));
    }
    checks.expect(found.columns.patterns.size() == found.n * found.words(), name + ": size of patterns");
    checks.expect(distinct.size() == found.n, name + ": a pattern occurs once");
}

template <int D>
void check_polygons(Checks &checks, const std::string &name, const Found<D> &found, double size) {
    const Written &c = found.columns;
    const auto at = found.offsets(), next = found.following();
    bool shaped = c.sizes.size() == found.n && at.back() == found.vertices() &&
                  c.edges.size() == found.vertices();
    double total = 0, smallest = 0;
    for (std::size_t r = 0; r < c.sizes.size(); ++r) {
        shaped = shaped && (D == 1 ? c.sizes[r] == 2 : c.sizes[r] >= 3);
        double area = 0;
        if (D == 1) {
            area = *found.point(at[r] + 1) - *found.point(at[r]);
        } else {
            for (std::size_t v = at[r]; v < at[r + 1]; ++v) {
                const double *p = found.point(v), *q = found.point(next[v]);
                area += (p[0] * q[D - 1] - q[0] * p[D - 1]) / 2;
            }
        }
        total += area;
        smallest = std::min(smallest, area);
    }
    checks.expect(shaped, name + ": shapes of polygons");
    checks.expect(std::fabs(total - size) < kClose * size, name + ": sizes add up to the domain's");
    checks.expect(smallest > -1e-14, name + ": polygons run counter-clockwise");

    // both sides of a cut, in the order of their places, meet end to end
    std::map<std::int64_t, std::vector<std::pair<std::uint64_t, std::size_t>>> sides;
    for (std::size_t v = 0; v < c.edges.size(); ++v)
        if (c.edges[v] >= 0) sides[c.edges[v]].emplace_back(D == 2 ? c.places[v] : 0, v);
    bool paired = true, ordered = true;
    for (auto &[edge, first] : sides) {
        const auto other = sides.find(edge ^ 1);
        paired = paired && other != sides.end() && other->second.size() == first.size() &&
                 static_cast<std::size_t>(edge / 2) < found.walk.cut_units.size();
        if (!paired || edge % 2 == 1) continue;
        auto &second = other->second;
        std::sort(first.begin(), first.end());
        std::sort(second.begin(), second.end());
        for (std::size_t i = 0; i < first.size(); ++i) {
            const std::size_t v = first[i].second, w = second[i].second;
            ordered = ordered && near(found.point(v), found.point(D == 1 ? w : next[w]), D) &&
                      near(found.point(D == 1 ? v : next[v]), found.point(w), D);
        }
    }
    checks.expect(paired, name + ": a cut has as many sides left as right");
    checks.expect(ordered || found.walk.counters.crowded > 0, name + ": the sides of a cut match in order");

    if (D == 1) { // from left to right
        bool chained = c.edges.front() == -1 && c.edges.back() == -2;
        for (std::size_t v = 1; v + 1 < c.edges.size(); v += 2)
            chained = chained && c.edges[v] >= 0 && c.edges[v + 1] == (c.edges[v] ^ 1) &&
                      near(found.point(v), found.point(v + 1), 1);
        checks.expect(chained, name + ": pieces follow one another");
    }
}

// Value of output j of region r by its map.
template <int D> double by_map(const Found<D> &found, std::size_t m, std::size_t r, std::size_t j, const double *p) {
    const double *map = found.columns.maps.data() + r * (D + 1) * m + j;
    double value = map[D * m];
    for (std::size_t c = 0; c < D; ++c) value += map[c * m] * p[c];
    return value;
}

template <int D>
void check_maps(Checks &checks, const std::string &name, const Chain &chain,
                const std::vector<Layer> &layers, const Found<D> &found) {
    const std::size_t m = layers.back().units.size();
    const bool shaped = found.columns.maps.size() == found.n * (D + 1) * m;
    checks.expect(shaped, name + ": size of maps");
    if (!shaped || !found.options.polygons) return;
    const auto at = found.offsets();
    bool same = true;
    for (std::size_t r = 0; r < found.n; ++r) {
        std::vector<double> center(D, 0.0);
        for (std::size_t v = at[r]; v < at[r + 1]; ++v)
            for (std::size_t c = 0; c < D; ++c)
                center[c] += found.point(v)[c] / static_cast<double>(at[r + 1] - at[r]);
        const auto y = evaluate(chain, layers, center);
        for (std::size_t j = 0; j < m; ++j)
            same = same && std::fabs(by_map(found, m, r, j, center.data()) - y[j]) <
                               kClose * (1 + std::fabs(y[j]));
    }
    checks.expect(same, name + ": the maps are the network's");
}

template <int D> void check_signs(Checks &checks, const std::string &name, std::size_t m, const Found<D> &found) {
    const Written &c = found.columns;
    bool shaped = c.crossings.size() == c.crossed.size() * D;
    if (found.options.polygons) {
        shaped = shaped && c.signs.size() == found.vertices();
        const auto at = found.offsets(), next = found.following();
        std::size_t changes = 0;
        for (std::size_t r = 0; r < found.n; ++r)
            for (std::size_t v = at[r]; v < at[r + 1] - (D == 1); ++v) changes += c.signs[v] * c.signs[next[v]] < 0;
        checks.expect(changes == c.crossed.size(), name + ": every change of sign is found");
        if (found.options.maps) {
            bool true_signs = true, on_level = true;
            std::vector<std::size_t> region;
            for (std::size_t r = 0; r < found.n; ++r)
                for (std::size_t v = at[r]; v < at[r + 1]; ++v) {
                    const double value = by_map(found, m, r, 0, found.point(v));
                    region.push_back(r);
                    if (std::fabs(value) > kClose) true_signs = true_signs && (value > 0) == (c.signs[v] > 0) && c.signs[v] != 0;
                }
            for (std::size_t i = 0; i < c.crossed.size(); ++i)
                on_level = on_level && std::fabs(by_map(found, m, region[static_cast<std::size_t>(c.crossed[i])], 0,
                                                        c.crossings.data() + i * D)) < kClose;
            checks.expect(true_signs, name + ": signs at the vertices");
            checks.expect(on_level, name + ": the output is zero at the crossings");
        }
    }
    checks.expect(shaped, name + ": size of signs");
}

template <int D>
void check_comparison(Checks &checks, const std::string &name, const Chain &chain, std::size_t m,
                      const Found<D> &found) {
    Comparison comparison(chain);
    const std::size_t n = std::min<std::size_t>(found.n, 24), size = (D + 1) * m;
    bool right = true;
    for (std::size_t r = 0; r < n; ++r)
        for (std::size_t s = 0; s < n; ++s) {
            double gap = 0;
            for (std::size_t i = 0; i < size; ++i)
                gap = std::max(gap, std::fabs(found.columns.maps[r * size + i] - found.columns.maps[s * size + i]));
            const bool same = comparison.same_map(found.columns.patterns.data() + r * found.words(),
                                                  found.columns.patterns.data() + s * found.words(),
                                                  found.walk.bits());
            // far apart is different; what is the same is not far apart (the other way: near-duplicates)
            right = right && (r == s ? same : !same || gap < kClose) && (same || gap > 0);
        }
    checks.expect(right, name + ": which maps are the same");
}

template <class T> void append(std::vector<T> &to, const std::vector<T> &from) {
    to.insert(to.end(), from.begin(), from.end());
}

} // namespace

Chain compile(const std::vector<Layer> &layers, bool sparse) {
    Chain chain;
    chain.functions.emplace_back(std::vector<double>{0.0}, std::vector<double>{0.0, 1.0}, 0.0);
    chain.functions.emplace_back(std::vector<double>{0.0}, std::vector<double>{-1.0, 1.0}, 0.0);
    chain.functions.emplace_back(std::vector<double>{-1.0, 1.0}, std::vector<double>{0.0, 1.0, 0.0}, -1.0);
    chain.functions.emplace_back(std::vector<double>{-0.5, 0.0, 0.5},
                                 std::vector<double>{0.0, 1.0, 0.0, 1.0}, -0.5);
    chain.functions.emplace_back(std::vector<double>{0.0}, std::vector<double>{0.125, 1.0}, 0.0);
    chain.functions.emplace_back(std::vector<double>{}, std::vector<double>{2.0}, 0.0);
    for (const Layer &layer : layers) {
        std::vector<double> values;
        std::vector<std::int64_t> row_start{0}, unit_start{0};
        std::vector<std::int32_t> columns, reads, function;
        for (const auto &row : layer.A) {
            for (std::size_t k = 0; k < row.size(); ++k) {
                if (sparse && row[k] == 0.0) continue;
                values.push_back(row[k]);
                columns.push_back(static_cast<std::int32_t>(k));
            }
            row_start.push_back(static_cast<std::int64_t>(values.size()));
        }
        for (const Unit &unit : layer.units) {
            append(reads, unit.reads);
            unit_start.push_back(static_cast<std::int64_t>(reads.size()));
            function.push_back(unit.function);
        }
        chain.add_stage(static_cast<int>(layer.A.size()), static_cast<int>(layer.A[0].size()),
                        values.data(), sparse ? row_start.data() : nullptr,
                        sparse ? columns.data() : nullptr, layer.a.data(), unit_start, reads, function);
    }
    return chain;
}

std::vector<double> evaluate(const Chain &chain, const std::vector<Layer> &layers, std::vector<double> h) {
    for (const Layer &layer : layers) {
        std::vector<double> z = layer.a;
        for (std::size_t j = 0; j < z.size(); ++j)
            for (std::size_t k = 0; k < h.size(); ++k) z[j] += layer.A[j][k] * h[k];
        h.clear();
        for (const Unit &unit : layer.units) h.push_back(piece_value(chain, unit, z));
    }
    return h;
}

template <int D>
void verify(Checks &checks, const std::string &name, const std::vector<Layer> &layers,
            const Domain &domain, std::int64_t expected) {
    verify_cells(checks, name, layers, D, domain.facets, expected);
    for (int way = 0; way < 128; ++way) {
        const bool sparse = (way & 32) != 0, exact = (way & 64) != 0;
        if ((way & 18) == 16) continue; // halving concerns polygons alone
        Options options;
        options.patterns = (way & 1) != 0;
        options.polygons = options.sides = (way & 2) != 0;
        options.maps = (way & 4) != 0;
        options.signs = (way & 8) != 0;
        options.halve = (way & 16) != 0;
        if (exact) options.filter = std::numeric_limits<double>::infinity();
        std::string what = name + (sparse ? ", sparse" : ", dense") + (exact ? ", exact" : "");
        for (const auto &[on, text] : {std::pair<bool, const char *>{options.patterns, ", patterns"},
                                       {options.polygons, ", polygons"},
                                       {options.maps, ", maps"},
                                       {options.signs, ", signs"},
                                       {options.halve, ", halve"}})
            if (on) what += text;

        const Chain chain = compile(layers, sparse);
        Walk<D> walk(chain, domain.facets, options);
        const bool finished = walk.run(std::numeric_limits<std::int64_t>::max(), 1e9);
        checks.expect(finished && walk.done(), what + ": the walk ends");
        checks.expect(walk.counters.regions == expected,
                      what + ": " + std::to_string(walk.counters.regions) + " regions, expected " +
                          std::to_string(expected));

        Walk<D> sliced(chain, domain.facets, options);
        bool slices = true;
        for (bool over = false; !over;) {
            const std::int64_t before = sliced.counters.regions;
            over = sliced.run(3, 1e9);
            const std::int64_t step = sliced.counters.regions - before;
            slices = slices && step <= 4 && (over || step >= 3);
        }
        const Written written = copy(walk.columns), pieced = copy(sliced.columns);
        checks.expect(slices, what + ": a slice stops after its regions");
        checks.expect(sliced.counters.regions == walk.counters.regions && pieced == written &&
                          sliced.cut_units == walk.cut_units,
                      what + ": slices give the same");

        if (walk.counters.regions != expected) continue;
        const Found<D> found{walk, options, written, static_cast<std::size_t>(expected)};
        if (options.patterns) check_patterns(checks, what, found);
        if (options.polygons) check_polygons(checks, what, found, domain.size);
        if (options.maps) check_maps(checks, what, chain, layers, found);
        if (options.signs) check_signs(checks, what, layers.back().units.size(), found);
        if ((way & 31) == 5) // the patterns and maps are the same with other options
            check_comparison(checks, what, chain, layers.back().units.size(), found);
    }
}

template void verify<1>(Checks &, const std::string &, const std::vector<Layer> &, const Domain &, std::int64_t);
template void verify<2>(Checks &, const std::string &, const std::vector<Layer> &, const Domain &, std::int64_t);

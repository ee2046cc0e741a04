// What the bindings share: arrays in, arrays out.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <utility>
#include <vector>

namespace plica {

template <class T> using In = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <class T> using Table = nanobind::ndarray<const T, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;

template <class T> std::vector<T> copy(const In<T> &values) {
    return {values.data(), values.data() + values.size()};
}

template <class Values> auto fit(Values &values, int) -> decltype(values.fit()) { values.fit(); }
template <class Values> void fit(Values &, long) {}

// Hand a column over to NumPy without copying it.
template <class Values> auto give(Values &&values) {
    using T = typename Values::value_type;
    auto *owned = new Values(std::move(values));
    fit(*owned, 0);
    nanobind::capsule owner(owned, [](void *p) noexcept { delete static_cast<Values *>(p); });
    return nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>(owned->data(), {owned->size()}, owner);
}

// Pairs one after another, as first bit and number of bits of each pattern column.
inline auto give_pairs(const std::vector<std::pair<int, int>> &pairs) {
    std::vector<std::int64_t> flat;
    for (const auto &[first, second] : pairs) {
        flat.push_back(first);
        flat.push_back(second);
    }
    return give(std::move(flat));
}

inline std::vector<std::pair<int, int>> take_pairs(const In<std::int64_t> &flat) {
    std::vector<std::pair<int, int>> pairs;
    for (std::size_t i = 0; i + 1 < flat.size(); i += 2)
        pairs.emplace_back(static_cast<int>(flat.data()[i]), static_cast<int>(flat.data()[i + 1]));
    return pairs;
}

} // namespace plica

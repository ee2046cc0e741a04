// Whether a network computes the same affine map on two activation patterns, decided exactly.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "arbiter.hpp"
#include "chain.hpp"

namespace plica {

class Comparison {
  public:
    explicit Comparison(const Chain &chain);

    // `bits` gives first bit and width of each pattern column in a packed pattern.
    bool same_map(const std::uint64_t *first, const std::uint64_t *second,
                  const std::vector<std::pair<int, int>> &bits);

  private:
    void read(const std::uint64_t *words, const std::vector<std::pair<int, int>> &bits,
              std::vector<std::vector<std::uint16_t>> &pieces, bool report);

    const Chain &chain_;
    std::vector<std::vector<std::uint16_t>> first_, second_;
    Arbiter arbiter_; // of the first pattern
};

} // namespace plica

// Where a packed pattern lies among many: a hash table of row numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace plica {

class PatternIndex {
  public:
    // `rows` patterns of `words` words each; the index keeps the pointer.
    PatternIndex(const std::uint64_t *patterns, std::size_t rows, std::size_t words) : patterns_(patterns), words_(words) {
        std::size_t size = 4;
        while (size < 2 * rows) size *= 2;
        table_.assign(size, -1);
        for (std::size_t r = 0; r < rows; ++r) {
            std::int64_t &slot = table_[place(patterns + r * words)];
            if (slot < 0) slot = static_cast<std::int64_t>(r);
        }
    }

    // Number of the first equal row, or -1.
    std::int64_t find(const std::uint64_t *pattern) const { return table_[place(pattern)]; }

  private:
    // The slot of a pattern, or the free one where it would go.
    std::size_t place(const std::uint64_t *pattern) const {
        std::uint64_t hash = 0x9e3779b97f4a7c15u;
        for (std::size_t w = 0; w < words_; ++w) { // the mixing step of splitmix64
            hash ^= pattern[w];
            hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
            hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
            hash ^= hash >> 31;
        }
        for (std::size_t at = hash & (table_.size() - 1);; at = (at + 1) & (table_.size() - 1)) {
            const std::int64_t r = table_[at];
            if (r < 0 || std::memcmp(patterns_ + static_cast<std::size_t>(r) * words_, pattern, words_ * sizeof *pattern) == 0)
                return at;
        }
    }

    const std::uint64_t *patterns_;
    std::size_t words_;
    std::vector<std::int64_t> table_;
};

} // namespace plica

// Members of sets in their places, against the plain definition.
#include <cstdint>
#include <random>
#include <vector>

#include "bits.hpp"
#include "check.hpp"

using namespace plica;

namespace {

// Whether n random sets of fewer than 20 members come to stand in random places of some words as they should.
bool deposited(unsigned seed, int n_words) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> places(static_cast<std::size_t>(n_words)), base = places;
    std::vector<int> at; // of the i-th member
    for (int w = 0; w < n_words; ++w) {
        const auto i = static_cast<std::size_t>(w);
        places[i] = random() & random() & random() & (seed % 3 == 0 ? ~std::uint64_t{0} : 0xff000000000000ff);
        if (n_words > 1) places[i] &= random();
        for_bits(&places[i], 1, [&](int bit) { at.push_back(64 * w + bit); });
        base[i] = random() & ~places[i];
    }
    std::vector<std::uint32_t> sets(100);
    for (std::uint32_t &set : sets) set = static_cast<std::uint32_t>(random()) & ((1u << at.size()) - 1);
    std::vector<std::uint64_t> found(sets.size() * places.size()), expected;
    deposit(sets.data(), static_cast<int>(sets.size()), places.data(), base.data(), n_words, found.data());
    bool right = true;
    for (const std::uint32_t set : sets) {
        std::vector<std::uint64_t> words = base;
        for (std::size_t i = 0; i < at.size(); ++i)
            if ((set >> i & 1) != 0) words[static_cast<std::size_t>(at[i] / 64)] |= std::uint64_t{1} << (at[i] % 64);
        expected.insert(expected.end(), words.begin(), words.end());
        right = right && (base[0] | deposit(set, places[0])) == words[0];
    }
    return right && found == expected;
}

} // namespace

void test_bits(Checks &checks) {
    for (unsigned seed = 0; seed < 60; ++seed)
        for (int words = 1; words <= 3; ++words) checks.expect(deposited(seed, words), "members in their places");
}

// Columns keep what is written to them while they grow, move and are freed, in whatever memory they lie.
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "check.hpp"
#include "columns.hpp"

using namespace plica;

namespace {

// Columns of many sizes that live side by side; how many of their values are not what was written.
std::int64_t mix(unsigned seed) {
    std::mt19937 random(seed);
    struct Kept {
        Column<std::uint64_t> column;
        std::uint64_t first;
    };
    std::vector<Kept> kept;
    std::int64_t wrong = 0;
    const auto check = [&](const Kept &one) {
        for (std::size_t i = 0; i < one.column.size(); ++i) wrong += one.column[i] != one.first + i;
    };
    for (int round = 0; round < 60; ++round) {
        Kept one{{}, std::uint64_t{random()} << 32};
        const std::size_t size = std::size_t{1} << random() % 19;
        while (one.column.size() < size) {
            const std::size_t n = 1 + random() % 5000, from = one.column.size();
            std::uint64_t *at = one.column.more(n);
            for (std::size_t i = 0; i < n; ++i) at[i] = one.first + from + i;
        }
        if (random() % 2 != 0) one.column.fit();
        kept.push_back(std::move(one));
        if (kept.size() > 5) {
            const std::size_t gone = random() % kept.size();
            check(kept[gone]);
            kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(gone));
        }
    }
    for (const Kept &one : kept) check(one);
    return wrong;
}

} // namespace

void test_columns(Checks &checks) {
    checks.expect(mix(0) == 0, "columns of one thread");
    std::vector<std::int64_t> wrong(4, -1);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i) threads.emplace_back([&wrong, i] { wrong[i] = mix(i + 1); });
    for (std::thread &thread : threads) thread.join();
    for (const std::int64_t n : wrong) checks.expect(n == 0, "columns of several threads");

    Column<double> large;
    for (int i = 0; i < 1 << 20; ++i) large.push_back(i);
    Column<double> moved = std::move(large);
    checks.expect(moved.size() == std::size_t{1} << 20 && moved[12345] == 12345.0, "a column that was moved");
    Column<double> small;
    small.push_back(1.5);
    moved = std::move(small);
    moved.fit();
    checks.expect(moved.size() == 1 && moved[0] == 1.5, "a column in place of another one");
}

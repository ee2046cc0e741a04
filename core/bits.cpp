// Innermost loops over sets, for each machine: portable builds have what it can do, too.
#include "bits.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace plica {
namespace {

inline __attribute__((always_inline)) std::size_t each(std::uint64_t set, const std::uint64_t *sets,
                                                       const std::uint32_t *index, std::size_t n, int need,
                                                       std::uint32_t low, std::uint32_t *to) {
    std::uint32_t *next = to;
    for (std::size_t j = 0; j < n; ++j) {
        *next = index[j] << 16 | low;
        next += __builtin_popcountll(set & sets[j]) >= need;
    }
    return static_cast<std::size_t>(next - to);
}

void deposit_any(const std::uint32_t *sets, int n, const std::uint64_t *places, const std::uint64_t *base, int n_words,
                 std::uint64_t *to) {
    for (int i = 0; i < n; ++i) {
        std::uint64_t rest = sets[i];
        for (int w = 0; w < n_words; ++w) {
            *to++ = base[w] | deposit(rest, places[w]);
            rest >>= count_bits(places[w]); // fewer than 32
        }
    }
}

#if defined(__x86_64__)

__attribute__((target("bmi2,popcnt"))) void deposit_bmi2(const std::uint32_t *sets, int n, const std::uint64_t *places,
                                                  const std::uint64_t *base, int n_words, std::uint64_t *to) {
    for (int i = 0; i < n; ++i) {
        std::uint64_t rest = sets[i];
        for (int w = 0; w < n_words; ++w) {
            *to++ = base[w] | _pdep_u64(rest, places[w]);
            rest >>= __builtin_popcountll(places[w]);
        }
    }
}

__attribute__((target("avx512f,avx512vl,avx512vpopcntdq,popcnt"))) std::size_t
join_eight(std::uint64_t set, const std::uint64_t *sets, const std::uint32_t *index, std::size_t n, int need,
           std::uint32_t low, std::uint32_t *to) {
    std::uint32_t *next = to;
    const __m512i here = _mm512_set1_epi64(static_cast<long long>(set)), enough = _mm512_set1_epi64(need);
    const __m256i with = _mm256_set1_epi32(static_cast<int>(low));
    for (std::size_t j = 0; j < n; j += 8) {
        __mmask8 hit = _mm512_cmpge_epi64_mask(
            _mm512_popcnt_epi64(_mm512_and_si512(here, _mm512_loadu_si512(sets + j))), enough);
        if (n - j < 8) hit = static_cast<__mmask8>(hit & ((1u << (n - j)) - 1));
        const __m256i pairs = _mm256_or_si256(
            _mm256_slli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(index + j)), 16), with);
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(next), _mm256_maskz_compress_epi32(hit, pairs));
        next += __builtin_popcount(hit);
    }
    return static_cast<std::size_t>(next - to);
}

__attribute__((target("popcnt"))) std::size_t join_each(std::uint64_t set, const std::uint64_t *sets,
                                                       const std::uint32_t *index, std::size_t n, int need,
                                                       std::uint32_t low, std::uint32_t *to) {
    return each(set, sets, index, n, need, low, to);
}

std::size_t join_any(std::uint64_t set, const std::uint64_t *sets, const std::uint32_t *index, std::size_t n, int need,
                     std::uint32_t low, std::uint32_t *to) {
    return each(set, sets, index, n, need, low, to);
}

using Join = decltype(&join_any);

Join best_join() {
    __builtin_cpu_init();
    const bool eight = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512vpopcntdq");
    return eight ? join_eight : __builtin_cpu_supports("popcnt") ? join_each : join_any;
}

using Deposit = decltype(&deposit_any);

Deposit best_deposit() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") ? deposit_bmi2 : deposit_any;
}

const Join chosen_join = best_join(); // what the machine can do
const Deposit chosen_deposit = best_deposit();

#endif

} // namespace

std::size_t join(std::uint64_t set, const std::uint64_t *sets, const std::uint32_t *index, std::size_t n, int need,
                 std::uint32_t low, std::uint32_t *to) {
#if defined(__x86_64__)
    return chosen_join(set, sets, index, n, need, low, to);
#else
    return each(set, sets, index, n, need, low, to);
#endif
}

void deposit(const std::uint32_t *sets, int n, const std::uint64_t *places, const std::uint64_t *base, int n_words,
             std::uint64_t *to) {
#if defined(__x86_64__)
    chosen_deposit(sets, n, places, base, n_words, to);
#else
    deposit_any(sets, n, places, base, n_words, to);
#endif
}

} // namespace plica

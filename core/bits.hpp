// Sets of small numbers as bits, 64 a word, and what is done with all members at once.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512VPOPCNTDQ__)
#define PLICA_COMPRESS 1
#endif
#if defined(PLICA_COMPRESS) || defined(__BMI2__)
#include <immintrin.h>
#endif

namespace plica {

inline int padded8(int n) { return (n + 7) / 8 * 8; }
inline int words_of(int n) { return (n + 63) / 64; }
inline int count_bits(std::uint64_t w) {
#if defined(__x86_64__) && !defined(__POPCNT__) // else a call
    w -= w >> 1 & 0x5555555555555555;
    w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
    return static_cast<int>(((w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
#else
    return __builtin_popcountll(w);
#endif
}
inline int first_bit(std::uint64_t w) { return __builtin_ctzll(w); }
// the members of word w of a set of n that are below n
inline std::uint64_t all_below(int n, int w) {
    const int left = n - 64 * w;
    return ~std::uint64_t{0} >> (left < 64 ? 64 - left : 0);
}

template <class F> void for_bits(const std::uint64_t *words, int n_words, const F &f) {
    for (int w = 0; w < n_words; ++w)
        for (std::uint64_t rest = words[w]; rest != 0; rest &= rest - 1) f(64 * w + first_bit(rest));
}

constexpr int kSpill = 8; // numbers that `pack` and `join` may write behind the last one

// Bring the members of a column to the front of another one. T has eight bytes; `from` has a multiple of
// eight numbers. Returns how many.
template <class T> int pack(const T *from, const std::uint64_t *members, int n_words, T *to) {
    static_assert(sizeof(T) == 8);
    T *next = to;
    for (int w = 0; w < n_words; ++w) {
#if defined(PLICA_COMPRESS)
        const T *block = from + 64 * w;
        for (std::uint64_t rest = members[w]; rest != 0; rest >>= 8, block += 8) {
            const auto lanes = static_cast<__mmask8>(rest);
            _mm512_storeu_si512(next, _mm512_maskz_compress_epi64(lanes, _mm512_loadu_si512(block)));
            next += count_bits(lanes);
        }
#else
        for (std::uint64_t rest = members[w]; rest != 0; rest &= rest - 1) *next++ = from[64 * w + first_bit(rest)];
#endif
    }
    return static_cast<int>(next - to);
}

// The i-th member of `set` stands for the i-th one of `places`.
inline std::uint64_t deposit(std::uint64_t set, std::uint64_t places) {
#if defined(__BMI2__)
    return _pdep_u64(set, places);
#else
    std::uint64_t found = 0;
    for (; set != 0 && places != 0; set >>= 1, places &= places - 1) found |= places & -places & -(set & 1);
    return found;
#endif
}

// The same for n sets, and places of several words; each in addition to what `base` holds.
void deposit(const std::uint32_t *sets, int n, const std::uint64_t *places, const std::uint64_t *base, int n_words,
             std::uint64_t *to);

// Append the index[j] << 16 | low for all j < n for which sets[j] has at least `need` members in common with `set`.
// The arrays are read up to a multiple of eight. Returns how many.
std::size_t join(std::uint64_t set, const std::uint64_t *sets, const std::uint32_t *index, std::size_t n, int need,
                 std::uint32_t low, std::uint32_t *to);

} // namespace plica

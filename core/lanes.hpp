// Eight numbers side by side, in the vector types that GCC and Clang share. Without wide registers
// the compiler takes them apart.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

// Portable builds pick the widest instructions at run time; native ones are compiled for them.
#if defined(PLICA_CLONES)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE inline __attribute__((always_inline))

namespace plica {

typedef double Vec __attribute__((vector_size(64), may_alias));
typedef double Loose __attribute__((vector_size(64), may_alias, aligned(8))); // at any place
typedef long long Lanes __attribute__((vector_size(64), may_alias));
typedef unsigned long long Places __attribute__((vector_size(64), may_alias));
constexpr int kVec = 8;

constexpr Lanes kLane = {0, 1, 2, 3, 4, 5, 6, 7};

INLINE const Vec &load(const double *p) { return *reinterpret_cast<const Vec *>(p); }
INLINE Vec &store(double *p) { return *reinterpret_cast<Vec *>(p); }
INLINE void spill(double *p, const Vec &v) { *reinterpret_cast<Loose *>(p) = v; } // at any place
// To memory, past the caches: for what is not read again soon. `streamed` before anybody else reads it.
INLINE void stream(double *p, const Vec &v) { // aligned
#if defined(__AVX512F__)
    _mm512_stream_pd(p, reinterpret_cast<__m512d>(v));
#elif defined(__SSE2__)
    for (int i = 0; i < kVec; i += 2) _mm_stream_pd(p + i, _mm_set_pd(v[i + 1], v[i]));
#else
    store(p) = v;
#endif
}
INLINE void streamed() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}
INLINE Vec absolute(const Vec &v) { return (Vec)((Lanes)v & (Lanes{} + 0x7fffffffffffffffLL)); }

INLINE Vec among(std::uint32_t members, const Vec &v) { // v in the lanes of a set, else zero
    const Lanes in = (Lanes{} + static_cast<long long>(members)) >> kLane & 1;
    return in != 0 ? v : Vec{};
}

INLINE Vec gather(const double *row, const std::uint32_t *at) {
#if defined(__AVX512F__)
    const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
    return reinterpret_cast<Vec>(_mm512_i32gather_pd(places, row, 8));
#else
    Vec v{};
    for (int i = 0; i < kVec; ++i) v[i] = row[at[i]];
    return v;
#endif
}

// The same at places that are not negative, zeros at others.
INLINE Vec gather_some(const double *row, const int *at) {
#if defined(__AVX512F__)
    const __m512i places = _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(at)));
    const __mmask8 some = _mm512_cmpge_epi64_mask(places, _mm512_setzero_si512());
    return reinterpret_cast<Vec>(_mm512_mask_i64gather_pd(_mm512_setzero_pd(), some, places, row, 8));
#else
    Vec v{};
    for (int i = 0; i < kVec; ++i) v[i] = at[i] < 0 ? 0.0 : row[at[i]];
    return v;
#endif
}

#if defined(__AVX512F__) // one instruction each; elsewhere compilers do better with plain loops
// The first n < 8 numbers of v, cyclically from number `start` on; n + 1 of the answer count.
template <class V> inline V turned(const V &v, int start, int n) {
    const Lanes ahead = kLane + start, from = ahead >= n ? ahead - n : ahead;
    return reinterpret_cast<V>(_mm512_maskz_permutexvar_epi64(0xff, reinterpret_cast<__m512i>(from),
                                                              reinterpret_cast<__m512i>(v)));
}

template <class V, class T> inline void put(V &v, int i, T value) { v = kLane == i ? V{} + value : v; }

inline void clear_from(Vec &v, int n) { v = kLane >= n ? Vec{} : v; }

// bit i: whether a[i] > b[i]
inline std::uint64_t above(const Vec &a, const Vec &b) {
    return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), _CMP_GT_OQ);
}

// bit i: whether a[i] is not zero
inline std::uint32_t nonzero(const Places &a) {
    return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(a));
}

INLINE double sum_of(const Vec &v) {
    const Vec four = v + __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    const Vec two = four + __builtin_shufflevector(four, four, 2, 3, 0, 1, 6, 7, 4, 5);
    return two[0] + two[1];
}

inline double largest(const Vec &v) {
    const auto larger = [](const Vec &a, const Vec &b) -> Vec { return a > b ? a : b; };
    const Vec four = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
    const Vec two = larger(four, __builtin_shufflevector(four, four, 2, 3, 0, 1, 6, 7, 4, 5));
    return std::max(two[0], two[1]);
}
#else
template <class V> inline V turned(const V &v, int start, int n) {
    double twice[2 * kVec] = {};
    V found;
    std::memcpy(twice, &v, sizeof v);
    std::memcpy(twice + n, &v, sizeof v);
    std::memcpy(&found, twice + start, sizeof v);
    return found;
}

template <class V, class T> inline void put(V &v, int i, T value) { v[i] = value; }

inline void clear_from(Vec &v, int n) {
    for (int i = n; i < kVec; ++i) v[i] = 0.0;
}

inline std::uint64_t above(const Vec &a, const Vec &b) {
    std::uint64_t found = 0;
    for (int i = 0; i < kVec; ++i) found |= std::uint64_t{a[i] > b[i]} << i;
    return found;
}

inline std::uint32_t nonzero(const Places &a) {
    std::uint32_t found = 0;
    for (int i = 0; i < kVec; ++i) found |= std::uint32_t{a[i] != 0} << i;
    return found;
}

INLINE double sum_of(const Vec &v) { return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])); }

inline double largest(const Vec &v) {
    double found = v[0];
    for (int i = 1; i < kVec; ++i) found = v[i] > found ? v[i] : found;
    return found;
}
#endif

} // namespace plica

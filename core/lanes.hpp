// Eight numbers side by side, in the vector types that GCC and Clang share. Without wide registers
// the compiler takes them apart.
#pragma once

#include <cstdint>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace plica {

typedef double Vec __attribute__((vector_size(64), may_alias));
typedef long long Lanes __attribute__((vector_size(64), may_alias));
typedef unsigned long long Places __attribute__((vector_size(64), may_alias));
constexpr int kVec = 8;

inline const Vec &load(const double *p) { return *reinterpret_cast<const Vec *>(p); }
inline Vec &store(double *p) { return *reinterpret_cast<Vec *>(p); }

// bit i: whether a[i] > b[i]
inline __attribute__((always_inline)) std::uint64_t above(const Vec &a, const Vec &b) {
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), _CMP_GT_OQ);
#else
    const Lanes mask = a > b;
    std::uint64_t found = 0;
    for (int i = 0; i < kVec; ++i) found |= static_cast<std::uint64_t>(mask[i] & 1) << i;
    return found;
#endif
}

// Number i of the answer is number from[i] of v, 0 <= from[i] < 8.
template <class V> inline __attribute__((always_inline)) V pick(const V &v, const Lanes &from) {
#if defined(__clang__)
    V found;
    for (int i = 0; i < kVec; ++i) found[i] = v[from[i] & (kVec - 1)];
    return found;
#else
    return __builtin_shuffle(v, from);
#endif
}

inline double largest(const Vec &v) {
    Vec w = v;
    const Lanes halves[3] = {{4, 5, 6, 7, 0, 1, 2, 3}, {2, 3, 0, 1, 6, 7, 4, 5}, {1, 0, 3, 2, 5, 4, 7, 6}};
    for (const Lanes &half : halves) {
        const Vec other = pick(w, half);
        w = w > other ? w : other;
    }
    return w[0];
}

} // namespace plica

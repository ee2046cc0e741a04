// Vectors of eight numbers for the hot loops.
#pragma once

#include <cstddef>

// Portable builds pick the widest instructions at run time; native ones are compiled for them.
#if defined(PLICA_CLONES)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

namespace plica {
namespace {

constexpr int kVec = 8;

#if defined(__GNUC__)
#define PLICA_VECTORS 1
typedef double Vec __attribute__((vector_size(64), may_alias));
typedef long long Mask __attribute__((vector_size(64)));
typedef unsigned short Verdict __attribute__((vector_size(16), aligned(2), may_alias));

INLINE Vec absolute(const Vec &v) { return v < 0 ? -v : v; }
#else
struct Vec { // for compilers without vector types
    double at[8];
    Vec &operator+=(const Vec &o) {
        for (int i = 0; i < 8; ++i) at[i] += o.at[i];
        return *this;
    }
    friend Vec operator*(const Vec &a, double s) {
        Vec r;
        for (int i = 0; i < 8; ++i) r.at[i] = a.at[i] * s;
        return r;
    }
};
#endif

INLINE const Vec &load(const double *p) { return *reinterpret_cast<const Vec *>(p); }
INLINE Vec &store(double *p) { return *reinterpret_cast<Vec *>(p); }

} // namespace
} // namespace plica

#include "pages.hpp"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace plica::pages {

#if defined(__linux__)

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18; // sizes are multiples of it
constexpr std::size_t kLargest = std::size_t{1} << 25, kAll = 2 * kLargest; // to be kept: a span, and all together

struct Kept {
    std::mutex mutex;
    std::vector<Span> spans;
    std::size_t bytes = 0;
};

Kept &kept() { // never destroyed: arrays may be freed after all else
    static Kept &all = []() -> Kept & {
        auto *made = new Kept;
        made->spans.reserve(kAll / kPiece); // `free` does not fail
        return *made;
    }();
    return all;
}

// A span that is kept and has so many bytes: the smallest one if they are enough, else the largest one, for what grows
// into it is not moved again and again.
Span take(std::size_t bytes, bool enough) {
    Kept &all = kept();
    const std::lock_guard<std::mutex> lock(all.mutex);
    std::size_t best = all.spans.size();
    for (std::size_t i = 0; i < all.spans.size(); ++i) {
        if (all.spans[i].bytes < bytes) continue;
        if (best == all.spans.size() || (all.spans[i].bytes < all.spans[best].bytes) == enough) best = i;
    }
    if (best == all.spans.size()) return {};
    const Span found = all.spans[best];
    all.spans[best] = all.spans.back();
    all.spans.pop_back();
    all.bytes -= found.bytes;
    return found;
}

} // namespace

Span grow(Span span, std::size_t used, std::size_t bytes, bool enough) {
    bytes = (bytes + kPiece - 1) / kPiece * kPiece; // pages cost nothing until they are used
    Span more = take(bytes, enough);
    if (more.at != nullptr) {
        if (used > 0) std::memcpy(more.at, span.at, used);
        if (span.at != nullptr) free(span);
        return more;
    }
    more.bytes = bytes;
    more.at = span.at != nullptr ? mremap(span.at, span.bytes, bytes, MREMAP_MAYMOVE) // moves pages, not what is in them
                                 : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more.at == MAP_FAILED) throw std::bad_alloc();
    return more;
}

void free(Span span) {
    Kept &all = kept();
    {
        const std::lock_guard<std::mutex> lock(all.mutex);
        if (span.bytes <= kLargest && all.bytes + span.bytes <= kAll) {
            all.spans.push_back(span);
            all.bytes += span.bytes;
            return;
        }
    }
    munmap(span.at, span.bytes);
}

#else

Span grow(Span span, std::size_t, std::size_t bytes, bool) {
    void *more = std::realloc(span.at, bytes);
    if (more == nullptr) throw std::bad_alloc();
    return {more, bytes};
}

void free(Span span) { std::free(span.at); }

#endif

} // namespace plica::pages

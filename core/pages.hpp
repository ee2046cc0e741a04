// Memory for large columns that is kept when they are freed: to touch a page for the first time costs more than to
// fill it, and who reads columns chunk after chunk frees one before the next is made.
#pragma once

#include <cstddef>

namespace plica::pages {

struct Span {
    void *at = nullptr;
    std::size_t bytes = 0;
};

// At least so many bytes, at their old or at another place, with the first `used` of them as they were. `enough`: more are
// not likely to be needed.
Span grow(Span span, std::size_t used, std::size_t bytes, bool enough = false);
void free(Span span);

} // namespace plica::pages

// Where a walk keeps what it finds: columns that grow at their end, and piles that grow and shrink.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "pages.hpp"

namespace plica {

// Plain values in a row, written in place. Large columns lie in pages of their own.
template <class T> class Column {
  public:
    using value_type = T;
    Column() = default;
    Column(Column &&other) noexcept { *this = std::move(other); }
    Column &operator=(Column &&other) noexcept {
        std::swap(values_, other.values_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(paged_, other.paged_);
        return *this;
    }
    ~Column() {
        if (paged_)
            pages::free({values_, capacity_ * sizeof(T)});
        else
            std::free(values_);
    }

    T *room(std::size_t n) { // room for n more at the end; take() makes them count
        if (size_ + n > capacity_) grow(n);
        return values_ + size_;
    }
    void expect(std::size_t n) { // a column that is empty: as many, and hardly more
        if (n > capacity_) grow(n, true);
    }
    void take(std::size_t n) { size_ += n; }
    void truncate(std::size_t n) { size_ = n; }
    T *more(std::size_t n) { // n more, to be written at once
        T *at = room(n);
        take(n);
        return at;
    }
    void push_back(const T &value) { *more(1) = value; }
    template <class U> void append(const U *from, std::size_t n) { std::copy(from, from + n, more(n)); }
    void fit() { // what is handed over does not keep far more memory than it needs
        if (!paged_ || capacity_ <= 8 * size_) return;
        Column exact;
        exact.values_ = static_cast<T *>(std::malloc(std::max(size_, std::size_t{1}) * sizeof(T)));
        if (exact.values_ == nullptr) throw std::bad_alloc();
        std::copy(values_, values_ + size_, exact.values_);
        exact.size_ = exact.capacity_ = size_;
        *this = std::move(exact);
    }
    std::size_t size() const { return size_; }
    const T *data() const { return values_; }
    T *data() { return values_; }
    T *end() { return values_ + size_; }
    const T &operator[](std::size_t i) const { return values_[i]; }

  private:
    static constexpr std::size_t kLarge = std::size_t{1} << 17; // bytes

    __attribute__((noinline)) void grow(std::size_t n, bool enough = false) {
        std::size_t bytes = std::max(2 * capacity_, size_ + n + 512) * sizeof(T);
        void *moved = nullptr;
        if (bytes > kLarge) {
            const pages::Span old = paged_ ? pages::Span{values_, capacity_ * sizeof(T)} : pages::Span{};
            const pages::Span span = pages::grow(old, paged_ ? size_ * sizeof(T) : 0, bytes, enough);
            moved = span.at;
            bytes = span.bytes;
            if (!paged_ && size_ > 0) std::memcpy(moved, values_, size_ * sizeof(T));
            if (!paged_) std::free(values_);
            paged_ = true;
        } else {
            moved = std::realloc(values_, bytes);
            if (moved == nullptr) throw std::bad_alloc();
        }
        values_ = static_cast<T *>(moved);
        capacity_ = bytes / sizeof(T);
    }
    T *values_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
    bool paged_ = false;
};

// What the regions found so far are, column by column.
struct Columns {
    Column<std::uint64_t> patterns; // packed, `words` a region
    Column<std::int64_t> sizes;     // number of vertices
    Column<double> points;          // D numbers a vertex
    Column<std::int64_t> edges;     // 2 * cut + side, or -1 - facet of the domain
    Column<std::uint64_t> places;   // where along its cut the side lies: larger is further
    Column<signed char> signs;      // of the first output at each vertex, exactly
    Column<std::int64_t> crossed;   // vertices after which the first output changes its sign
    Column<double> crossings;       // where, D numbers each
    Column<double> maps;            // (D + 1) * n_outputs a region, coefficient after coefficient
};

// A stack of plain values whose elements are written in place: the walk's innermost container.
template <class T> class Pile {
  public:
    T *room(std::size_t n) { // room for n more above the top; take() makes them count
        if (size_ + n > items_.size()) items_.resize(2 * (size_ + n));
        return items_.data() + size_;
    }
    void take(std::size_t n) { size_ += n; }
    T *top() { return items_.data() + size_; }
    void push(const T &item) {
        *room(1) = item;
        ++size_;
    }
    void truncate(std::size_t n) { size_ = n; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return items_.size(); }
    T &operator[](int i) { return items_[static_cast<std::size_t>(i)]; }
    const T &operator[](int i) const { return items_[static_cast<std::size_t>(i)]; }

  private:
    std::vector<T> items_;
    std::size_t size_ = 0;
};

} // namespace plica

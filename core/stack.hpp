// A stack of plain values that are written in place, at places that stay valid as numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "chain.hpp"

namespace plica {

template <class T> class Stack {
  public:
    // room for n more values on top; gives the place of the first one
    std::size_t grow(std::size_t n) {
        const std::size_t at = size_;
        size_ += n;
        if (size_ > items_.size()) items_.resize(2 * size_);
        return at;
    }
    void push(const T &item) { items_[grow(1)] = item; }
    void truncate(std::size_t n) { size_ = n; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return items_.size(); }
    T &operator[](std::size_t i) { return items_[i]; }
    const T &operator[](std::size_t i) const { return items_[i]; }
    T *at(std::size_t i) { return items_.data() + i; }
    const T *at(std::size_t i) const { return items_.data() + i; }

  private:
    std::vector<T, Aligned<T>> items_;
    std::size_t size_ = 0;
};

} // namespace plica

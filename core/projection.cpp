#include "projection.hpp"

#include <algorithm>
#include <cmath>

#include "lanes.hpp"
#include "walk_common.hpp"

namespace plica {

void Projection::set(int m, int dim, std::size_t ld, const double *rows, const double *constants, const Numbers &M) {
    m_ = m;
    dim_ = dim;
    ld_ = ld;
    rows_ = rows;
    constants_ = constants;
    padded_ = z((m + kVec - 1) / kVec * kVec);
    value_.assign(padded_, 0.0);
    v_ = value_;
    forced_ = false;
    length_.assign(padded_, 1.0);
    bend(M);
    for (int i = 0; i < m_; ++i) {
        const double square = gram_[z(i) * padded_ + z(i)];
        if (square > 0) length_[z(i)] = std::sqrt(square);
    }
    for (int i = 0; i < m_; ++i) {
        for (int j = 0; j < m_; ++j) gram_[z(i) * padded_ + z(j)] /= length_[z(i)] * length_[z(j)];
        for (std::size_t l = 0; l < ld_; ++l) push_[z(i) * ld_ + l] /= length_[z(i)];
    }
}

void Projection::bend(const Numbers &M) {
    push_.assign(z(m_) * ld_, 0.0);
    gram_.assign(z(m_) * padded_, 0.0);
    products(M.data());
}

CLONES void Projection::products(const double *M) {
    for (int i = 0; i < m_; ++i) {
        double *push = &push_[z(i) * ld_];
        for (int k = 0; k < dim_; ++k) {
            const double a = rows_[z(i) * ld_ + z(k)];
            if (a == 0.0) continue;
            for (std::size_t l = 0; l < ld_; l += kVec) store(push + l) += a * load(M + z(k) * ld_ + l);
        }
        const double inverse = 1 / length_[z(i)];
        for (std::size_t l = 0; l < ld_; l += kVec) store(push + l) *= inverse;
        for (int j = 0; j <= i; ++j) {
            Vec sum{};
            const double *row = rows_ + z(j) * ld_;
            for (std::size_t k = 0; k < ld_; k += kVec) sum += load(row + k) * load(push + k);
            double total = 0;
            for (int l = 0; l < kVec; ++l) total += sum[l];
            gram_[z(i) * padded_ + z(j)] = gram_[z(j) * padded_ + z(i)] = total / length_[z(j)];
        }
    }
}

bool Projection::solve(const double *s, double margin) {
    table_ = gram_;
    pushes_.assign(z(m_), 0);
    for (int i = 0; i < m_; ++i) {
        double value = constants_[i];
        for (int k = 0; k < dim_; ++k) value += rows_[z(i) * ld_ + z(k)] * s[k];
        value = value / length_[z(i)] - margin;
        if (forced_)
            for (int j = 0; j < m_; ++j) value -= gram_[z(i) * padded_ + z(j)] * v_[z(j)];
        value_[z(i)] = value;
        table_[z(i) * padded_ + z(i)] += kFlat; // K is positive definite
    }
    if (!pivots()) return false;
    for (int i = 0; i < m_; ++i) v_[z(i)] = pushes_[z(i)] ? value_[z(i)] : 0.0;
    forced_ = true;
    return true;
}

void Projection::force(double *u) const {
    std::fill(u, u + ld_, 0.0);
    for (int i = 0; i < m_; ++i)
        for (std::size_t k = 0; k < ld_; ++k) u[k] += v_[z(i)] / length_[z(i)] * rows_[z(i) * ld_ + k];
}

void Projection::move(double *s) const {
    for (int i = 0; i < m_; ++i)
        for (std::size_t k = 0; k < ld_; ++k) s[k] += v_[z(i)] * push_[z(i) * ld_ + k];
}

CLONES bool Projection::pivots() {
    const int patience = 3 * m_;
    for (int pivots = 0; pivots < 4 * patience; ++pivots) {
        int k = -1;
        double least = -kClose;
        for (int i = 0; i < m_; ++i)
            if (value_[z(i)] < least) {
                k = i;
                least = value_[z(i)];
                if (pivots > patience) break;
            }
        if (k < 0) return true;
        double *own = &table_[z(k) * padded_];
        const double pivot = own[k];
        if (!(pivot > kFlat / 2)) return false;
        const double inverse = 1 / pivot;
        for (std::size_t j = 0; j < padded_; j += kVec) store(own + j) *= -inverse;
        value_[z(k)] *= -inverse;
        own[k] = inverse;
        for (int i = 0; i < m_; ++i) {
            if (i == k) continue;
            double *other = &table_[z(i) * padded_];
            const double factor = other[k];
            if (factor == 0.0) continue;
            other[k] = 0.0;
            for (std::size_t j = 0; j < padded_; j += kVec) store(other + j) += factor * load(own + j);
            value_[z(i)] += factor * value_[z(k)];
        }
        pushes_[z(k)] ^= 1;
    }
    return false;
}

} // namespace plica

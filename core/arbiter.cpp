#include "arbiter.hpp"

#include <algorithm>

namespace plica {

Arbiter::Arbiter(const Chain &chain, const std::vector<std::vector<std::uint16_t>> &pieces)
    : chain_(chain), pieces_(pieces), rows_(chain.stages.size()), changed_(chain.stages.size(), 1) {}

const Row &Arbiter::row(int stage, int pre) {
    const auto s = static_cast<std::size_t>(stage);
    const Stage &here = chain_.stages[s];
    if (rows_[s].empty()) rows_[s].resize(static_cast<std::size_t>(here.n_pre));
    Entry &entry = rows_[s][static_cast<std::size_t>(pre)];
    const std::uint64_t newest =
        s == 0 ? 1 : *std::max_element(changed_.begin(), changed_.begin() + stage);
    if (entry.time >= newest) return entry.row;

    const auto n = static_cast<std::size_t>(chain_.stages[0].n_state);
    Row sum(n + 1);
    sum[n] = Dyadic(here.bias[static_cast<std::size_t>(pre)]);
    if (stage == 0) {
        here.for_row(pre, [&](int k, double w) { sum[static_cast<std::size_t>(k)] = Dyadic(w); });
    } else {
        const Stage &before = chain_.stages[s - 1];
        here.for_row(pre, [&](int k, double w) {
            const int q = pieces_[s - 1][static_cast<std::size_t>(k)];
            const Piece &piece = before.piece(k, q);
            if (const int f = before.unit_function[static_cast<std::size_t>(k)]; f >= 0) {
                const auto &c = chain_.functions[static_cast<std::size_t>(f)].exact_intercepts;
                sum[n].add_product(c[static_cast<std::size_t>(q)], Dyadic(w));
            }
            if (piece.slope == 0.0) return;
            Dyadic factor(w);
            if (piece.slope != 1.0) {
                Dyadic product;
                product.add_product(factor, Dyadic(piece.slope));
                factor = product;
            }
            const Row &input = row(stage - 1, piece.source);
            for (std::size_t i = 0; i <= n; ++i) sum[i].add_product(input[i], factor);
        });
    }
    entry.row = std::move(sum);
    entry.time = ++clock_;
    return entry.row;
}

Row Arbiter::functional(const Functional &f) {
    Row found = row(f.stage, f.plus);
    if (f.minus >= 0) {
        const Row &other = row(f.stage, f.minus);
        for (std::size_t i = 0; i < found.size(); ++i) found[i].add(other[i], true);
    }
    if (f.shift != 0.0) found.back().add(Dyadic(f.shift), true);
    return found;
}

int sign_at(const std::vector<const Row *> &lines, const Row &g) {
    const int n = static_cast<int>(lines.size());
    std::vector<const Dyadic *> rows;
    for (const Row *line : lines) rows.push_back(line->data());
    const int below = determinant(rows, n).sign();
    rows.push_back(g.data());
    return determinant(rows, n + 1).sign() * below;
}

} // namespace plica

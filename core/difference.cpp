#include "difference.hpp"

namespace plica {

Comparison::Comparison(const Chain &chain) : chain_(chain), arbiter_(chain, first_) {
    for (const Stage &stage : chain.stages)
        first_.emplace_back(static_cast<std::size_t>(stage.n_out), std::uint16_t{0});
    second_ = first_;
}

void Comparison::read(const std::uint64_t *words, const std::vector<std::pair<int, int>> &bits,
                      std::vector<std::vector<std::uint16_t>> &pieces, bool report) {
    for (std::size_t s = 0; s < chain_.stages.size(); ++s) {
        const Stage &stage = chain_.stages[s];
        for (const int k : stage.nonlinear) {
            const auto [bit, width] = bits[static_cast<std::size_t>(stage.column_of[static_cast<std::size_t>(k)])];
            const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
            const auto piece = static_cast<std::uint16_t>((words[bit / 64] >> (bit % 64)) & mask);
            std::uint16_t &now = pieces[s][static_cast<std::size_t>(k)];
            if (now == piece) continue;
            now = piece;
            if (report) arbiter_.piece_changed(static_cast<int>(s));
        }
    }
}

// Carries the difference of the two maps through the stages; it is zero until the first unit that
// differs, and often dies soon after: most comparisons cost one row.
bool Comparison::same_map(const std::uint64_t *first, const std::uint64_t *second,
                          const std::vector<std::pair<int, int>> &bits) {
    read(first, bits, first_, true);
    read(second, bits, second_, false);
    const auto n = static_cast<std::size_t>(chain_.stages[0].n_state) + 1;
    std::vector<Row> state; // difference of h, second minus first; an empty row is zero
    for (std::size_t s = 0; s < chain_.stages.size(); ++s) {
        const Stage &stage = chain_.stages[s];
        std::vector<Row> pre(static_cast<std::size_t>(stage.n_pre));
        for (std::size_t k = 0; k < state.size(); ++k) {
            if (state[k].empty()) continue;
            const auto spread = [&](std::size_t j, double w) {
                if (w == 0.0) return;
                if (pre[j].empty()) pre[j].resize(n);
                const Dyadic factor(w);
                for (std::size_t i = 0; i < n; ++i) pre[j][i].add_product(state[k][i], factor);
            };
            if (stage.dense) {
                for (int j = 0; j < stage.n_pre; ++j)
                    spread(static_cast<std::size_t>(j), stage.weight(j, static_cast<int>(k)));
            } else {
                for (auto i = stage.column_start[k]; i < stage.column_start[k + 1]; ++i)
                    spread(static_cast<std::size_t>(stage.column_row[static_cast<std::size_t>(i)]),
                           stage.column_value[static_cast<std::size_t>(i)]);
            }
        }
        state.assign(static_cast<std::size_t>(stage.n_out), Row());
        for (std::size_t k = 0; k < state.size(); ++k) {
            const std::uint16_t p = first_[s][k], q = second_[s][k];
            const Piece &before = stage.piece(static_cast<int>(k), p);
            const Piece &after = stage.piece(static_cast<int>(k), q);
            const Row &change = pre[static_cast<std::size_t>(after.source)];
            if (p == q && (change.empty() || after.slope == 0.0)) continue;
            Row sum(n);
            const Dyadic slope(after.slope);
            if (!change.empty())
                for (std::size_t i = 0; i < n; ++i) sum[i].add_product(change[i], slope);
            if (p != q) {
                const Row &then = arbiter_.row(static_cast<int>(s), before.source);
                const Row &now = arbiter_.row(static_cast<int>(s), after.source);
                const Dyadic old(before.slope);
                for (std::size_t i = 0; i < n; ++i) {
                    sum[i].add_product(now[i], slope);
                    sum[i].add_product(then[i], old, true);
                }
                if (const int f = stage.unit_function[k]; f >= 0) {
                    const auto &c = chain_.functions[static_cast<std::size_t>(f)].exact_intercepts;
                    sum[n - 1].add(c[q]);
                    sum[n - 1].add(c[p], true);
                }
            }
            if (!zero(sum)) state[k] = std::move(sum);
        }
    }
    for (const Row &row : state)
        if (!row.empty()) return false;
    return true;
}

} // namespace plica

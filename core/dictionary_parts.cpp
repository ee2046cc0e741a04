// Parts of a cell under several hyperplanes at once. Part of the dictionary form.
#include <limits>

#include "dictionary.hpp"
#include "walk_common.hpp"

namespace plica {

// The cell and the hyperplanes, for a search over flats. Whether that can be certain.
bool Dictionary::start_flats(Cell &cell, const Question *questions, int n, bool listing) {
    const int m = cell.m;
    if (!cell.inside || apex_ != 0.0 || g_ < 2 || g_ > Flats::kColumns || m + n > Flats::kRows) return false;
    if (filter_ == std::numeric_limits<double>::infinity()) return false;
    if (cell.shallow) recentre(cell);
    const View v = view(cell);
    flats_.start(g_, bound_.data(), m, n, listing);
    flats_.set_nonbasic(v.nonbasic);
    for (int i = 0; i < m; ++i) {
        const Line &l = lines_[z(v.half[i] / 2)];
        const double side = (v.half[i] & 1) != 0 ? -1.0 : 1.0;
        flats_.set_row(i, side, l.constant, rows_.at(z(v.half[i] / 2) * z(ld_)), filter_ * l.slack);
        flats_.set_basic(i, v.basic[i], v.value[i], v.T + i * ld_);
    }
    for (int i = 0; i < n; ++i) {
        load(questions[i]);
        express_anew(cell, 1);
        flats_.set_row(m + i, 1.0, constant_, z_.data(), filter_ * slack_);
        flats_.set_basic(m + i, 2 * (g_ + m + i), height_, d_.data());
    }
    tally.asked += n;
    return true;
}

void Dictionary::tally_flats(bool certain) {
    tally.programs += flats_.programs;
    if (certain) tally.certificates += flats_.programs;
    tally.pivots += flats_.pivots;
    flats_.programs = flats_.pivots = 0;
}

std::int64_t Dictionary::parts(Cell &cell, const Question *questions, int n) {
    if (!start_flats(cell, questions, n, false)) return 0;
    const std::int64_t found = flats_.parts(view(cell).point);
    tally_flats(found > 0);
    return found;
}

int Dictionary::list(Cell &cell, const Question *questions, int n, Column<double> *points) {
    if (domain_.cone || n > Flats::kListed || !start_flats(cell, questions, n, true)) return 0;
    const int found = flats_.list(view(cell).point, {middle_.data(), half_.data(), least_.data(), most_.data(), points});
    tally_flats(found > 0);
    return found;
}

} // namespace plica

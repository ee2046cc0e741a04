// How several walks over the same regions divide them: each of some cells that all of them come to is taken
// by the walk that comes first. The key is the pattern down to a stage, or the cell's place in a tree of cuts that
// is the same for all walks, and does not depend on the order in which a walk meets its cells.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

namespace plica {

class Claims {
  public:
    bool take(const std::string &key) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return taken_.insert(key).second;
    }

  private:
    std::mutex mutex_;
    std::unordered_set<std::string> taken_;
};

} // namespace plica

#include "sidecar/text/near_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace herald {

namespace {

// Bounds the work of near_name() on a hostile key; no key of ours is half as long.
constexpr std::size_t kLongestNearWord = 40;

// What a key and its misspelling share once case and the choice of '-' or '_' are left out.
std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c == '-' ? '_' : c;
    }
  }
  return out;
}

// Edits (insert, delete, replace, swap of neighbours) between two words.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string near_name(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestNearWord) return "";
  const std::string wanted = folded(word);
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const auto& candidate : candidates) {
    const std::string name = folded(candidate);
    // A third of the word may be wrong; of a short one, one letter. A word cut short ("int") is near as well.
    const std::size_t allowed = std::max<std::size_t>(1, std::min(wanted.size(), name.size()) / 3);
    const std::size_t edits = distance(wanted, name);
    const bool cut_short = wanted.size() >= 3 && name.starts_with(wanted);
    if (edits >= best_distance || wanted.size() < 2 || (edits > allowed && !cut_short)) continue;
    best = candidate;
    best_distance = edits;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string_view otherwise) {
  const std::string near = near_name(word, candidates);
  return near.empty() ? std::string(otherwise) : did_you_mean('"' + near + '"');
}

std::string did_you_mean(std::string_view shown) {
  return fmt::format("; did you mean {}?", shown);
}

}  // namespace herald

// "did you mean": the word that a user probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace herald {

// The candidate that a user probably meant, or "" when none is near.
[[nodiscard]] std::string near_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace herald

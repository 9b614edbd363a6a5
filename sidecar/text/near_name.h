// "did you mean": the word that a user probably meant, and the question.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace herald {

// The candidate that a user probably meant, or "" when none is near.
[[nodiscard]] std::string near_name(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean \"fall\"?" behind a sentence about `word`; where no candidate is near, `otherwise`.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                                       std::string_view otherwise = "");
// The same of a name that is found and shown in its own way: "{{med}}".
[[nodiscard]] std::string did_you_mean(std::string_view shown);

}  // namespace herald

#include "sidecar/text/near_name.h"

#include <catch2/catch.hpp>

namespace near_name_test {

using namespace herald;

TEST_CASE("near names are those that a user meant") {
  const std::vector<std::string> keys{"name", "interval", "fast_interval", "timeout", "rise",
                                      "fall", "of",       "role"};
  const std::vector<std::pair<std::string, std::string>> cases{{"intervall", "interval"},
                                                               {"inteval", "interval"},
                                                               {"intervla", "interval"},
                                                               {"Interval", "interval"},
                                                               {"time-out", "timeout"},
                                                               {"fast-interval", "fast_interval"},
                                                               {"int", "interval"},
                                                               {"fal", "fall"},
                                                               {"rol", "role"},
                                                               {"raise", "rise"},
                                                               {"nmae", "name"},
                                                               {"", ""},
                                                               {"x", ""},
                                                               {"xyz", ""},
                                                               {"bind_device", ""},
                                                               {std::string(1000, 'i'), ""}};
  for (const auto& [word, expected] : cases) {
    INFO(word);
    CHECK(near_name(word, keys) == expected);
  }
  CHECK(near_name("anything", {}).empty());
}

TEST_CASE("the question stands behind the sentence, or what is said otherwise") {
  const std::vector<std::string> keys{"rise", "fall"};
  CHECK(did_you_mean("fal", keys) == "; did you mean \"fall\"?");
  CHECK(did_you_mean("xyz", keys).empty());
  CHECK(did_you_mean("fal", keys, "; keys are rise, fall") == "; did you mean \"fall\"?");
  CHECK(did_you_mean("xyz", keys, "; keys are rise, fall") == "; keys are rise, fall");
  CHECK(did_you_mean("{{med}}") == "; did you mean {{med}}?");
}

}  // namespace near_name_test

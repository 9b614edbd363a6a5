// What a lever answers, waited for in a loop of the test's own.
#pragma once

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/announce/router/lever.h"
#include "tests/announce/router/outcomes.h"

namespace herald {

inline RouterView read_now(Loop& loop, RouterLever& lever) {
  std::optional<RouterView> view;
  const Source deadline = loop.timer_at(Loop::clock() + 10s, [&] { loop.exit(1); });
  lever.read([&](RouterView seen) {
    view = std::move(seen);
    loop.exit(0);
  });
  CHECK_FALSE(view);  // later, never from inside
  REQUIRE(loop.run() == 0);
  return *view;
}

inline std::vector<std::string> apply_now(Loop& loop, RouterLever& lever, std::vector<RouteStep> steps) {
  std::optional<std::vector<std::string>> texts;
  const Source deadline = loop.timer_at(Loop::clock() + 10s, [&] { loop.exit(1); });
  lever.apply({.steps = std::move(steps)}, [&](const RouteOutcomes& outcomes) {
    texts = texts_of(outcomes);
    loop.exit(0);
  });
  CHECK_FALSE(texts);
  REQUIRE(loop.run() == 0);
  return *texts;
}

}  // namespace herald

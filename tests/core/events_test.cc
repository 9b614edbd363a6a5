#include "sidecar/core/events.h"

#include <catch2/catch.hpp>

namespace herald::events_test {

TEST_CASE("a transition in words: whose, from what to what, and why where it is known") {
  effect::Transition one{
      .service = "web", .probe = "", .from = "announced", .to = "withdrawing", .reason = "why"};
  CHECK(to_string(one) == "web: announced -> withdrawing: why");
  one.reason.clear();
  CHECK(to_string(one) == "web: announced -> withdrawing");
  one = {.service = "web",
         .probe = "front",
         .from = "up",
         .to = "down",
         .reason = "refused",
         .subject = Subject::probe};
  CHECK(to_string(one) == "web/front: up -> down: refused");
  one = {.service = "web",
         .probe = "",
         .from = "auto",
         .to = "drain",
         .reason = "by root",
         .subject = Subject::admin};
  CHECK(to_string(one) == "web: admin auto -> drain: by root");
}

}  // namespace herald::events_test

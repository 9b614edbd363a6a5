#include "sidecar/control/turns.h"

#include <catch2/catch.hpp>
#include <vector>

namespace turns_test {

using herald::Turns;

namespace {

std::vector<Turns::Client> take_all(Turns& turns) {
  std::vector<Turns::Client> taken;
  while (turns.has_first()) taken.push_back(turns.take_first());
  while (turns.has_other()) taken.push_back(turns.take_other());
  return taken;
}

}  // namespace

TEST_CASE("who may change things comes before all others, whoever came first") {
  Turns turns;
  turns.wait(1, 1000);
  turns.wait_first(2);
  turns.wait(3, 1000);
  turns.wait_first(4);
  CHECK(turns.count_first() == 2);
  CHECK(turns.count_other() == 2);
  CHECK(take_all(turns) == std::vector<Turns::Client>{2, 4, 1, 3});
}

TEST_CASE("a user with a thousand clients waiting has every second turn beside another one") {
  Turns turns;
  for (Turns::Client client = 1; client <= 1000; ++client) turns.wait(client, 1000);
  turns.wait(2001, 1001);
  turns.wait(2002, 1001);
  CHECK(turns.take_other() == 1);
  CHECK(turns.take_other() == 2001);
  CHECK(turns.take_other() == 2);
  CHECK(turns.take_other() == 2002);
  CHECK(turns.take_other() == 3);
  CHECK(turns.take_other() == 4);
}

TEST_CASE("who goes has no turn, and a user without clients has none either") {
  Turns turns;
  turns.wait_first(1);
  turns.wait(2, 1000);
  turns.wait(3, 1001);
  turns.wait(4, 1001);
  for (const Turns::Client gone : {1, 2, 4, 99}) turns.leave(gone);
  CHECK_FALSE(turns.has_first());
  CHECK(turns.count_other() == 1);
  CHECK(take_all(turns) == std::vector<Turns::Client>{3});
  CHECK_FALSE(turns.has_other());
}

}  // namespace turns_test

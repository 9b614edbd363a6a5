#include "sidecar/control/places.h"

#include <catch2/catch.hpp>
#include <vector>

namespace places_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

constexpr HoldingLimits kLimits{.all = 8, .of_lookers = 6, .of_one_looker = 4};
constexpr std::uint64_t kNobody = 0;

// Clients are numbered from 1, and have been still for the longer the earlier they come.
struct Held {
  Held& add(std::size_t count, uid_t user, bool may_change = false, std::size_t amount = 1) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = all.size() + 1;
      all.push_back({number, user, may_change, TimePoint(std::chrono::seconds(number)), amount});
    }
    return *this;
  }
  std::vector<Holding> all;
};

}  // namespace

TEST_CASE("within the limits nobody has to go") {
  CHECK_FALSE(who_gives_way(Held().all, kLimits, kNobody));
  CHECK_FALSE(who_gives_way(Held().add(4, 1000).add(2, 1001).add(2, 0, true).all, kLimits, kNobody));
}

TEST_CASE("who has too much is in his own way") {
  CHECK(who_gives_way(Held().add(1, 1001).add(5, 1000).all, kLimits, 6) == 2);
  CHECK(who_gives_way(Held().add(1, 1001).add(1, 1000, false, 5).add(1, 1000).all, kLimits, 3) == 2);
}

TEST_CASE("when all who may only look have too much, it is the turn of who has the most") {
  CHECK(who_gives_way(Held().add(2, 1001).add(4, 1000).add(1, 1002).all, kLimits, 7) == 3);
}

TEST_CASE("who may change things is never in the way of one who may only look") {
  const Held held = Held().add(4, 0, true).add(4, 1000).add(1, 1001);
  CHECK(who_gives_way(held.all, kLimits, 9) == 5);
}

TEST_CASE("one who may change things takes the place of one who may only look, while there is one") {
  CHECK(who_gives_way(Held().add(3, 0, true).add(3, 1000).add(2, 1001).add(1, 5, true).all, kLimits, 9) == 4);
  CHECK(who_gives_way(Held().add(9, 0, true).all, kLimits, 9) == 1);
}

TEST_CASE("who is spared is not chosen, and what has nothing cannot give") {
  CHECK(who_gives_way(Held().add(1, 1000, false, 5).all, kLimits, 1) == std::nullopt);
  CHECK(who_gives_way(Held().add(1, 1000, false, 0).add(1, 1000, false, 5).all, kLimits, kNobody) == 2);
}

TEST_CASE("the least of those who may only look is the stillest of who has the most") {
  CHECK(least_looker(Held().add(1, 0, true).add(1, 1001).add(2, 1000).all, kNobody) == 3);
  CHECK_FALSE(least_looker(Held().add(3, 0, true).all, kNobody));
}

}  // namespace places_test

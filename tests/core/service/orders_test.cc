#include "sidecar/core/service/orders.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

namespace herald::orders_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

Admin drain(const char* who, Duration since, std::optional<TimePoint> expires = std::nullopt) {
  return {AdminState::drain, "", who, kStart + since, expires};
}

Admin force(const char* who, Duration since) {
  return {AdminState::force, "", who, kStart + since, std::nullopt};
}

}  // namespace

TEST_CASE("orders: none is automatic") {
  Orders orders;
  CHECK(orders.effective() == Admin{});
  CHECK_FALSE(orders.next_end());
  CHECK_FALSE(orders.expire(kStart));
  CHECK(orders.end({}).empty());
  orders.give({});
  CHECK(orders.all().empty());
}

TEST_CASE(
    "orders: of several drains that which ends last decides, and of equals the first; a drain beats a "
    "force") {
  Orders orders;
  orders.give(force("root", 0s));
  CHECK(orders.effective().state == AdminState::force);
  orders.give(drain("bob", 2s, kStart + 60s));
  CHECK(orders.effective().who == "bob");
  orders.give(drain("ann", 1s, kStart + 30s));
  CHECK(orders.effective().who == "bob");
  orders.give(drain("cy", 4s));
  orders.give(drain("dee", 3s));
  CHECK(orders.effective().who == "dee");
  REQUIRE(orders.all().size() == 5);
  CHECK(orders.all()[1].who == "ann");
  CHECK(orders.drained_since() == kStart + 1s);
  CHECK(orders.next_end() == kStart + 30s);
}

TEST_CASE(
    "orders: a person's second drain takes the place of the first, and nobody else's; of forces the last "
    "stands") {
  Orders orders;
  orders.give(drain("ann", 0s));
  orders.give(drain("bob", 1s));
  orders.give(drain("bob", 1s, kStart + 5s));
  orders.give(force("ann", 2s));
  orders.give(force("bob", 3s));
  REQUIRE(orders.all().size() == 3);
  CHECK_FALSE(orders.all()[0].expires);
  CHECK(orders.all()[1].expires == kStart + 5s);
  CHECK(orders.all()[2].who == "bob");
}

TEST_CASE("orders: ended by kind and by person") {
  Orders orders;
  const auto fill = [&] {
    orders.give(drain("ann", 0s));
    orders.give(drain("bob", 1s));
    orders.give(force("ann", 2s));
  };
  fill();
  CHECK(orders.end({AdminState::drain, "ann"}) == std::vector{drain("ann", 0s)});
  CHECK(orders.effective().who == "bob");
  fill();
  CHECK(orders.end({AdminState::drain, std::nullopt}).size() == 2);
  CHECK(orders.effective().state == AdminState::force);
  fill();
  CHECK(orders.end({AdminState::force, std::nullopt}).size() == 1);
  fill();
  CHECK(orders.end({AdminState::automatic, "ann"}).size() == 2);
  fill();
  CHECK(orders.end({}).size() == 3);
}

TEST_CASE("orders: what is over is taken out one by one, that which was over first before others") {
  Orders orders;
  orders.give(drain("ann", 0s, kStart + 20s));
  orders.give(drain("bob", 1s, kStart + 10s));
  orders.give(drain("cy", 2s));
  CHECK_FALSE(orders.expire(kStart + 10s - 1ns));
  CHECK(orders.expire(kStart + 30s).value().who == "bob");
  CHECK(orders.expire(kStart + 30s).value().who == "ann");
  CHECK_FALSE(orders.expire(kStart + 30s));
  CHECK(orders.effective().who == "cy");
}

TEST_CASE("orders: whose they are in a line, which does not grow with their number") {
  std::vector<Admin> orders{drain("ann", 0s), force("root", 0s), drain("bob", 0s)};
  orders[2].reason = "disks";
  CHECK(text_of_drains(orders) == "ann; and by bob: disks");
  for (const char* who : {"cy", "dee", "eve"}) orders.push_back(drain(who, 1s));
  CHECK(text_of_drains(orders) == "ann; and by bob: disks; and by cy; and by 2 more");
}

}  // namespace herald::orders_test

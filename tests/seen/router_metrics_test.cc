#include <catch2/catch.hpp>

#include "tests/seen/seen_fixture.h"

namespace router_metrics_test {

using namespace fixture;

TEST_CASE("router metrics: the router, its sessions, and what is carried out") {
  const std::string text = told(everything());
  CHECK(has_line(text, R"(herald_router_up{stack="frr"} 1)"));
  CHECK(has_line(text, "herald_router_last_read_timestamp_seconds 1795428179"));
  CHECK(has_line(text, R"(herald_router_commands_total{kind="read",result="done"} 1)"));
  CHECK(has_line(text, R"(herald_router_commands_total{kind="fallback",result="failed"} 0)"));
  CHECK(has_line(text, R"(herald_address_steps_total{kind="add",result="failed"} 1)"));
  CHECK(has_line(text, R"(herald_peer_up{peer="10.1.1.4"} 1)"));
  CHECK(has_line(text, R"(herald_peer_up{peer="10.1.1.132"} 0)"));
  CHECK(has_line(text, R"(herald_peer_changed_timestamp_seconds{peer="10.1.1.132"} 1795428060)"));
  CHECK(has_line(text, R"(herald_peer_losses_total{peer="10.1.1.132"} 4)"));
  CHECK(has_line(text, R"(herald_fallback_level{level="deny"} 1)"));
  CHECK(has_line(text, R"(herald_fallback_session_shut{peer="10.1.1.132"} 0)"));
  CHECK(has_line(text, R"(herald_detection_seconds_bucket{le="1.0"} 1)"));
  CHECK(has_line(text, R"(herald_reconcile_seconds_count{lever="loopback",direction="withdraw"} 1)"));
  CHECK(text.find(R"(lever="birdc")") == std::string::npos);
}

TEST_CASE(
    "router metrics: a router that does not answer says nothing of its sessions; without one, nothing is "
    "told") {
  Snapshot all = everything();
  all.router->reachable = false;
  std::string text = told(all);
  CHECK(has_line(text, R"(herald_router_up{stack="frr"} 0)"));
  CHECK(text.find("herald_peer_up") == std::string::npos);
  CHECK(text.find("herald_fallback_session") == std::string::npos);
  all.stack = Stack::none;
  text = told(all);
  CHECK(text.find("herald_router_up") == std::string::npos);
  CHECK(text.find("herald_router_commands") == std::string::npos);
  CHECK(text.find("herald_fallback") == std::string::npos);
}

}  // namespace router_metrics_test

#include <catch2/catch.hpp>

#include "tests/seen/seen_fixture.h"

namespace service_metrics_test {

using namespace fixture;

TEST_CASE("service metrics: states as 0 and 1, moments in seconds since 1970") {
  const std::string text = told(everything());
  CHECK(has_line(text, R"(herald_service_health{service="web",state="healthy"} 1)"));
  CHECK(has_line(text, R"(herald_service_health{service="web",state="unhealthy"} 0)"));
  CHECK(has_line(text, R"(herald_service_state{service="web",state="announced"} 1)"));
  CHECK(has_line(text, R"(herald_service_state{service="web",state="held"} 0)"));
  CHECK(has_line(text, R"(herald_service_state_changed_timestamp_seconds{service="web"} 1795428150)"));
  CHECK(has_line(text, R"(herald_service_health_changed_timestamp_seconds{service="web"} 1795428120)"));
  CHECK(has_line(text, R"(herald_service_transitions_total{service="web",state="announced"} 1)"));
  CHECK(has_line(text, R"(herald_service_transitions_total{service="web",state="withdrawn"} 0)"));
  CHECK(has_line(text, R"(herald_service_admin{service="web",state="force"} 1)"));
  CHECK(has_line(text, R"(herald_service_order_timestamp_seconds{service="web"} 1795420980)"));
  CHECK(has_line(text, R"(herald_service_order_expires_timestamp_seconds{service="web"} 1795431780)"));
  CHECK(has_line(text, R"(herald_service_as_wanted{service="web"} 1)"));
  CHECK(has_line(text, R"(herald_service_penalty{service="web"} 1500)"));
}

TEST_CASE("service metrics: VIPs and the peers that are sent them") {
  const std::string text = told(everything());
  CHECK(has_line(text, R"(herald_vip_wanted{service="web",prefix="10.99.0.1/32"} 1)"));
  CHECK(has_line(text, R"(herald_vip_on_interface{service="web",prefix="10.99.0.1/32"} 1)"));
  CHECK(has_line(text, R"(herald_vip_foreign{service="web",prefix="10.99.0.1/32"} 0)"));
  CHECK(has_line(
      text, R"(herald_vip_lease_expires_timestamp_seconds{service="web",prefix="10.99.0.1/32"} 1795428203)"));
  CHECK(has_line(text, R"(herald_vip_in_table{service="web",prefix="10.99.0.1/32"} 1)"));
  CHECK(has_line(text, R"(herald_vip_advertised{service="web",prefix="10.99.0.1/32",peer="10.1.1.4"} 1)"));
  CHECK(has_line(text, R"(herald_vip_advertised{service="web",prefix="10.99.0.1/32",peer="10.1.1.132"} 0)"));
  CHECK(has_line(text, R"(herald_vip_denied{service="web",prefix="10.99.0.1/32",peer="10.1.1.132"} 1)"));
  Snapshot fast = everything();
  fast.services[0].vips[0].denied_fast = true;
  CHECK(has_line(told(fast), R"(herald_vip_denied_fast{service="web",prefix="10.99.0.1/32"} 1)"));
  fast.fast_withdraw = false;
  CHECK(told(fast).find("herald_vip_denied_fast") == std::string::npos);
}

TEST_CASE("service metrics: absent where it is not known, or there is none") {
  Snapshot all = everything();
  all.observe_error = "no";
  all.router->reachable = false;
  all.services[0].admin = {};
  all.services[0].damping.reset();
  all.services[0].vips[0].lease_until.reset();
  const std::string text = told(all);
  for (const char* name :
       {"herald_vip_on_interface", "herald_vip_foreign", "herald_vip_in_table", "herald_vip_advertised",
        "herald_vip_denied", "herald_vip_lease_expires", "herald_service_order", "herald_service_penalty"})
    CHECK(text.find(name) == std::string::npos);
  CHECK(has_line(text, R"(herald_service_admin{service="web",state="auto"} 1)"));
}

}  // namespace service_metrics_test

#include "sidecar/core/route/policy.h"

#include <catch2/catch.hpp>

namespace policy_test {

using namespace herald;

namespace {

ServiceSpec service_with(Grade grade, const Attributes& attributes) {
  ServiceSpec service;
  service.name = "web";
  service.announce.attributes[static_cast<std::size_t>(grade)] = attributes;
  return service;
}

}  // namespace

// They stand in the router's configuration: another release has to find them there.
TEST_CASE("the names of policies stay as they are") {
  CHECK(policy_of(service_with(Grade::healthy, {}), Grade::healthy).name == "HERALD-web-healthy");
  CHECK(policy_of(service_with(Grade::healthy, {.med = 200, .communities = {"65001:100"}}), Grade::healthy)
            .name == "HERALD-web-healthy-7acca467");
  CHECK(policy_of(service_with(Grade::draining, {.prepend = 3,
                                                 .prepend_as = 65010,
                                                 .communities = {"65001:100", "65001:1:2"},
                                                 .local_preference = 50}),
                  Grade::draining)
            .name == "HERALD-web-draining-69b46ae4");
}

TEST_CASE("what a grade does not set is as for healthy") {
  const Attributes healthy{.med = 200};
  const ServiceSpec service = service_with(Grade::healthy, healthy);
  CHECK(policy_of(service, Grade::degraded).attributes == healthy);
  CHECK_FALSE(has_degraded(service.announce));
  CHECK_FALSE(has_draining(service.announce));

  const ServiceSpec draining = service_with(Grade::draining, {.prepend = 1, .prepend_as = 65010});
  CHECK(has_draining(draining.announce));
  CHECK(policy_of(draining, Grade::draining).attributes.prepend == 1);
  CHECK(policy_of(draining, Grade::healthy).attributes == Attributes{});
}

}  // namespace policy_test

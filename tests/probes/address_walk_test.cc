#include "probes/address_walk.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "probes/result.h"

namespace address_walk_test {

using namespace herald;
using namespace herald::probes;

namespace {

AddressWalk walk_of(const std::vector<std::string>& hosts) {
  Addresses addresses;
  for (const auto& host : hosts) addresses.push_back(socket_address(*parse_address(host), 80));
  return AddressWalk(std::move(addresses));
}

const ProbeResult kRefused = failed(Reason::refused, "refused");
const ProbeResult kUnusable = local_trouble("no IPv6");

// What next() makes of `first` where the addresses after it say `results`, a pass for one that opens.
struct Walked {
  std::string end;  // "opened", or the detail of the failure that stands
  std::vector<std::string> tried;
  bool operator==(const Walked&) const = default;
};
Walked walked(const ProbeResult& first, const std::vector<ProbeResult>& results) {
  std::vector<std::string> hosts{"192.0.2.1"};
  for (std::size_t i = 0; i < results.size(); ++i) hosts.push_back("192.0.2." + std::to_string(i + 2));
  AddressWalk walk = walk_of(hosts);
  Walked all;
  const auto opened = walk.next(first, [&]() -> std::expected<void, ProbeResult> {
    all.tried.push_back(to_string(walk.address()));
    const ProbeResult& result = results[all.tried.size() - 1];
    if (result.verdict == Verdict::pass) return {};
    return std::unexpected(result);
  });
  all.end = opened ? "opened" : opened.error().detail;
  return all;
}

}  // namespace

TEST_CASE("a walk begins at the first address, and goes on only after a failure, to the last") {
  AddressWalk walk = walk_of({"192.0.2.1", "fd00::1"});
  CHECK(to_string(walk.address()) == "192.0.2.1:80");
  CHECK_FALSE(walk.go_on(kUnusable));
  CHECK(to_string(walk.address()) == "192.0.2.1:80");
  CHECK(walk.go_on(kRefused));
  CHECK(to_string(walk.address()) == "[fd00::1]:80");
  CHECK_FALSE(walk.go_on(kRefused));
  CHECK(to_string(walk.address()) == "[fd00::1]:80");
}

TEST_CASE("a walk without addresses goes nowhere") {
  AddressWalk walk = walk_of({});
  CHECK(walk.is_empty());
  CHECK_FALSE(walk.go_on(kRefused));
  CHECK_FALSE(walk_of({"192.0.2.1"}).is_empty());
}

TEST_CASE("the next address is that which opens, and no other is tried after it") {
  const ProbeResult open = passed("");
  const ProbeResult unreachable = failed(Reason::unreachable, "unreachable");
  CHECK(walked(kRefused, {}) == Walked{"refused", {}});
  CHECK(walked(kRefused, {open, open}) == Walked{"opened", {"192.0.2.2:80"}});
  CHECK(walked(kRefused, {unreachable, open}) == Walked{"opened", {"192.0.2.2:80", "192.0.2.3:80"}});
  CHECK(walked(kRefused, {kUnusable, open}) == Walked{"opened", {"192.0.2.2:80", "192.0.2.3:80"}});
  CHECK(walked(kRefused, {unreachable}) == Walked{"unreachable", {"192.0.2.2:80"}});
}

TEST_CASE("a failure is not taken back by an address that this machine cannot use") {
  CHECK(walked(kRefused, {kUnusable}) == Walked{"refused", {"192.0.2.2:80"}});
  CHECK(walked(kUnusable, {passed("")}) == Walked{"no IPv6", {}});

  AddressWalk walk = walk_of({"192.0.2.1", "fd00::1"});
  CHECK(walk.standing(kUnusable).detail == "no IPv6");
  CHECK(walk.go_on(kRefused));
  CHECK(walk.standing(kUnusable).detail == "refused");
  CHECK(walk.standing(kUnusable).verdict == Verdict::fail);
  CHECK(walk.standing(failed(Reason::timeout, "silent")).detail == "silent");
}

}  // namespace address_walk_test

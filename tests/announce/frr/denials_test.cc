// The list of the fast withdrawals in bgpd's words, and who takes part by bgpd's configuration.
#include "sidecar/announce/frr/denials.h"

#include <catch2/catch.hpp>

#include "sidecar/announce/frr/lines.h"
#include "sidecar/announce/frr/owned.h"
#include "sidecar/announce/frr/view.h"
#include "tests/announce/frr/templates.h"

namespace herald::denials_test {
namespace {

using Lines = std::vector<std::string>;

const Vip kA{"10.99.0.1/32"};
const Vip kB{"10.99.0.2/32"};
const Vip k6{"fd00:99::1/128"};
const std::string kOpen =
    "ip prefix-list HERALD-fast seq 4294967295 permit any\nipv6 prefix-list HERALD-fast seq 4294967295 "
    "permit any\n";

FrrOwned owned_in(const std::string& lines) {
  auto owned = parse_frr_owned("router bgp 65001\n" + lines, RouterSpec{}, {});
  REQUIRE(owned);
  return *std::move(owned);
}

FrrDenials denials_in(const std::string& lines) {
  return owned_in(lines).denials;
}

std::string line_of(FrrDenials& denials, const DenialStep& step) {
  const FrrDenialLine line = denials.change(step);
  if (!line) return "error: " + line.error();
  return *line ? **line : "nothing";
}

}  // namespace

TEST_CASE("denials: each gets the lowest number that is free, and goes by the one that it has") {
  FrrDenials denials = denials_in(kOpen + "ip prefix-list HERALD-fast seq 2 deny 10.99.0.9/32\n");
  CHECK(denials.denied() == std::set{Vip{"10.99.0.9/32"}});
  CHECK(line_of(denials, {kA, true}) == "ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32");
  CHECK(line_of(denials, {kB, true}) == "ip prefix-list HERALD-fast seq 3 deny 10.99.0.2/32");
  CHECK(line_of(denials, {k6, true}) == "ipv6 prefix-list HERALD-fast seq 1 deny fd00:99::1/128");
  CHECK(line_of(denials, {kB, true}) == "nothing");
  CHECK(line_of(denials, {Vip{"10.99.0.9/32"}, false}) ==
        "no ip prefix-list HERALD-fast seq 2 deny 10.99.0.9/32");
  CHECK(line_of(denials, {Vip{"10.99.0.9/32"}, false}) == "nothing");
  CHECK(denials.denied() == std::set{kA, kB, k6});
}

TEST_CASE(
    "denials: a list that does not permit the rest is left alone, and so are entries that are not herald's") {
  FrrDenials none;
  CHECK(line_of(none, {kA, true}) ==
        "error: ip prefix-list HERALD-fast has no entry `seq 4294967295 permit any`");
  FrrDenials others = denials_in(kOpen +
                                 "ip prefix-list HERALD-fast seq 5 permit 10.99.0.1/32\n"
                                 "ipv6 prefix-list HERALD-fast seq 10000 deny fd00:99::1/128\n"
                                 "ipv6 prefix-list HERALD-fast seq 7 deny fd00:99::/64 le 128\n");
  CHECK(others.denied().empty());
  CHECK(line_of(others, {kA, true}) ==
        "error: ip prefix-list HERALD-fast has an entry that is not herald's among its numbers: seq 5 permit "
        "10.99.0.1/32");
  CHECK(others.problem(1) ==
        "ipv6 prefix-list HERALD-fast has an entry that is not herald's among its numbers: seq 7 deny "
        "fd00:99::/64 le 128");
  // What stands is lifted all the same.
  FrrDenials closed = denials_in("ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32\n");
  CHECK(line_of(closed, {kA, false}) == "no ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32");
}

TEST_CASE("denials: they go before everything, and enter no instance for themselves") {
  FrrDenials denials = denials_in(kOpen);
  const std::vector<FrrDenialLine> lines{denials.change({kA, true}), denials.change({kA, true}),
                                         std::unexpected("it is full")};
  const auto written = [&](std::span<const RouteStep> steps) {
    Lines texts;
    const FrrBatch batch = frr_batch(templates(), steps, "router bgp", "", {}, {}, lines);
    for (const FrrLine& line : batch.lines) texts.push_back(line.text);
    REQUIRE(batch.outcomes.size() == steps.size() + 3);
    CHECK(batch.outcomes.back() == std::unexpected(std::string("it is full")));
    CHECK(batch.outcomes[steps.size()].has_value());
    return texts;
  };
  const std::string deny = "ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32";
  CHECK(written({}) == Lines{"configure terminal", deny, "end"});
  const std::vector steps{RouteStep{kA, std::nullopt}};
  CHECK(written(steps) == Lines{"configure terminal", deny, "router bgp", "address-family ipv4 unicast",
                                "no network 10.99.0.1/32", "exit-address-family", "exit", "end"});
}

TEST_CASE("denials: who takes part, by his own list or his peer-group's, and what stands there else") {
  const FrrOwned owned = owned_in(
      " neighbor RS peer-group\n neighbor 10.1.1.4 peer-group RS\n neighbor 10.1.1.132 peer-group RS\n"
      " address-family ipv4 unicast\n  neighbor RS prefix-list HERALD-fast out\n"
      "  neighbor 10.1.1.132 prefix-list ANYCAST out\n  neighbor 10.1.1.5 distribute-list 10 out\n"
      "  neighbor 10.1.1.6 prefix-list IN in\n  neighbor 10.9.9.9 prefix-list HERALD-fast out\n"
      " exit-address-family\n" +
      kOpen);
  FrrPeers peers;
  peers.ipv4 = {"10.1.1.4", "10.1.1.132", "10.1.1.5", "10.1.1.6", "10.9.9.9", "10.9.9.8"};
  peers.ipv6 = {"10.1.1.4"};
  peers.sent[0] = {{"10.1.1.4", 7}, {"10.9.9.9", 5000}};
  RouterSpec spec;
  spec.peers = {"10.1.1.4", "10.1.1.132", "10.1.1.5", "10.1.1.6"};
  const FastView view = fast_view(owned.denials, owned.filters, peers, spec);
  // One that is no Route Server is sent it again as well.
  CHECK(view.slots[0].peers == std::map<std::string, std::uint64_t>{{"10.1.1.4", 7}, {"10.9.9.9", 5000}});
  CHECK(view.slots[0].others == std::map<std::string, std::string>{{"10.1.1.132", "prefix-list ANYCAST"},
                                                                   {"10.1.1.5", "distribute-list 10"},
                                                                   {"10.1.1.6", ""}});
  CHECK_FALSE(view.slots[0].problem);
  CHECK(view.slots[1].peers.empty());
  CHECK(view.slots[1].others == std::map<std::string, std::string>{{"10.1.1.4", ""}});
}

TEST_CASE("denials: without a count of routes nobody knows what an edit costs") {
  const FrrOwned owned = owned_in(
      " address-family ipv4 unicast\n  neighbor 10.1.1.4 prefix-list HERALD-fast out\n "
      "exit-address-family\n" +
      kOpen);
  FrrPeers peers;
  peers.ipv4 = {"10.1.1.4"};
  CHECK(fast_view(owned.denials, owned.filters, peers, RouterSpec{}).slots[0].problem ==
        "bgpd does not tell how many routes 10.1.1.4 is sent");
  peers.sent[0] = {{"10.1.1.4", 7}};
  CHECK_FALSE(fast_view(owned.denials, owned.filters, peers, RouterSpec{}).slots[0].problem);
}

TEST_CASE("denials: a list that somebody uses, and that cannot be, is told") {
  const FrrOwned owned = owned_in(
      " address-family ipv4 unicast\n  neighbor 10.1.1.4 prefix-list HERALD-fast out\n "
      "exit-address-family\n");
  FrrPeers peers;
  peers.ipv4 = {"10.1.1.4"};
  CHECK(fast_view(owned.denials, owned.filters, peers, RouterSpec{}).slots[0].problem.has_value());
}

}  // namespace herald::denials_test

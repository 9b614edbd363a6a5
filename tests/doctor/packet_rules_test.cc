#include "sidecar/doctor/packet_rules.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/os/own_namespace.h"
#include "tests/os/temporary_directory.h"

namespace herald::packet_rules_test {
namespace {

const Vip kWeb{"10.99.0.1/32"};
const Vip kOther{"10.99.0.10/32"};
const Vip kWeb6{"fd00:99::1/128"};
const std::set<Vip> kAll{kWeb, kOther, kWeb6};

TEST_CASE("nothing, and what is no ruleset") {
  CHECK(parse_ruleset(R"({"nftables": [{"metainfo": {"version": "1.0.6"}}]})", kAll) == PacketRules{});
  for (const char* junk : {"", "[]", "{}", R"({"nftables": 1})", R"({"nftables": [)", "Error: no"})
    CHECK_FALSE(parse_ruleset(junk, kAll));
  for (const char* odd :
       {R"({"nftables": [1, {"rule": 1}, {"rule": {"expr": {}}}, {"rule": {"expr": [1]}}]})"})
    CHECK(parse_ruleset(odd, kAll) == PacketRules{});
}

TEST_CASE("a VIP that IPVS serves, of either family") {
  const char* const text =
      "IP Virtual Server version 1.2.1 (size=4096)\n"
      "Prot LocalAddress:Port Scheduler Flags\n"
      "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
      "TCP  0A630001:0050 wlc  \n"
      "  -> 0A000102:0050      Masq    1      0          0         \n"
      "TCP  [FD00:0099:0000:0000:0000:0000:0000:0001]:0050 wlc \n";
  CHECK(parse_ip_vs(text, kAll) == std::set<Vip>{kWeb, kWeb6});
  CHECK(parse_ip_vs("", kAll).empty());
}

TEST_CASE("the kernel's own rules: a translation, whom it names, and by a set") {
  enter_new_namespace();
  CHECK(read_packet_rules(kAll) == PacketRules{});
  const TemporaryDirectory directory;
  const auto load = [&](const char* rules) {
    const std::string command = "nft -f " + std::string(directory.write("rules.nft", rules));
    REQUIRE(std::system(command.c_str()) == 0);
    return read_packet_rules(kAll);
  };
  CHECK(load("table ip f { chain i { type filter hook input priority 0; ip daddr 10.99.0.1 accept; }; }") ==
        PacketRules{});
  CHECK(load("table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; "
             "}; }") ==
        PacketRules{.translates = true,
                    .names_vip = {kWeb}});  // the filter's rule names it: rather silent than wrong
  CHECK(load("flush ruleset; table ip n { set v { type ipv4_addr; elements = { 10.99.0.10 }; }; chain p { "
             "type nat "
             "hook prerouting priority -100; ip daddr @v dnat to 127.0.0.1; }; }") ==
        PacketRules{.translates = true, .names_vip = {kOther}});
}

}  // namespace
}  // namespace herald::packet_rules_test

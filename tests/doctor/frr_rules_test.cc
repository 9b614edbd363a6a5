#include <algorithm>

#include "tests/doctor/world.h"

namespace herald::frr_rules_test {

TEST_CASE("doctor on FRR") {
  check_all(
      World(),
      {
          {[](World& w) { w.router.frr.redistribute[kIpv4] = {}; }, {"error redistribute"}},
          {[](World& w) { w.router.frr.redistribute[kIpv4].route_map = ""; }, {"warning redistribute"}},
          {[](World& w) { w.router.frr.networks[web_vip] = ""; }, {"error two-origins"}},
          {[](World& w) { w.router.frr.suppress_fib_pending = true; }, {"warning suppress-fib-pending"}},
          {[](World& w) { w.router.frr.update_delay = true; }, {"warning update-delay"}},
          {[](World& w) { w.router.frr.import_check = true; }, {}},
          {[](World& w) { w.router.frr.has_instance = false; }, {"error instance"}},
          {[](World& w) { w.router.saved = {{"/etc/frr/frr.conf", "network 10.99.0.1/32"}}; },
           {"error saved"}},
          {[](World& w) { w.router.unreadable = {{"/etc/frr/frr.conf", "Permission denied"}}; }, {}},
          {[](World& w) { w.router.client_version = "10.3"; }, {"warning version"}},
          {[](World& w) { w.router.reachable = false; }, {"error reachable"}},
          {[](World& w) { w.router.error = "vtysh: no answer within 2s"; }, {"warning reachable"}},
      });
  check_all(World(Stack::frr, Via::vtysh),
            {
                {[](World& w) { w.router.frr.import_check = true; }, {}},
                {[](World& w) {
                   w.router.frr.import_check = true;
                   w.config.services[0].announce.vip_on_down = VipOnDown::remove;
                 },
                 {"warning import-check"}},
                {[](World& w) {
                   w.router.frr.import_check = true;
                   w.router.vips[web_vip] = {.in_rib = false, .origins = 1};
                 },
                 {"error import-check"}},
                {[](World& w) { w.router.vips[web_vip].origins = 2; }, {"error two-origins"}},
                {[](World& w) { w.router.frr.networks.clear(); }, {"error two-origins"}},
                {[](World& w) { w.router.frr.redistribute[kIpv4] = {true, ""}; }, {"error redistribute"}},
                {[](World& w) { w.router.frr.redistribute[kIpv4] = {true, "OTHERS"}; }, {}},
            });
}

TEST_CASE("redistribution is judged by family") {
  World world;
  world.config.router.preset = Preset::generic;
  world.config.services[0].vips = {web_vip6};
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv6].active = true; });
  world.router.frr.redistribute[kIpv4] = {true, ""};  // no VIP of that family
  CHECK(world.told("redistribute") == Checks{"error: nothing redistributes fd00:99::1/128"});
  world.router.frr.redistribute[kIpv6] = {true, ""};
  CHECK(world.told("redistribute") == Checks{"warning: redistribute connected has no route-map for IPv6"});
  world.router.frr.redistribute[kIpv6] = {true, "LOOPBACK"};
  CHECK(world.told("redistribute").empty());
}

TEST_CASE("import-check is a warning only for VIPs that are not always on an interface") {
  World world(Stack::frr, Via::vtysh);
  world.router.frr.import_check = true;
  CHECK(world.told("import-check").empty());
  world.config.services[0].announce.manage_vip = false;
  CHECK(world.told("import-check") == Checks{"warning: bgp network import-check is on"});
  world.router.vips.clear();
  CHECK(world.told("import-check") == Checks{"error: 10.99.0.1/32 configured in bgpd and not announced"});
  world.router.frr.networks.clear();
  CHECK(world.told("import-check") == Checks{"warning: bgp network import-check is on"});
  world.router.frr.import_check = false;
  CHECK(world.told("import-check").empty());
}

TEST_CASE("a network line that waits for the address is an origin of the loopback lever") {
  World world;
  world.router.frr.import_check = true;
  world.router.frr.networks[web_vip] = "";
  world.router.frr.redistribute[kIpv4] = {};
  world.router.saved = {{"/etc/frr/frr.conf", "network 10.99.0.1/32"}};
  CHECK(world.checks().empty());
  world.router.vips[web_vip] = {.in_rib = false, .origins = 1};  // withdrawn
  CHECK(world.checks().empty());
  world.router.vips[web_vip].origins = 2;  // a static route that is redistributed stays
  CHECK(world.checks() == Checks{"error two-origins"});
  world.router.vips[web_vip].origins = 1;
  world.router.frr.import_check = false;
  CHECK(world.checks() == Checks{"error saved", "error redistribute", "error two-origins"});
}

TEST_CASE("an address that a file assigns announces nothing where nothing redistributes it") {
  World world(Stack::frr, Via::vtysh);
  world.config.services[0].announce.manage_vip = false;
  world.router.saved = {{"/etc/frr/frr.conf", "interface lo: ip address 10.99.0.1/32"}};
  CHECK(world.told("saved").empty());
  world.router.frr.redistribute[kIpv4] = {true, "OTHERS"};
  CHECK(world.told("saved") == Checks{"error: /etc/frr/frr.conf: interface lo: ip address 10.99.0.1/32"});
  world.router.vips[web_vip].redistributed = false;
  CHECK(world.told("saved").empty());
}

TEST_CASE("the route-map of a redistribution is looked into") {
  World world;
  world.router.vips[web_vip].redistributed = false;
  CHECK(world.told("redistribute") == Checks{"error: route-map LOOPBACK does not let 10.99.0.1/32 in"});
  World steered(Stack::frr, Via::vtysh);
  steered.router.frr.redistribute[kIpv4] = {true, "OTHERS"};
  CHECK(steered.told("redistribute") ==
        Checks{"note: redistribute connected route-map OTHERS may announce 10.99.0.1/32 by itself"});
  steered.router.vips[web_vip].redistributed = false;
  CHECK(steered.told("redistribute") ==
        Checks{"note: 10.99.0.1/32 not on an interface before they are announced"});
  steered.host.present = {web_vip};
  CHECK(steered.told("redistribute").empty());
}

TEST_CASE("files are judged also while bgpd does not answer, and nothing else of it") {
  World world;
  world.router.saved = {{"/etc/frr/frr.conf", "network 10.99.0.1/32"}};
  world.router.unreadable = {{"/etc/frr/bgpd.conf", "Permission denied"}};
  world.router.frr.has_instance = false;
  world.router.reachable = false;
  CHECK(world.told("saved") == Checks{"error: /etc/frr/frr.conf: network 10.99.0.1/32",
                                      "note: /etc/frr/bgpd.conf: Permission denied"});
  CHECK(world.told("instance").empty());
}

TEST_CASE("for lines of herald's that were saved the fix says what to type") {
  World world;
  const auto fix = [&](std::vector<SavedLine> saved) {
    world.router.saved = std::move(saved);
    for (const Finding& finding : world.findings()) {
      if (finding.check == "saved") return finding.fix;
    }
    return std::string();
  };
  const SavedLine own{"/etc/frr/frr.conf", "network 10.99.0.1/32 route-map HERALD-web-healthy"};
  CHECK(fix({own, own}) ==
        "sed -i '/ route-map HERALD-/d' /etc/frr/frr.conf; do not `write memory` while VIPs are announced");
  CHECK(fix({own, {"/etc/frr/zebra.conf", "interface lo: ip address 10.99.0.1/32"}}) ==
        "sed -i '/ route-map HERALD-/d' /etc/frr/frr.conf; remove it from the file, and do not `write "
        "memory` while "
        "VIPs are announced");
}

TEST_CASE("without an instance nothing of one is judged") {
  World world;
  world.config.router.vrf = "blue";
  world.router.frr = {};
  CHECK(world.told("instance") == Checks{"error: bgpd has no BGP instance in vrf blue"});
  CHECK(world.told("redistribute").empty());
  CHECK(world.told("version").empty());
}

TEST_CASE("versions: what herald is tested with, and vtysh beside another bgpd") {
  World world;
  const auto why = [&] {
    const auto findings = world.findings();
    const auto found = std::ranges::find(findings, "version", &Finding::check);
    REQUIRE(found != findings.end());
    return found->why;
  };
  for (const char* tested : {"8.4.4", "10.3"}) {
    world.router.version = world.router.client_version = tested;
    CHECK(why() == "herald is tested with it");
  }
  world.router.version = world.router.client_version = "9.1";
  CHECK(why() == "herald is tested with 8.4.4 and 10.3, and made for 8.4 to 10.x");
  CHECK(world.told("version") == Checks{"note: FRR 9.1, vtysh 9.1"});
  world.router.client_version = "8.4.4";
  CHECK(world.told("version") ==
        Checks{"warning: vtysh 8.4.4 beside bgpd 9.1", "note: FRR 9.1, vtysh 8.4.4"});
  world.router.client_version.clear();
  CHECK(world.told("version") == Checks{"note: FRR 9.1"});
  CHECK(world.told("profile").empty());
  world.router.frr.profile = "datacenter";
  CHECK(world.told("profile") == Checks{"note: frr defaults datacenter"});
}

}  // namespace herald::frr_rules_test

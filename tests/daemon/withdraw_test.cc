#include "sidecar/daemon/withdraw.h"

#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/bird/view.h"
#include "sidecar/announce/levers.h"
#include "sidecar/os/namespace_lock.h"
#include "tests/announce/bird/fake_birdc.h"
#include "tests/daemon/fixture.h"
#include "tests/os/own_namespace.h"

namespace withdraw_test {

using namespace herald;
using namespace fixture;

namespace {

const AddressKey kWeb{Vip{"10.99.0.1/32"}, "lo"};
const AddressKey kLeft{Vip{"10.99.0.7/32"}, "lo"};  // of a service that the configuration has no more

struct Bench {
  Bench() {
    enter_new_namespace();
    ServiceSpec& web = config.services.emplace_back();
    web.name = "web";
    web.vips = {kWeb.vip};
  }
  void put(const AddressKey& key) {
    const auto lever = make_levers(loop, {})->addresses(config.services);
    REQUIRE((*lever)->apply({Step::Kind::add, key, {}}));
  }
  bool has(const AddressKey& key) {
    const auto seen = (*make_levers(loop, {})->addresses(config.services))->look(loop.now());
    REQUIRE(seen);
    return std::ranges::any_of(seen->addresses,
                               [&](const ObservedAddress& each) { return each.key == key && each.ours; });
  }
  std::expected<int, std::string> withdraw(Withdrawal::Vips vips = Withdrawal::Vips::stay) {
    return withdraw_left(loop, logged.log, config, vips, {});
  }

  Config config;
  Logged logged;
  Loop loop;
};

TEST_CASE_METHOD(Bench,
                 "withdraw: the addresses that a dead herald left go, leftovers too, and each is said") {
  put(kWeb);
  put(kLeft);
  CHECK(withdraw() == 0);
  CHECK_FALSE(has(kWeb));
  CHECK_FALSE(has(kLeft));
  CHECK(logged.has("remove 10.99.0.1/32"));
  CHECK(logged.has("remove 10.99.0.7/32"));
  CHECK(withdraw() == 0);  // with nothing left
}

TEST_CASE_METHOD(Bench, "withdraw: beside a herald that runs nothing is touched") {
  put(kWeb);
  const auto other = NamespaceLock::take();
  REQUIRE(other);
  const auto refused = withdraw();
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == "nothing is withdrawn: " + NamespaceLock::take().error());
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(Bench, "withdraw: what on_exit keeps stays, unless nobody will see to it any more") {
  config.services[0].on_exit = OnExit::keep;
  put(kWeb);
  CHECK(withdraw() == 0);
  CHECK(has(kWeb));
  CHECK(withdraw(Withdrawal::Vips::go) == 0);
  CHECK_FALSE(has(kWeb));
}

// Runs what the file holds, since the last `configure`.
struct BirdBench : Bench {
  BirdBench() {
    config.router = birdc.spec;
    config.services[0].announce.via = Via::birdc;
    (void)birdc.directory.write("others", "BIRD 2.0.12 ready.\nTable master4:\n");
    birdc.answers("configure status", "0001 BIRD 2.0.12 ready.\n0003-Daemon is up and running\n0000 \n");
    birdc.answers("configure check", "0001 BIRD 2.0.12 ready.\n0020 Configuration OK\n");
    (void)birdc.directory.write("configure.sh", R"(
cp after show_protocols_all; rm -f show_route_table_all_where*
printf '0001 BIRD 2.0.12 ready.\n0003 Reconfigured\n'
)");
    (void)birdc.directory.write("herald.conf", render_bird_include(kRoutes));
    birdc.answers("show protocols all", protocols(kRoutes));
    birdc.answers(
        bird_origin_command(kBirdProtocols),
        "BIRD 2.0.12 ready.\nTable master4:\n10.99.0.1/32 blackhole [herald_10_99_0_1 10:00:00] * (200)\n");
    (void)birdc.directory.write("after", protocols({}));
  }
  static std::string protocols(const BirdRoutes& routes) {
    std::string text = "BIRD 2.0.12 ready.\nName Proto Table State Since Info\n";
    for (const auto& [vip, route] : routes) {
      text += bird_protocol(vip) + " Static master up 10:00:00\n  Description:    " + bird_mark(vip, route) +
              "\n";
    }
    return text;
  }

  inline static const BirdRoutes kRoutes{{kWeb.vip, {"HERALD-web-healthy", ""}}};
  FakeBirdc birdc;
};

TEST_CASE_METHOD(BirdBench, "withdraw: a router's routes go and are read back; the VIP under them stays") {
  put(kWeb);
  CHECK(withdraw() == 0);
  CHECK(parse_bird_include(birdc.file("herald.conf")).empty());
  CHECK(birdc.calls().find("configure check\nconfigure\n") != std::string::npos);
  CHECK(logged.has("withdraw 10.99.0.1/32"));
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(BirdBench, "withdraw: what a router goes on having is said, with exit 1") {
  (void)birdc.directory.write("configure.sh", "printf '0001 BIRD 2.0.12 ready.\\n8007 Access denied\\n'\n");
  CHECK(withdraw() == 1);
  CHECK(logged.has("8007 Access denied"));
}

}  // namespace

}  // namespace withdraw_test

// What is made of BIRD's answers together; each of them is parsed in view.cc.
#include "sidecar/announce/bird/reading.h"

#include <fmt/format.h>

#include <optional>

#include "sidecar/announce/bird/reply.h"
#include "sidecar/announce/router/lever.h"
#include "tests/announce/bird/fake_birdc.h"

namespace herald::reading_test {
namespace {

using Texts = std::vector<std::string>;

const Vip kWeb{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};
const Vip kWeb6{"fd00:99::1/128"};
const BirdRoutes kFile{{kWeb, {"HERALD-web-healthy", ""}}};
constexpr std::string_view kGreeting = "BIRD 2.0.12 ready.\n";

std::string peer(const std::string& name, const std::string& address, bool established = true,
                 const std::string& channels = "  Channel ipv4\n  Channel ipv6\n") {
  return fmt::format("{0} BGP --- up 10:00:00 {1}\n  BGP state:          {1}\n    Neighbor address: {2}\n{3}",
                     name, established ? "Established" : "Active", address, channels);
}

std::string own(const BirdRoutes& routes, const std::string& state = "up") {
  std::string text = fmt::format("{} Static master up 10:00:00\n", kBirdAnchor);
  for (const auto& [vip, route] : routes)
    text += fmt::format("{} Static master {} 10:00:00\n  Description:    {}\n", bird_protocol(vip), state,
                        bird_mark(vip, route));
  return text;
}

struct Bench : FakeBirdc {
  Bench() {
    (void)directory.write("others", std::string(kGreeting) + "Table master4:\n");
    protocols(own(kFile) + peer("rs1", "10.1.1.4") + peer("rs2", "10.1.1.132"));
    (void)directory.write("herald.conf", render_bird_include(kFile));
    has(bird_table_commands(vips).at(0), {kWeb});
    has(bird_origin_command(kBirdProtocols), {kWeb});
    for (const char* name : {"rs1", "rs2"}) has(bird_export_commands(vips, name).at(0), {kWeb});
  }

  void protocols(const std::string& text) const {
    answers("show protocols all", std::string(kGreeting) + "Name Proto Table State Since Info\n" + text);
  }
  // The answer to a command that asks for routes.
  void has(const std::string& command, const std::vector<Vip>& routes) const {
    std::string text = std::string(kGreeting) + "Table master4:\n";
    for (const Vip& vip : routes) text += vip.prefix + " blackhole [herald_x 10:00:00] * (200)\n";
    answers(command, text);
  }

  RouterView read(std::optional<std::string> refusal = std::nullopt) {
    BirdReading reading(loop, spec, vips);
    std::optional<RouterView> view;
    reading.start(
        [&](RouterView seen) {
          view = std::move(seen);
          loop.exit(0);
        },
        std::move(refusal));
    CHECK_FALSE(view);
    const Source limit = loop.timer_at(Loop::clock() + 10s, [this] { loop.exit(1); });
    loop.run();
    REQUIRE(view);
    return *view;
  }

  std::vector<Vip> vips{kWeb, kOther, kWeb6};
  Loop loop;
};

TEST_CASE_METHOD(
    Bench, "file, protocol, table and both peers agree: announced to all, with the name of the policy") {
  const RouterView view = read();
  CHECK(view.reachable);
  CHECK(view.error == "");
  CHECK(view.owned == std::map<Vip, std::string>{{kWeb, "HERALD-web-healthy"}});
  const RouterRoute nowhere{false, {}, {"10.1.1.4", "10.1.1.132"}};
  CHECK(view.routes == std::map<Vip, RouterRoute>{{kWeb, {true, {"10.1.1.4", "10.1.1.132"}, {}}},
                                                  {kOther, nowhere},
                                                  {kWeb6, nowhere}});
  CHECK(view.peers == std::vector<RouterPeer>{{"10.1.1.4", "Established", true, "10:00:00"},
                                              {"10.1.1.132", "Established", true, "10:00:00"}});
}

TEST_CASE_METHOD(Bench,
                 "an established peer that was not sent a VIP is missing, if it has that family at all") {
  has(bird_table_commands(vips).at(1), {kWeb6});
  has(bird_export_commands(vips, "rs2").at(0), {});
  protocols(own(kFile) + peer("rs1", "10.1.1.4", true, "  Channel ipv4\n") + peer("rs2", "10.1.1.132") +
            peer("rs3", "10.1.1.200", false));
  spec.peers = {"10.1.1.4", "10.1.1.132", "10.1.1.200"};
  const RouterView view = read();
  CHECK(view.routes.at(kWeb) == RouterRoute{true, {"10.1.1.4"}, {"10.1.1.132"}, {"10.1.1.200"}});
  CHECK(view.routes.at(kWeb6) == RouterRoute{true, {}, {"10.1.1.132"}, {"10.1.1.200"}});
  CHECK(calls().find("exported 'rs3'") == std::string::npos);  // BIRD has no table to tell of
}

TEST_CASE_METHOD(
    Bench, "without configured Route Servers one peer that has a VIP is enough; with, the others count not") {
  has(bird_export_commands(vips, "rs2").at(0), {});
  CHECK(read().routes.at(kWeb) == RouterRoute{true, {"10.1.1.4"}, {}});
  spec.peers = {"10.1.1.4"};
  CHECK(read().routes.at(kWeb) == RouterRoute{true, {"10.1.1.4"}, {}});
  spec.peers = {"10.1.1.132"};
  CHECK(read().routes.at(kWeb) == RouterRoute{true, {"10.1.1.4"}, {"10.1.1.132"}});
}

TEST_CASE_METHOD(Bench, "a configured Route Server that BIRD does not know is shown as such") {
  spec.peers = {"10.1.1.4", "10.1.1.9"};
  const RouterView view = read();
  REQUIRE(view.peers.size() == 3);
  CHECK(view.peers[0] == RouterPeer{"10.1.1.9", std::string(kNotConfigured), false});
  for (const Vip& vip : {kWeb, kWeb6})
    CHECK(view.routes.at(vip).without_session == std::vector<std::string>{"10.1.1.9"});
}

TEST_CASE_METHOD(Bench, "a route has a policy's name only where the file and BIRD agree") {
  SECTION("the file was changed and not loaded") {
    (void)directory.write("herald.conf", render_bird_include({{kWeb, {"HERALD-web-degraded", ""}}}));
    const RouterView view = read();
    CHECK(view.owned == std::map<Vip, std::string>{{kWeb, ""}});
    CHECK(view.error == "BIRD has not loaded " + include() + " as it is now");
  }
  SECTION("the file has a route that BIRD has not, and BIRD one that the file has not") {
    has(bird_origin_command(kBirdProtocols), {kOther});
    CHECK(read().owned == std::map<Vip, std::string>{{kWeb, ""}, {kOther, ""}});
  }
}

TEST_CASE_METHOD(Bench, "a protocol that somebody disabled is told, unless the file has no route for it") {
  protocols(own(kFile, "down") + peer("rs1", "10.1.1.4"));
  const RouterView view = read();
  CHECK(view.error == "herald_10_99_0_1 is disabled in BIRD");
  CHECK(view.reachable);
  (void)directory.write("herald.conf", render_bird_include({}));
  has(bird_origin_command(kBirdProtocols), {});
  CHECK(read().error == "");
}

TEST_CASE_METHOD(Bench, "why BIRD refused the last change is told until its configuration is sound again") {
  const std::string why = "bird.conf:1:1 syntax error: not herald's file";
  answers("configure check",
          std::string(kGreeting) + "Reading configuration from bird.conf\nbird.conf:1:1 syntax error\n");
  CHECK(read(why).error == why);
  answers("configure check",
          std::string(kGreeting) + "Reading configuration from bird.conf\nConfiguration OK\n");
  CHECK(read(why).error == "");
  (void)calls();
  CHECK(read(bird_trial_reason()).error == "");  // that is over
  CHECK(calls().find("configure check") == std::string::npos);
}

TEST_CASE_METHOD(Bench, "a file that BIRD does not include is trouble when it holds routes") {
  protocols(peer("rs1", "10.1.1.4") + peer("rs2", "10.1.1.132"));
  CHECK(read().error ==
        "BIRD does not read " + include() + ": bird.conf needs the line: include \"" + include() + "\";");
  (void)directory.write("herald.conf", render_bird_include({}));
  CHECK(read().error == "");
  forget("herald.conf");
  CHECK(read().error == "");
}

TEST_CASE_METHOD(Bench, "one protocol of two disagrees: the other route has its name all the same") {
  BirdRoutes both = kFile;
  both[kOther] = {"HERALD-other-healthy", ""};
  (void)directory.write("herald.conf", render_bird_include(both));
  has(bird_origin_command(kBirdProtocols), {kWeb, kOther});
  CHECK(read().owned == std::map<Vip, std::string>{{kWeb, "HERALD-web-healthy"}, {kOther, ""}});
}

TEST_CASE_METHOD(
    Bench, "an operator's configuration on trial is told, and read again at its end or within a second") {
  answers("configure status",
          std::string(kGreeting) + "Daemon is up and running\nConfiguration unconfirmed, undo in 0.967 s\n");
  RouterView view = read();
  CHECK(view.reachable);
  CHECK(view.error == bird_trial_reason());
  CHECK(view.owned == std::map<Vip, std::string>{{kWeb, "HERALD-web-healthy"}});
  CHECK(view.read_within == Duration::zero());
  answers("configure status",
          std::string(kGreeting) + "Daemon is up and running\nConfiguration unconfirmed, undo in 39.993 s\n");
  CHECK(read().read_within == std::chrono::seconds(1));
  answers("configure status", std::string(kGreeting) + "Daemon is up and running\n");
  view = read();
  CHECK(view.error == "");
  CHECK_FALSE(view.read_within);
}

TEST_CASE_METHOD(Bench, "a file that cannot be read is told, and BIRD's answers are still known") {
  spec.bird.include = directory.path();
  const RouterView view = read();
  CHECK(view.reachable);
  CHECK(view.error == "read " + directory.path().native() + ": Is a directory");
  CHECK(view.routes.at(kWeb).in_rib);
}

TEST_CASE_METHOD(Bench, "a session that has ended in between is down and not asked to have anything") {
  answers(bird_export_commands(vips, "rs2").at(0), std::string(kGreeting) + "No valid tables\n");
  spec.peers = {"10.1.1.4", "10.1.1.132"};
  const RouterView view = read();
  CHECK(view.error == "");
  CHECK(view.peers[1] == RouterPeer{"10.1.1.132", "Down", false, "10:00:00"});
  CHECK(view.routes.at(kWeb) == RouterRoute{true, {"10.1.1.4"}, {}, {"10.1.1.132"}});
}

TEST_CASE_METHOD(Bench, "one answer that is none ends the reading: nothing half known is told") {
  answers(bird_export_commands(vips, "rs1").at(0), std::string(kGreeting) + "syntax error, unexpected SYM\n");
  CHECK(read() == unreachable("birdc: syntax error, unexpected SYM"));
  CHECK(calls().find("exported 'rs2'") == std::string::npos);
  (void)directory.write("show_protocols_all.sh", "exec sleep 60\n");
  CHECK(read() == unreachable("birdc: no answer within 500ms"));
}

TEST_CASE_METHOD(Bench,
                 "a reading that begins anew has nothing of the one before; cancelled, it is not told") {
  BirdReading reading(loop, spec, vips);
  int told = 0;
  std::optional<RouterView> view;
  reading.start([&](const RouterView&) { ++told; }, std::nullopt);
  reading.start(
      [&](RouterView seen) {
        view = std::move(seen);
        loop.exit(0);
      },
      std::nullopt);
  loop.run();
  REQUIRE(view);
  CHECK(view->routes.at(kWeb).advertised_to.size() == 2);
  reading.start([&](const RouterView&) { ++told; }, std::nullopt);
  reading.cancel();
  const Source limit = loop.timer_at(Loop::clock() + 100ms, [this] { loop.exit(1); });
  loop.run();
  CHECK(told == 0);
}

}  // namespace
}  // namespace herald::reading_test

// The BIRD lever against a birdc of the test's own: replies that real BIRD gives rarely, and what it never should.
#include "sidecar/announce/bird/lever.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sidecar/announce/bird/include.h"
#include "tests/announce/router/lever_bench.h"
#include "tests/os/temporary_directory.h"
#include "tests/source_dir.h"

namespace herald::bird_lever_test {
namespace {

using Texts = std::vector<std::string>;

const Vip web_vip{"10.99.0.1/32"};
const Vip other_vip{"10.99.0.2/32"};
const Policy healthy{"HERALD-web-healthy", {}};
const RouteStep announce_web{web_vip, healthy};
const RouteStep withdraw_web{web_vip, std::nullopt};

constexpr std::string_view kGreeting = "0001 BIRD 2.0.12 ready.\n";
constexpr std::string_view kBroken =
    "0002-Reading configuration from bird.conf\n8002 /etc/bird/bird.conf:12:5 syntax error, unexpected '}'\n";

struct Bench {
  Bench() {
    // Answers with the file that is named as the command, or runs the script of that name.
    const auto birdc = directory.write("birdc", R"(#!/bin/sh
cd "${0%/*}"
for command; do :; done
echo "$command" >> calls
name=$(echo "$command" | tr -d "'" | tr ' ' _)
if [ -e "$name.sh" ]; then . "./$name.sh"; else cat "$name"; fi
)");
    std::filesystem::permissions(birdc, std::filesystem::perms::owner_all);
    config.router = {.stack = Stack::bird,
                     .as = 65001,
                     .router_id = "",
                     .vrf = "default",
                     .preset = Preset::generic,
                     .peer_as = std::nullopt,
                     .peers = {},
                     .vtysh = {},
                     .bird = {.birdc = birdc, .socket = "/nowhere", .include = include, .timeout = 500ms}};
    config.services.emplace_back().vips = {web_vip, other_vip};
    replies("configure_check", "0002-Reading configuration from bird.conf\n0020 Configuration OK\n");
    replies("configure", "0002-Reading configuration from bird.conf\n0003 Reconfigured\n");
    replies("configure_status", "0003-Daemon is up and running\n0000 \n");
    replies("disable_herald_10_99_0_1", "0009-herald_10_99_0_1: disabled\n0000 \n");
  }

  void replies(const std::string& name, std::string_view text) const {
    (void)directory.write(name, std::string(kGreeting) + std::string(text));
  }

  Texts apply(std::vector<RouteStep> steps) {
    std::filesystem::remove(directory.path() / "calls");
    return apply_now(loop, *lever(), std::move(steps));
  }

  RouterLever* lever() {
    if (!lever_) lever_ = make_bird_lever(loop, config);
    return lever_.get();
  }

  [[nodiscard]] std::string file(const std::string& name) const {
    std::ifstream stream(directory.path() / name);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }

  [[nodiscard]] BirdRoutes written() const { return parse_bird_include(file("herald.conf")); }

  TemporaryDirectory directory;
  std::string include = directory.path() / "herald.conf";
  Loop loop;
  Config config;

 private:
  std::unique_ptr<RouterLever> lever_;
};

TEST_CASE_METHOD(Bench, "the file is written, checked, and then loaded") {
  CHECK(apply({announce_web, {other_vip, healthy}}) == Texts{"taken", "taken"});
  CHECK(file("calls") == "configure status\nconfigure check\nconfigure\n");
  CHECK(written().size() == 2);
  CHECK(apply({withdraw_web}) == Texts{"taken"});
  CHECK(written() == BirdRoutes{{other_vip, {"HERALD-web-healthy", ""}}});
  CHECK(std::ranges::distance(std::filesystem::directory_iterator(directory.path())) ==
        7);  // nothing left over
}

TEST_CASE_METHOD(Bench, "the file keeps its mode, and a link to it stays one") {
  const auto real = directory.write("real/herald.conf", "");
  REQUIRE(::chmod(real.c_str(), 0604) == 0);
  std::filesystem::create_symlink(real, include);
  CHECK(apply({announce_web}) == Texts{"taken"});
  CHECK(std::filesystem::is_symlink(include));
  CHECK(written().contains(web_vip));
  struct stat now{};
  REQUIRE(::stat(real.c_str(), &now) == 0);
  CHECK((now.st_mode & 0777U) == 0604);
}

TEST_CASE_METHOD(Bench, "a new file can be read by the group of its directory") {
  REQUIRE(::chown(directory.path().c_str(), 0, 65534) == 0);
  CHECK(apply({announce_web}) == Texts{"taken"});
  struct stat now{};
  REQUIRE(::stat(include.c_str(), &now) == 0);
  CHECK(now.st_gid == 65534);
  CHECK((now.st_mode & 0777U) == 0640);
}

TEST_CASE_METHOD(Bench, "a step that BIRD cannot be told keeps the others going") {
  config.router.as.reset();
  const Policy prepended{"HERALD-web-draining-1", {.prepend = 3}};
  CHECK(apply({{web_vip, prepended}, {other_vip, healthy}}) == Texts{"prepend needs router.bgp.as", "taken"});
  CHECK_FALSE(written().contains(web_vip));
  CHECK(written().contains(other_vip));
}

TEST_CASE_METHOD(Bench, "accepted is not finished: the status is asked until it is") {
  replies("configure", "0002-Reading configuration from bird.conf\n0004 Reconfiguration in progress\n");
  (void)directory.write("show_status.sh", R"(
echo "0001 BIRD 2.0.12 ready."
if [ $(grep -c 'show status' calls) -lt 3 ]; then echo "0013 Reconfiguration in progress"; else echo "0013 Daemon is up and running"; fi
)");
  CHECK(apply({announce_web}) == Texts{"taken"});
  CHECK(file("calls") ==
        "configure status\nconfigure check\nconfigure\nshow status\nshow status\nshow status\n");
}

TEST_CASE_METHOD(Bench, "a reconfiguration that does not end is told after the deadline") {
  replies("configure", "0005 Reconfiguration already in progress, queueing new config\n");
  replies("show_status", "0013 Reconfiguration in progress\n");
  CHECK(apply({announce_web}) == Texts{"birdc: Reconfiguration in progress still after 500ms"});
  CHECK(written().contains(web_vip));
}

TEST_CASE_METHOD(Bench, "an operator's broken file is told as theirs, and herald's is not lost") {
  replies("configure_check", kBroken);
  CHECK(apply({announce_web}) ==
        Texts{"/etc/bird/bird.conf:12:5 syntax error, unexpected '}': not herald's file"});
  CHECK(file("calls") == "configure status\nconfigure check\n");
  CHECK(written().contains(web_vip));
}

TEST_CASE_METHOD(Bench, "a last withdrawal gets past an operator's broken file") {
  CHECK(apply({announce_web}) == Texts{"taken"});
  replies("configure_check", kBroken);
  CHECK(apply({withdraw_web}) == Texts{"taken"});
  CHECK(file("calls") == "configure status\nconfigure check\ndisable 'herald_10_99_0_1'\n");
  CHECK(written().empty());
  replies("enable_herald_10_99_0_1", "0011-herald_10_99_0_1: enabled\n0000 \n");
  CHECK(apply({announce_web}) == Texts{"taken"});
  CHECK(file("calls") == "configure status\nconfigure check\nenable 'herald_10_99_0_1'\n");
}

TEST_CASE_METHOD(Bench, "so does one beside a route that stays, for each has a protocol of its own") {
  CHECK(apply({announce_web, {other_vip, healthy}}) == Texts{"taken", "taken"});
  replies("configure_check", kBroken);
  CHECK(apply({withdraw_web}) == Texts{"taken"});
  CHECK(file("calls") == "configure status\nconfigure check\ndisable 'herald_10_99_0_1'\n");
  CHECK(written().size() == 1);
}

TEST_CASE_METHOD(Bench, "a withdrawal whose protocol BIRD does not disable has failed, and no other") {
  replies("configure_check", kBroken);
  replies("disable_herald_fd00_99__1", "9001 syntax error\n");
  const Texts errors = apply({{{"fd00:99::1/128"}, std::nullopt}, withdraw_web});
  CHECK(errors[0] ==
        "/etc/bird/bird.conf:12:5 syntax error, unexpected '}': not herald's file; birdc: 9001 syntax error");
  CHECK(errors[1] == "taken");
}

TEST_CASE_METHOD(Bench, "herald's own file is taken back when BIRD refuses it") {
  CHECK(apply({announce_web}) == Texts{"taken"});
  const std::string former = file("herald.conf");
  for (const std::string& name :
       {include, std::string("./herald.conf"), std::string("/container/herald.conf")}) {
    replies("configure_check", "8002 " + name + ":4:11 syntax error, unexpected IPV4\n");
    CHECK(apply({{other_vip, healthy}}) == Texts{name + ":4:11 syntax error, unexpected IPV4"});
    CHECK(file("herald.conf") == former);
  }
}

TEST_CASE_METHOD(Bench, "a birdc that hangs, prints junk or is missing is told, and nothing waits for it") {
  (void)directory.write("configure_check.sh", "exec sleep 60\n");
  CHECK(apply({announce_web}) == Texts{"birdc: no answer within 500ms"});
  (void)directory.write("configure_check.sh", "head -c 100000 /dev/urandom | tr '\\n' ' '\n");
  CHECK(apply({announce_web}).front().starts_with("birdc: "));
  (void)directory.write("configure_check.sh", "true\n");
  CHECK(apply({announce_web}) == Texts{"birdc: no reply"});
  (void)directory.write("configure_check.sh", "echo '0001 BIRD 2.0.12 ready.'; echo '8007 Access denied'\n");
  CHECK(apply({announce_web}) == Texts{"birdc: 8007 Access denied"});
  std::filesystem::remove(directory.path() / "birdc");
  CHECK(apply({announce_web}).front().contains("No such file or directory"));
}

TEST_CASE_METHOD(Bench, "a session that ends while BIRD is asked is down, and all else is known") {
  (void)directory.write("birdc", R"(#!/bin/sh
for command; do :; done
case "$command" in
  "show protocols"*) cat ")" HERALD_SOURCE_DIR R"(/tests/announce/fixtures/bird-2.0.12-protocols.txt" ;;
  *exported*) printf 'BIRD 2.0.12 ready.\nNo valid tables\n' ;;
  *) printf 'BIRD 2.0.12 ready.\nTable master4:\n' ;;
esac
)");
  std::filesystem::permissions(directory.path() / "birdc", std::filesystem::perms::owner_all);
  const RouterView view = read_now(loop, *lever());
  CHECK(view.error == "");
  CHECK(view.reachable);
  REQUIRE_FALSE(view.peers.empty());
  CHECK(std::ranges::none_of(view.peers, &RouterPeer::established));
  CHECK(std::ranges::any_of(view.peers, [](const RouterPeer& peer) { return peer.state == "Down"; }));
}

TEST_CASE_METHOD(Bench, "a directory that may not be written is told with its name") {
  config.router.bird.include = "/proc/herald.conf";
  CHECK(apply({announce_web}).front().starts_with("create /proc/.herald.conf."));
}

TEST_CASE_METHOD(Bench, "a change ends a reading, and a reading waits for a change") {
  (void)directory.write("show_protocols_all.sh", "exec sleep 60\n");
  bool told = false;
  lever()->read([&](const auto&) { told = true; });
  CHECK(apply({announce_web}) == Texts{"taken"});
  CHECK_FALSE(told);
  std::filesystem::remove(directory.path() / "show_protocols_all.sh");
  (void)directory.write("show_protocols_all", "birdc is broken\n");
  Texts order;
  lever()->apply({.steps = {announce_web}}, [&](const auto&) { order.push_back("applied"); });
  lever()->read([&](const RouterView& view) {
    order.push_back(view.error);
    loop.exit(0);
  });
  CHECK(loop.run() == 0);
  CHECK(order == Texts{"applied", "birdc: birdc is broken"});
}

TEST_CASE_METHOD(Bench, "commands are what a person would type") {
  config.router.as.reset();
  config.router.bird.include = "/etc/bird/herald.conf";
  const std::vector<RouteStep> steps{{other_vip, std::nullopt},
                                     {web_vip, Policy{"HERALD-web-degraded-1", {.med = 200}}},
                                     {web_vip, Policy{"HERALD-x", {.prepend = 1}}}};
  const std::string birdc = config.router.bird.birdc;
  CHECK(lever()->commands({.steps = steps}) ==
        Texts{"# in /etc/bird/herald.conf:", "# no route 10.99.0.2/32",
              "route 10.99.0.1/32 blackhole { bgp_med = 200; }; # HERALD-web-degraded-1",
              "# announce 10.99.0.1/32 with HERALD-x: prepend needs router.bgp.as",
              birdc + " -s /nowhere configure check", birdc + " -s /nowhere configure"});
  CHECK(lever()->commands({}).empty());
  CHECK(lever()->socket_path() == "/nowhere");
}

}  // namespace
}  // namespace herald::bird_lever_test

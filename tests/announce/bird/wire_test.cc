// The BIRD lever with two real BIRDs on this process's own lo: what the other one receives, and what is read back.
// Both are the first `bird` of PATH; with BIRD 3.1.8 there the same tests pass.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/bird/lever.h"
#include "tests/announce/router/lever_bench.h"
#include "tests/os/own_namespace.h"
#include "tests/os/temporary_directory.h"

namespace herald::wire_test {
namespace {

using Texts = std::vector<std::string>;

const Vip web_vip{"10.99.0.1/32"};
const Vip web_vip6{"fd00:99::1/128"};
const Policy healthy{"HERALD-web-healthy", {}};
const Policy degraded{"HERALD-web-degraded-1",
                      {.prepend = 2,
                       .med = 200,
                       .communities = {"65001:100", "65535:0", "4294967295:1:2"},
                       .local_preference = 50}};

constexpr std::string_view kCommon =
    "timeformat log iso long us;\nprotocol device { }\n"
    "template bgp fast { strict bind; multihop; connect delay time 1; connect retry time 1; error wait time "
    "1, 2; }\n";

// BIRD sends a MED to another AS only if the export filter itself sets it, so that is what operators have to write.
constexpr std::string_view kNva = R"(
router id 10.1.0.4;
filter vips { if net ~ [ 10.99.0.0/16{32,32} ] then { if defined(bgp_med) then bgp_med = bgp_med; accept; } reject; }
filter vips6 { if net ~ [ fd00:99::/64{128,128} ] then { if defined(bgp_med) then bgp_med = bgp_med; accept; } reject; }
protocol bgp 'rs-1.a' from fast { local 10.1.0.4 as 65001; neighbor 10.1.1.4 as 65515;
  ipv4 { import none; export filter vips; next hop self; };
  ipv6 { import none; export filter vips6; next hop address fd00:1::4; }; }
)";
constexpr std::string_view kServer = R"(
router id 10.1.1.4;
protocol bgp nva from fast { debug { routes, packets }; local 10.1.1.4 as 65515; neighbor 10.1.0.4 as 65001;
  ipv4 { import all; export none; }; ipv6 { import all; export none; }; }
)";

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = ::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), count);
  ::pclose(pipe);
  return text;
}

class RealBird {
 public:
  RealBird(const TemporaryDirectory& directory, const std::string& name) : base_(directory.path() / name) {}
  RealBird(const RealBird&) = delete;
  RealBird& operator=(const RealBird&) = delete;
  ~RealBird() { stop(); }

  void configure(std::string_view text) const {
    std::ofstream(base_ + ".conf") << "log \"" << base_ << ".log\" all;\n" << kCommon << text;
  }
  void start() {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execlp("bird", "bird", "-f", "-c", (base_ + ".conf").c_str(), "-s", socket().c_str(), nullptr);
      ::_exit(127);
    }
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] std::string socket() const { return base_ + ".ctl"; }
  [[nodiscard]] std::string ask(const std::string& question) const {
    return output_of("birdc -s " + socket() + " \"" + question + "\"");
  }
  // Lines of the log since the last call.
  [[nodiscard]] Texts news() {
    std::ifstream log(base_ + ".log");
    log.seekg(read_);
    Texts lines;
    for (std::string line; std::getline(log, line);) {
      read_ += static_cast<std::streamoff>(line.size()) + 1;
      lines.push_back(line);
    }
    return lines;
  }

 private:
  std::string base_;
  pid_t pid_ = -1;
  std::streamoff read_ = 0;
};

std::size_t count(const Texts& lines, std::string_view what) {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines, [&](const std::string& line) { return line.contains(what); }));
}

struct Bench {
  Bench() {
    enter_new_namespace();
    for (const std::string address : {"10.1.0.4/32", "10.1.1.4/32", "fd00:1::4/128"})
      REQUIRE(output_of("ip address add " + address + " dev lo").empty());
    std::ofstream(include).close();  // BIRD does not start without it
    nva.configure("include \"" + include + "\";\n" + std::string(kNva));
    server.configure(kServer);
    nva.start();
    server.start();
    config.router.stack = Stack::bird;
    config.router.as = 65001;
    config.router.peers = {"10.1.1.4"};
    config.router.bird.birdc = "birdc";
    config.router.bird.include = include;
    config.router.bird.socket = nva.socket();
    config.services.emplace_back().vips = {web_vip, web_vip6};
    for (int index = 1; index <= 100; ++index)
      config.services.back().vips.push_back({"10.99.1." + std::to_string(index) + "/32"});
    lever = make_bird_lever(loop, config);
    wait_established();
  }

  void wait_established() {
    wait([&] {
      return nva.ask("show protocols").contains("Established") &&
             server.ask("show protocols").contains("Established");
    });
    (void)received("Got END-OF-RIB", 2);
  }

  static void wait(const std::function<bool()>& reached) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!reached()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(10ms);
    }
  }

  RouterView read() { return read_now(loop, *lever); }
  Texts apply(std::vector<RouteStep> steps) { return apply_now(loop, *lever, std::move(steps)); }

  // What the other side logged from now until it has `what` so many times.
  Texts received(std::string_view what, std::size_t times = 1) {
    Texts lines;
    wait([&] {
      for (std::string& line : server.news()) lines.push_back(std::move(line));
      return count(lines, what) >= times;
    });
    return lines;
  }

  TemporaryDirectory directory;
  std::string include = directory.path() / "herald.conf";
  RealBird nva{directory, "nva"};
  RealBird server{directory, "server"};
  Loop loop;
  Config config;
  std::unique_ptr<RouterLever> lever;
};

TEST_CASE_METHOD(Bench, "BIRD: each grade on the wire, no withdrawal between them, and what is read back") {
  CHECK(read().owned.empty());
  CHECK(apply({{web_vip, healthy}, {web_vip6, healthy}}) == Texts{"taken", "taken"});
  CHECK(count(received("> added", 2), "nva.ipv4 > added") == 1);
  RouterView view = read();
  CHECK(view.error.empty());
  CHECK(view.owned == std::map<Vip, std::string>{{web_vip, healthy.name}, {web_vip6, healthy.name}});
  for (const Vip& vip : {web_vip, web_vip6})
    CHECK(view.routes[vip] == RouterRoute{.in_rib = true, .advertised_to = {"10.1.1.4"}, .missing_from = {}});

  CHECK(apply({{web_vip, degraded}, {web_vip6, degraded}}) == Texts{"taken", "taken"});
  CHECK(count(received("> added", 2), "removed") == 0);
  for (const Vip& vip : {web_vip, web_vip6}) {
    const std::string route = server.ask("show route " + vip.prefix + " all");
    CAPTURE(route);
    // Their names end alike: "BGP.as_path" and "BGP.med" in BIRD 2, "bgp_path" and "bgp_med" in BIRD 3.
    CHECK(route.contains("path: 65001 65001 65001\n"));
    CHECK(route.contains("med: 200\n"));
    CHECK(route.contains("community: (65001,100) (65535,0)\n"));
    CHECK(route.contains("large_community: (4294967295, 1, 2)\n"));
  }
  CHECK(read().owned[web_vip] == degraded.name);

  CHECK(apply({{web_vip, std::nullopt}, {web_vip6, std::nullopt}}) == Texts{"taken", "taken"});
  CHECK(count(received("removed", 2), "added") == 0);
  view = read();
  CHECK(view.owned.empty());
  CHECK(view.error.empty());
  CHECK(view.routes[web_vip] ==
        RouterRoute{.in_rib = false, .advertised_to = {}, .missing_from = {"10.1.1.4"}});
  CHECK(nva.ask("show protocols").contains("Established"));
}

TEST_CASE_METHOD(Bench, "BIRD: fifty VIPs together are one UPDATE, whatever happens to them") {
  std::vector<RouteStep> announce;
  std::vector<RouteStep> degrade;
  std::vector<RouteStep> withdraw;
  for (int index = 1; index <= 50; ++index) {
    const Vip vip{"10.99.1." + std::to_string(index) + "/32"};
    announce.push_back({vip, healthy});
    degrade.push_back({vip, degraded});
    withdraw.push_back({vip, std::nullopt});
  }
  for (const auto& [steps, what] :
       {std::pair{announce, "> added"}, {degrade, "> added"}, {withdraw, "> removed"}}) {
    std::this_thread::sleep_for(1100ms);  // BIRD logs about one UPDATE a second, after the first few
    const auto begun = std::chrono::steady_clock::now();
    CHECK(apply(steps) == Texts(50, "taken"));
    const auto took = std::chrono::steady_clock::now() - begun;
    INFO(std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " us");
    const Texts lines = received(what, 50);
    CHECK(count(lines, "Got UPDATE") == 1);
    CHECK(took < 500ms);
    const RouterView view = read();
    CHECK(view.error.empty());
    CHECK(view.owned.size() == (steps.front().policy ? 50 : 0));
    CHECK(view.routes.at(steps.back().vip).in_rib == steps.front().policy.has_value());
  }
}

TEST_CASE_METHOD(Bench, "BIRD: routes have no name while file and BIRD may differ") {
  CHECK(apply({{web_vip, healthy}}) == Texts{"taken"});
  const auto named = std::map<Vip, std::string>{{web_vip, healthy.name}};
  const auto unnamed = std::map<Vip, std::string>{{web_vip, ""}};
  SECTION("a herald that has just started knows, by the mark") {
    lever = make_bird_lever(loop, config);
    CHECK(read().owned == named);
  }
  SECTION("so it does when BIRD has restarted") {
    nva.stop();
    CHECK_FALSE(read().reachable);
    nva.start();
    wait_established();
    CHECK(read().owned == named);
  }
  SECTION("somebody had BIRD go back to what it ran before") {
    CHECK(apply({{web_vip, degraded}}) == Texts{"taken"});
    CHECK(nva.ask("configure undo").contains("Undo"));
    const RouterView view = read();
    CHECK(view.owned == unnamed);
    CHECK(view.error == "BIRD has not loaded " + include + " as it is now");
    CHECK(apply({{web_vip, degraded}}) == Texts{"taken"});
    CHECK(read().owned[web_vip] == degraded.name);
  }
  SECTION("somebody emptied the file") {
    std::ofstream(include).close();
    CHECK(read().owned == unnamed);
  }
  SECTION("somebody deleted the file") {
    std::filesystem::remove(include);
    CHECK(read().owned == unnamed);
  }
  SECTION("somebody disabled the protocol, and any configure enables it") {
    CHECK(nva.ask("disable herald_10_99_0_1").contains("disabled"));
    const RouterView view = read();
    CHECK(view.owned == unnamed);
    CHECK(view.error == "herald_10_99_0_1 is disabled in BIRD");
    CHECK(apply({{web_vip, healthy}}) == Texts{"taken"});
    CHECK(read().owned == named);
  }
  SECTION("bird.conf lost the include") {
    nva.configure(kNva);
    CHECK(nva.ask("configure").contains("Reconfigur"));
    const RouterView view = read();
    CHECK(view.owned == unnamed);
    CHECK(view.error ==
          "BIRD does not read " + include + ": bird.conf needs the line: include \"" + include + "\";");
  }
}

TEST_CASE_METHOD(Bench,
                 "BIRD: an operator's broken file holds up no withdrawal, and their repair changes nothing") {
  const Vip other_vip{"10.99.0.2/32"};
  CHECK(apply({{web_vip, healthy}, {other_vip, healthy}}) == Texts{"taken", "taken"});
  (void)received("> added", 2);
  const std::string good = "include \"" + include + "\";\n" + std::string(kNva);
  nva.configure(good + "oops;\n");
  CHECK(apply({{web_vip, std::nullopt}}) == Texts{"taken"});
  (void)received("removed");
  const RouterView view = read();
  CHECK(view.owned == std::map<Vip, std::string>{{other_vip, healthy.name}});
  CHECK(view.error.ends_with(": not herald's file"));
  // One that lives again comes back with what BIRD has of it; what BIRD has nothing of waits.
  CHECK(apply({{web_vip, healthy}}) == Texts{"taken"});
  (void)received("> added");
  CHECK(read().owned[web_vip] == healthy.name);
  CHECK(apply({{{"10.99.0.3/32"}, healthy}}).front().ends_with(": not herald's file"));
  CHECK(apply({{web_vip, std::nullopt}, {{"10.99.0.3/32"}, std::nullopt}}).front() == "taken");
  (void)received("removed");
  nva.configure(good);
  CHECK(nva.ask("configure").contains("Reconfigur"));
  CHECK(read().error.empty());
  CHECK(apply({{web_vip, healthy}}) == Texts{"taken"});
  (void)received("> added");
  CHECK(read().owned[web_vip] == healthy.name);
}

}  // namespace
}  // namespace herald::wire_test

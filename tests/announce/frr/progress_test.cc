// A batch on its way to a bgpd that refuses some of it.
#include "sidecar/announce/frr/progress.h"
#include "tests/announce/frr/templates.h"
#include "tests/announce/router/outcomes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

namespace herald::progress_test {
namespace {

using Lines = std::vector<std::string>;

const Policy kHealthy{"HERALD-web-healthy", {}};
const Policy kDegraded{"HERALD-web-degraded", {.med = 200}};

RouteStep announce(const std::string& prefix, const Policy& policy) {
  return {Vip{prefix}, policy};
}
RouteStep withdraw(const std::string& prefix) {
  return {Vip{prefix}, std::nullopt};
}

// Answers as vtysh does: it stops at what is refused, or says nothing at all.
struct FakeBgpd {
  std::map<std::string, FrrAnswer> answers;  // by line; others succeed
  std::vector<Lines> runs;

  FrrReply run(const FrrProgress::Send& send) {
    runs.push_back(send.lines);
    FrrReply reply;
    if (send.on_failure == OnFailure::carry_on) {
      reply.blind = true;
      return reply;
    }
    for (const std::string& line : send.lines) {
      const auto found = answers.find(line);
      reply.answers.push_back(found == answers.end() ? FrrAnswer{} : found->second);
      if (!reply.answers.back().goes_on()) break;
    }
    return reply;
  }

  void carry(FrrProgress& progress) {
    for (int turns = 0; turns < 20; ++turns) {
      const auto send = progress.next();
      if (!send) return;
      progress.take(run(*send));
    }
    FAIL("it never ends");
  }
};

const FrrAnswer kGone{kFrrFailed, "% Can't find static route specified\n"};
const FrrAnswer kRefused{kFrrFailed, "% Malformed\n"};

FrrProgress progress_of(const std::vector<RouteStep>& steps, const FrrMaps& maps = {}) {
  return FrrProgress(frr_batch(templates(), steps, "router bgp", "65001", maps));
}

TEST_CASE("what bgpd takes goes in one piece") {
  FakeBgpd bgpd;
  FrrProgress progress = progress_of({announce("10.99.0.1/32", kHealthy), withdraw("10.99.0.2/32")});
  bgpd.carry(progress);
  CHECK(bgpd.runs.size() == 1);
  CHECK(texts_of(progress.outcomes()) == Lines{"taken", "taken"});
  CHECK(progress.defined() == std::set<std::string>{kHealthy.name});
}

TEST_CASE("a withdrawal of what is gone already has succeeded, and the rest follows") {
  FakeBgpd bgpd{.answers = {{"no network 10.99.0.1/32", kGone}}, .runs = {}};
  FrrProgress progress =
      progress_of({withdraw("10.99.0.1/32"), withdraw("10.99.0.2/32"), withdraw("fd00::1/128")});
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()) == Lines(3, "taken"));
  REQUIRE(bgpd.runs.size() == 2);
  CHECK(bgpd.runs[1] == Lines{"configure terminal", "router bgp", "address-family ipv4 unicast",
                              "no network 10.99.0.2/32", "exit-address-family", "address-family ipv6 unicast",
                              "no network fd00::1/128", "exit-address-family", "exit", "end"});
}

TEST_CASE("nothing is sent after the last line that was refused") {
  FakeBgpd bgpd{.answers = {{"no network 10.99.0.1/32", kGone}}, .runs = {}};
  FrrProgress progress = progress_of({withdraw("10.99.0.1/32")});
  bgpd.carry(progress);
  CHECK(bgpd.runs.size() == 1);
  CHECK(texts_of(progress.outcomes()) == Lines{"taken"});
}

TEST_CASE("an error belongs to the step of its line") {
  FakeBgpd bgpd{.answers = {{"network 10.99.0.1/32 route-map HERALD-web-healthy", kRefused}}, .runs = {}};
  FrrProgress progress =
      progress_of({announce("10.99.0.1/32", kHealthy), announce("10.99.0.2/32", kHealthy)});
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()) ==
        Lines{"bgpd refused \"network 10.99.0.1/32 route-map HERALD-web-healthy\": Malformed", "taken"});
}

TEST_CASE("a warning is no success, though bgpd goes on after it") {
  FakeBgpd bgpd{.answers = {{"no network 10.99.0.1/32", {kFrrWarning, "% Not done\n"}}}, .runs = {}};
  FrrProgress progress = progress_of({withdraw("10.99.0.1/32"), withdraw("10.99.0.2/32")});
  bgpd.carry(progress);
  CHECK(bgpd.runs.size() == 1);
  CHECK(texts_of(progress.outcomes()) ==
        Lines{"bgpd refused \"no network 10.99.0.1/32\": Not done", "taken"});
}

TEST_CASE("a map that cannot be defined is named by no network, and is not taken for whole") {
  FakeBgpd bgpd{.answers = {{"set metric 200", kRefused}}, .runs = {}};
  FrrProgress progress =
      progress_of({announce("10.99.0.1/32", kDegraded), announce("10.99.0.2/32", kHealthy)});
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()) == Lines{"bgpd refused \"set metric 200\": Malformed", "taken"});
  CHECK(progress.defined() == std::set<std::string>{kHealthy.name});
  for (const Lines& run : bgpd.runs)
    CHECK(std::ranges::count(run, "network 10.99.0.1/32 route-map HERALD-web-degraded") ==
          (&run == bgpd.runs.data() ? 1 : 0));
  CHECK(bgpd.runs.back().at(1) == "route-map HERALD-web-healthy permit 10");
}

TEST_CASE("an instance or a lock that refuses takes all steps with it, in bgpd's words") {
  const std::string line = GENERATE("router bgp", "configure terminal");
  FakeBgpd bgpd{.answers = {{line, {kFrrFailed, "% Configuration is locked by other client\n"}}}, .runs = {}};
  FrrProgress progress =
      progress_of({withdraw("10.99.0.1/32"), announce("fd00::1/128", kHealthy)}, {{}, {}, {"HERALD-old"}});
  bgpd.carry(progress);
  const std::string error = "bgpd refused \"" + line + "\": Configuration is locked by other client";
  CHECK(texts_of(progress.outcomes()) == Lines{error, error});
  CHECK(bgpd.runs.size() == 1);
}

TEST_CASE("a family that refuses does not harm the other") {
  FakeBgpd bgpd{.answers = {{"address-family ipv4 unicast", kRefused}}, .runs = {}};
  FrrProgress progress = progress_of({withdraw("10.99.0.1/32"), withdraw("fd00::1/128")});
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()) ==
        Lines{"bgpd refused \"address-family ipv4 unicast\": Malformed", "taken"});
  REQUIRE(bgpd.runs.size() == 2);
  CHECK(bgpd.runs[1] == Lines{"configure terminal", "router bgp", "address-family ipv6 unicast",
                              "no network fd00::1/128", "exit-address-family", "exit", "end"});
}

TEST_CASE("a leftover map that cannot be deleted is no step's failure") {
  FakeBgpd bgpd{.answers = {{"no route-map HERALD-old", kRefused}}, .runs = {}};
  FrrProgress progress = progress_of({withdraw("10.99.0.1/32")}, {{}, {}, {"HERALD-old", "HERALD-older"}});
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()) == Lines{"taken"});
  CHECK(bgpd.runs.back() == Lines{"configure terminal", "no route-map HERALD-older", "end"});
}

TEST_CASE("many refusals end in one run that does not stop") {
  FakeBgpd bgpd;
  std::vector<RouteStep> steps;
  for (int i = 0; i < 1000; ++i) {
    steps.push_back(withdraw("10.98.0." + std::to_string(i) + "/32"));
    bgpd.answers["no network " + steps.back().vip.prefix] = kGone;
  }
  FrrProgress progress = progress_of(steps);
  bgpd.carry(progress);
  CHECK(bgpd.runs.size() == 6);
  CHECK(bgpd.runs.back().size() == 3 + 995 + 3);
  CHECK(texts_of(progress.outcomes()) == Lines(1000, "taken"));
}

TEST_CASE("a map whose definition would not be watched any more is not named") {
  FakeBgpd bgpd;
  std::vector<RouteStep> steps{withdraw("10.99.0.1/32")};
  for (int i = 0; i < 8; ++i) {
    const Policy policy{"HERALD-" + std::to_string(i), {.med = 1}};
    bgpd.answers["route-map " + policy.name + " permit 10"] = kRefused;
    steps.push_back(announce("10.99.1." + std::to_string(i) + "/32", policy));
  }
  FrrProgress progress = progress_of(steps);
  bgpd.carry(progress);
  CHECK(texts_of(progress.outcomes()).front() == "taken");
  CHECK(texts_of(progress.outcomes()).at(5) == "bgpd refused \"route-map HERALD-4 permit 10\": Malformed");
  CHECK(texts_of(progress.outcomes()).back() == "not sent: too much before it was refused");
  CHECK(bgpd.runs.back() == Lines{"configure terminal", "router bgp", "address-family ipv4 unicast",
                                  "no network 10.99.0.1/32", "exit-address-family", "exit", "end"});
}

TEST_CASE("a transport out of order fails what it did not answer") {
  FrrProgress progress = progress_of({withdraw("10.99.0.1/32"), withdraw("10.99.0.2/32")});
  REQUIRE(progress.next());
  progress.take({.answers = {{}, {}, {}, {}}, .error = "vtysh: no answer within 2s"});
  CHECK(texts_of(progress.outcomes()) == Lines{"taken", "vtysh: no answer within 2s"});
  CHECK_FALSE(progress.next());
}

TEST_CASE("more lines than one call takes go in several") {
  FakeBgpd bgpd;
  std::vector<RouteStep> steps;
  for (int i = 0; i < 9000; ++i) steps.push_back(withdraw("10.98.0." + std::to_string(i) + "/32"));
  FrrProgress progress = progress_of(steps);
  bgpd.carry(progress);
  CHECK(bgpd.runs.size() == 3);
  CHECK(bgpd.runs[1].at(2) == "address-family ipv4 unicast");
  std::size_t sent = 0;
  for (const Lines& run : bgpd.runs)
    sent += static_cast<std::size_t>(
        std::ranges::count_if(run, [](const auto& line) { return line.starts_with("no network"); }));
  CHECK(sent == 9000);
}

}  // namespace
}  // namespace herald::progress_test

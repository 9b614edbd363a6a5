#include "sidecar/config/probe.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"

namespace probe_test {

using namespace std::chrono_literals;
using namespace herald;
using namespace config_fixture;

namespace {

ProbeSpec probe_of(std::string_view patch, std::string_view defaults = "{}") {
  return config_of(probe_with(patch, defaults)).services.at(0).probes.at(0);
}

// Pointers below the probe, for short tables.
Reports probe_errors(std::string_view patch, std::string_view defaults = "{}") {
  Reports reports = errors_of(probe_with(patch, defaults));
  const std::string base = "f: /services/0/probes/0";
  for (auto& report : reports) {
    if (report.starts_with(base)) report.erase(0, base.size());
  }
  return reports;
}

}  // namespace

TEST_CASE("a probe's defaults are the contract's") {
  ProbeSpec expected;
  expected.name = "tcp-0";
  expected.type = "tcp";
  expected.settings = R"({"address":"127.0.0.1:80"})";
  CHECK(probe_of("{}") == expected);
}

TEST_CASE("every shared key arrives, and none is left in the settings") {
  const ProbeSpec spec = probe_of(R"({"name": "front", "interval": "2s", "fast_interval": "500ms",
      "down_interval": "10s", "timeout": "1500ms", "jitter": 0.1, "rise": 2, "fall": 4, "window": {"fail": 3, "of": 10},
      "role": "gate", "hard_fail": ["refused", "status", "refused"], "invert": true, "source": "127.0.0.2",
      "bind_device": "eth0", "mark": 4294967295})");
  CHECK(spec.name == "front");
  CHECK(spec.timing == ProbeTiming{2s, 500ms, 10s, 1500ms, 0.1});
  CHECK(spec.thresholds == ProbeThresholds{2, 4, Window{3, 10}, {Reason::refused, Reason::status}, true});
  CHECK(spec.socket == SocketOptions{"127.0.0.2", "eth0", 4294967295U});
  CHECK(spec.settings == R"({"address":"127.0.0.1:80"})");
}

TEST_CASE("times that nobody set follow the interval") {
  CHECK(probe_of(R"({"interval": "500ms"})").timing == ProbeTiming{500ms, 250ms, 500ms, 500ms, 0.05});
  CHECK(probe_of(R"({"interval": "100ms"})").timing == ProbeTiming{100ms, 100ms, 100ms, 100ms, 0.05});
  CHECK(probe_of(R"({"interval": "30s"})").timing == ProbeTiming{30s, 250ms, 30s, 800ms, 0.05});
  CHECK(probe_of("{}", R"({"interval": "100ms"})").timing == ProbeTiming{100ms, 100ms, 100ms, 100ms, 0.05});
}

TEST_CASE("defaults apply before a probe's own keys") {
  const std::string defaults =
      R"({"interval": "5s", "timeout": "2s", "rise": 1, "role": "info", "jitter": "0%",
      "hard_fail": ["tls"], "mark": 7, "window": {"fail": 1, "of": 2}})";
  const ProbeSpec spec = probe_of(
      R"({"timeout": "1s", "role": "gate", "hard_fail": [], "window": {"fail": 2, "of": 3}})", defaults);
  CHECK(spec.timing == ProbeTiming{5s, 250ms, 5s, 1s, 0});
  CHECK(spec.thresholds == ProbeThresholds{1, 3, Window{2, 3}, {}, false});
  CHECK(spec.role == Role::gate);
  CHECK(spec.socket.mark == 7);
}

TEST_CASE("overlap, and from when on: by what is usual, or a time that is shorter than the timeout") {
  CHECK(probe_of(R"({"overlap": true})").overlap == Overlap{true, std::nullopt});
  CHECK(probe_of(R"({"overlap": true, "suspect": "auto"})", R"({"suspect": "50ms"})").overlap ==
        Overlap{true, std::nullopt});
  CHECK(probe_of(R"({"overlap": true, "suspect": "60ms"})").overlap == Overlap{true, 60ms});
  CHECK(probe_of("{}", R"({"overlap": true, "suspect": "60ms"})").overlap == Overlap{true, 60ms});
  CHECK(probe_of(R"({"overlap": false})", R"({"overlap": true, "suspect": "60ms"})").overlap == Overlap{});
  // What is said for all may be too long for one of them.
  CHECK(probe_of(R"({"timeout": "50ms"})", R"({"overlap": true, "suspect": "60ms"})").overlap ==
        Overlap{true, 25ms});
  CHECK(probe_errors(R"({"overlap": true, "suspect": "800ms"})") ==
        Reports{"/suspect: 800ms is not shorter than timeout, which is 800ms: the attempt would be over"});
  CHECK(probe_errors(R"({"suspect": "soon"})").size() == 1);
  CHECK(probe_errors(R"({"suspect": "0ms"})").size() == 1);
}

TEST_CASE("accept_stall is of a target that is a TCP port; what defaults say is nothing to others") {
  const char* const web =
      R"({"type": "http", "url": "http://127.0.0.1/", "address": null, "accept_stall": "100ms"})";
  CHECK(probe_of(web).accept_stall == 100ms);
  CHECK_FALSE(probe_of("{}", R"({"accept_stall": "100ms"})").accept_stall);
  CHECK(probe_errors(R"({"accept_stall": "100ms"})") ==
        Reports{"/accept_stall: has no effect on a target that is no TCP port"});
}

TEST_CASE("hold is of a target to which a connection can be kept; what defaults say is nothing to others") {
  const char* const web = R"({"type": "http", "url": "http://127.0.0.1/", "address": null, "hold": true})";
  CHECK(probe_of(web).hold);
  CHECK_FALSE(probe_of(R"({"type": "http", "url": "http://127.0.0.1/", "address": null})").hold);
  CHECK_FALSE(probe_of("{}", R"({"hold": true})").hold);
  CHECK(probe_errors(R"({"hold": true})") ==
        Reports{"/hold: has no effect on a probe that is neither tcp nor http"});
  CHECK(probe_errors(R"({"type": "http", "url": "http://127.0.0.1/", "address": null, "hold": "yes"})")
            .size() == 1);
}

TEST_CASE("what is wrong in defaults is reported once") {
  json document = json::parse(probe_with("{}", R"({"interval": "1", "rise": 0, "url": "x", "name": "x"})"));
  auto& probes = document["services"][0]["probes"];
  for (int i = 0; i < 5; ++i) probes.push_back(probes[0]);
  CHECK(errors_of(document.dump()) ==
        Reports{"f: /defaults/interval: must be a duration such as \"250ms\", \"1s\" or \"2m\", not \"1\"",
                "f: /defaults/rise: must be a whole number from 1 to 100, not 0",
                "f: /defaults/name: unknown key", "f: /defaults/url: unknown key"});
  document["defaults"] = {{"timeout", "2s"}};
  CHECK(errors_of(document.dump()) ==
        Reports{"f: /defaults/timeout: 2s is longer than interval, which is 1s"});
  CHECK(probe_errors(R"({"interval": "1s"})", R"({"timeout": "2s", "interval": "5s"})") ==
        Reports{"/interval: 1s is shorter than timeout, which is 2s by `defaults`"});
  CHECK(probe_errors(R"({"interval": "3s"})", R"({"timeout": "2s"})").empty());
}

TEST_CASE("jitter is a part or a percentage") {
  CHECK(probe_of(R"({"jitter": 0})").timing.jitter == 0);
  CHECK(probe_of(R"({"jitter": 0.5})").timing.jitter == 0.5);
  CHECK(probe_of(R"({"jitter": "5%"})").timing.jitter == Approx(0.05));
  CHECK(probe_of(R"({"jitter": "12.5%"})").timing.jitter == 0.125);
  for (const std::string jitter : {"0.51", "-0.1", "\"51%\"", "\"-1%\"", "\"5\"", "\"%\"", "\"5 %\"",
                                   "\"nan%\"", "\"inf%\"", "true", "[]", "\"\""}) {
    INFO(jitter);
    CHECK(probe_errors(R"({"jitter": )" + jitter + "}").size() == 1);
  }
  CHECK(probe_errors(R"({"jitter": 5})") ==
        Reports{R"(/jitter: must be a number from 0 to 0.5 or a string from "0%" to "50%", not 5)"});
}

TEST_CASE("what is wrong with a probe is said at its key") {
  const std::string no_reason =
      " is no reason; reasons are timeout, refused, reset, unreachable, tls, protocol, status, header, body, "
      "json, "
      "too_large, rcode, answer, cost, inverted";
  const std::vector<std::pair<std::string, Reports>> cases{
      {R"({"type": null})", {": \"type\" is required"}},
      {R"({"type": 5})", {"/type: must be a string, not 5"}},
      {R"({"type": "htp", "url": "x", "rise": 0})",
       {"/type: \"htp\" is not a probe type (this release has dns, http, tcp); did you mean \"http\"?",
        "/rise: must be a whole number from 1 to 100, not 0"}},
      {R"({"type": "icmp"})", {"/type: \"icmp\" is not a probe type (this release has dns, http, tcp)"}},
      {R"({"address": null, "port": 80})", {": \"address\" is required", "/port: unknown key"}},
      {R"({"addres": "x"})", {"/addres: unknown key; did you mean \"address\"?"}},
      {R"({"type": "http", "address": null, "url": "x", "expect": {"stats": "200"}})",
       {"/expect/stats: unknown key; did you mean \"status\"?"}},
      {R"({"timout": "1s", "intervall": "1s", "fasst_interval": "1s", "down_intervall": "1s"})",
       {"/down_intervall: unknown key; did you mean \"down_interval\"?",
        "/fasst_interval: unknown key; did you mean \"fast_interval\"?",
        "/intervall: unknown key; did you mean \"interval\"?",
        "/timout: unknown key; did you mean \"timeout\"?"}},
      {R"({"fal": 3})", {"/fal: unknown key; did you mean \"fall\"?"}},
      {R"({"name": "a/b"})",
       {"/name: must be 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit, not \"a/b\""}},
      {R"({"interval": "9ms"})", {"/interval: must be from 10ms to 1h, not \"9ms\""}},
      {R"({"interval": "61m"})", {"/interval: must be from 10ms to 1h, not \"61m\""}},
      {R"({"timeout": "2s"})", {"/timeout: 2s is longer than interval, which is 1s"}},
      {R"({"timeout": "0s"})", {"/timeout: must be from 1ms to 1h, not \"0s\""}},
      {R"({"fast_interval": "2s"})", {"/fast_interval: 2s is longer than interval, which is 1s"}},
      {R"({"interval": "x", "timeout": "x", "fast_interval": 1})",
       {"/interval: must be a duration such as \"250ms\", \"1s\" or \"2m\", not \"x\"",
        "/fast_interval: must be a duration such as \"250ms\", \"1s\" or \"2m\", not 1",
        "/timeout: must be a duration such as \"250ms\", \"1s\" or \"2m\", not \"x\""}},
      {R"({"rise": 101, "fall": 0})",
       {"/rise: must be a whole number from 1 to 100, not 101",
        "/fall: must be a whole number from 1 to 100, not 0"}},
      {R"({"window": {"fail": 4, "of": 3}})",
       {"/window/fail: 4 failures cannot be among the last 3 attempts"}},
      {R"({"window": {"fail": 0, "of": 1001}})",
       {"/window/fail: must be a whole number from 1 to 1000, not 0",
        "/window/of: must be a whole number from 1 to 1000, not 1001"}},
      {R"({"window": {"fails": 1}})",
       {"/window: \"fail\" is required", "/window: \"of\" is required",
        "/window/fails: unknown key; did you mean \"fail\"?"}},
      {R"({"window": 5})", {"/window: must be an object, not 5"}},
      {R"({"role": "gates"})",
       {R"(/role: must be "gate", "degrade" or "info", not "gates"; did you mean "gate"?)"}},
      {R"({"hard_fail": ["timout", "late", "none", "", "latency", "xyz"]})",
       {"/hard_fail/0: \"timout\" is no reason; did you mean \"timeout\"?",
        "/hard_fail/1: \"late\" is never the reason of a failure", "/hard_fail/2: \"none\"" + no_reason,
        "/hard_fail/3: \"\"" + no_reason, "/hard_fail/4: \"latency\" is never the reason of a failure",
        "/hard_fail/5: \"xyz\"" + no_reason}},
      {R"({"hard_fail": "timeout"})", {"/hard_fail: must be an array of strings, not \"timeout\""}},
      {R"({"invert": 1})", {"/invert: must be true or false, not 1"}},
      {R"({"source": "localhost"})", {"/source: must be the literal address of a host, not \"localhost\""}},
      {R"({"source": "0.0.0.0"})", {"/source: must be the literal address of a host, not \"0.0.0.0\""}},
      {R"({"source": "fd00::1"})",
       {"/source: the source fd00::1 and the target 127.0.0.1 are not of the same family"}},
      {R"({"bind_device": ""})", {"/bind_device: must be an interface name of 1 to 15 characters, not \"\""}},
      {R"({"mark": 0})", {"/mark: must be a whole number from 1 to 4294967295, not 0"}},
      {R"({"mark": 4294967296})", {"/mark: must be a whole number from 1 to 4294967295, not 4294967296"}}};
  for (const auto& [patch, expected] : cases) {
    INFO(patch);
    CHECK(probe_errors(patch) == expected);
  }
}

TEST_CASE("names of probes are unique within their service") {
  json document = json::parse(probe_with("{}"));
  auto& probes = document["services"][0]["probes"];
  const json probe = probes[0];
  for (const auto* name : {"a", "tcp-0", "a"}) {
    probes.push_back(probe);
    probes.back()["name"] = name;
  }
  probes.push_back(probe);
  CHECK(errors_of(document.dump()) ==
        Reports{"f: /services/0/probes/2/name: \"tcp-0\" is already the name of /services/0/probes/0",
                "f: /services/0/probes/3/name: \"a\" is already the name of /services/0/probes/1"});
  probes = json::array({probe, probe});
  probes[0]["name"] = "tcp-1";
  CHECK(errors_of(document.dump()) ==
        Reports{"f: /services/0/probes/1: \"tcp-1\" is already the name of /services/0/probes/0"});
}

}  // namespace probe_test

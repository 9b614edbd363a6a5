#include "sidecar/ctl/local.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string_view>

#include "tests/os/temporary_directory.h"
#include "tests/source_dir.h"

namespace local_test {

using namespace herald;

namespace {

ctl::Options no_daemon() {
  return {.socket = {}, .timeout = {}, .json = false, .terminal = false, .look = {}, .print = {}};
}

ctl::ConfigPlace written(const TemporaryDirectory& directory, std::string_view text) {
  std::filesystem::create_directory(directory.path() / "services.d");
  return {directory.write("herald.json", text), directory.path() / "services.d"};
}

}  // namespace

TEST_CASE("errors of the configuration are all told, and nothing of them raw") {
  const TemporaryDirectory directory;
  const ctl::ConfigPlace place = written(directory, "{\"router\": {\"stack\": \"fr\"}, \"k\u202e\": 1}");
  for (const ctl::Outcome& outcome :
       {ctl::render(no_daemon(), place, Stack::bird, {}), ctl::doctor(no_daemon(), place)}) {
    CHECK(outcome.code == ctl::kUsage);
    CHECK(outcome.out.empty());
    CAPTURE(outcome.err);
    CHECK(outcome.err.starts_with("2 errors in the configuration (" + place.file + "):\n"));
    CHECK(outcome.err.find("did you mean \"frr\"?") != std::string::npos);
    CHECK(outcome.err.find(R"(/k\u202e: unknown key)") != std::string::npos);
  }
}

TEST_CASE("a sound configuration says what it lacks") {
  const TemporaryDirectory directory;
  const ctl::ConfigPlace place = written(directory, R"({"router": {"stack": "bird"}, "services": []})");
  const ctl::Outcome outcome = ctl::render(no_daemon(), place, Stack::bird, {});
  CHECK(outcome.code == ctl::kUsage);
  CHECK(outcome.err.find("what render bird needs") != std::string::npos);
}

TEST_CASE("what is rendered is printed, or told as JSON") {
  const TemporaryDirectory directory;
  const ctl::ConfigPlace place = written(directory, R"({
    "router": { "stack": "frr", "bgp": { "as": 65001, "router_id": "10.1.0.4" },
                "route_server": { "preset": "azure", "as": 65515, "peers": ["10.1.1.4", "10.1.1.132"] } },
    "services": [ { "name": "web", "vips": ["10.99.0.1/32"], "probes": [ { "type": "tcp", "address": "127.0.0.1:80" } ] } ]
  })");
  const std::vector<std::string> dirs{HERALD_SOURCE_DIR "/frr-templates"};
  const ctl::Outcome plain = ctl::render(no_daemon(), place, Stack::frr, dirs);
  CHECK(plain.code == ctl::kDone);
  CAPTURE(plain.err);
  CHECK(plain.out.find("router bgp 65001\n") != std::string::npos);
  CHECK(plain.out.find("10.99.0.1/32") != std::string::npos);
  ctl::Options options = no_daemon();
  options.json = true;
  const ctl::Report report = ctl::Report::parse(ctl::render(options, place, Stack::frr, dirs).out);
  CHECK(report["stack"] == "frr");
  CHECK(report["configuration"] == plain.out);
}

TEST_CASE("without a router doctor has one note, and that is no fault") {
  const TemporaryDirectory directory;
  const ctl::ConfigPlace place = written(directory, R"({"router": {"stack": "none"}, "services": []})");
  ctl::Options options = no_daemon();
  options.json = true;
  const ctl::Outcome outcome = ctl::doctor(options, place);
  CAPTURE(outcome.err);
  CHECK(outcome.code == ctl::kDone);
  const ctl::Report report = ctl::Report::parse(outcome.out);
  REQUIRE(report.is_array());
  REQUIRE(report.size() == 1);
  CHECK(report[0]["check"] == "stack");
}

TEST_CASE("a router that does not answer is a fault, and exit 1") {
  const TemporaryDirectory directory;
  const ctl::ConfigPlace place = written(
      directory, R"({"router": {"stack": "bird", "bird": {"birdc": "/nowhere/birdc"}}, "services": []})");
  const ctl::Outcome outcome = ctl::doctor(no_daemon(), place);
  CAPTURE(outcome.err);
  CHECK(outcome.code == ctl::kNotAsWanted);
  CHECK(outcome.out.find("BIRD does not answer: run /nowhere/birdc: No such file or directory") !=
        std::string::npos);
}

}  // namespace local_test

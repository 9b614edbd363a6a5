#include "sidecar/daemon/probe_runner.h"

#include <catch2/catch.hpp>
#include <utility>

using namespace herald;

namespace {

// A probe that a test answers for, as often as it was started.
struct Script {
  std::vector<probes::Done> started;
  int in_flight = 0;
  std::optional<ProbeResult> at_once;
};

class ScriptedAttempt final : public probes::Attempt {
 public:
  // The script tells in its place, so it keeps the callback.
  explicit ScriptedAttempt(Script& script) : Attempt(nullptr), script_(script) { ++script_.in_flight; }
  ScriptedAttempt(const ScriptedAttempt&) = delete;
  ScriptedAttempt& operator=(const ScriptedAttempt&) = delete;
  ~ScriptedAttempt() override { --script_.in_flight; }
  [[nodiscard]] std::string stage() const override { return "waiting for the script"; }

 private:
  Script& script_;
};

class ScriptedProbe final : public probes::Probe {
 public:
  explicit ScriptedProbe(Script& script) : script_(script) {}
  std::expected<std::unique_ptr<probes::Attempt>, ProbeResult> start(probes::Done done) override {
    if (script_.at_once) return std::unexpected(*script_.at_once);
    script_.started.push_back(std::move(done));
    return std::make_unique<ScriptedAttempt>(script_);
  }

 private:
  Script& script_;
};

ProbeResult said(std::string detail) {
  ProbeResult result;
  result.detail = std::move(detail);
  return result;
}

struct Bench {
  Bench() { runner.put(kProbe, std::make_unique<ScriptedProbe>(script)); }

  static constexpr ProbeId kProbe{3};
  Script script;
  std::vector<std::pair<RunId, std::string>> told;
  Loop loop;
  ProbeRunner runner{loop,
                     [this](RunId run, const ProbeResult& result) { told.emplace_back(run, result.detail); }};
};

using Told = std::vector<std::pair<RunId, std::string>>;

TEST_CASE_METHOD(Bench, "probe runner: a result is told by its run, and its attempt is over") {
  runner.start(kProbe, RunId{7});
  CHECK(told.empty());
  CHECK(script.in_flight == 1);
  script.started.at(0)(said("fine"));
  CHECK(told == Told{{RunId{7}, "fine"}});
  CHECK(script.in_flight == 0);
  CHECK_FALSE(runner.cancel(RunId{7}));
}

TEST_CASE_METHOD(Bench, "probe runner: several attempts of one probe end each by itself") {
  runner.start(kProbe, RunId{7});
  runner.start(kProbe, RunId{8});
  CHECK(script.in_flight == 2);
  script.started.at(1)(said("aside"));
  CHECK(runner.cancel(RunId{7}) == "waiting for the script");
  CHECK(told == Told{{RunId{8}, "aside"}});
  CHECK(script.in_flight == 0);
}

TEST_CASE_METHOD(Bench, "probe runner: a result that is known at once is told at once") {
  script.at_once = said("no descriptors");
  runner.start(kProbe, RunId{9});
  CHECK(told == Told{{RunId{9}, "no descriptors"}});
  CHECK_FALSE(runner.cancel(RunId{9}));
}

TEST_CASE_METHOD(Bench,
                 "probe runner: what is in flight of a probe that is made anew ends untold, and no other") {
  Script other;
  Script next;
  runner.put(ProbeId{1}, std::make_unique<ScriptedProbe>(other));
  runner.start(kProbe, RunId{7});
  runner.start(kProbe, RunId{8});
  runner.start(ProbeId{1}, RunId{9});
  runner.put(kProbe, std::make_unique<ScriptedProbe>(next));
  CHECK(script.in_flight == 0);
  CHECK(other.in_flight == 1);
  CHECK_FALSE(runner.cancel(RunId{8}));
  runner.start(kProbe, RunId{10});
  next.started.at(0)(said("anew"));
  CHECK(told == Told{{RunId{10}, "anew"}});
}

TEST_CASE_METHOD(Bench,
                 "probe runner: probes are made in the order of the configuration, problems by their names") {
  const auto spec = [](std::string name, std::string type, std::string settings) {
    ProbeSpec probe;
    probe.name = std::move(name);
    probe.type = std::move(type);
    probe.settings = std::move(settings);
    return probe;
  };
  Config config;
  config.services.resize(2);
  config.services[0].name = "web";
  config.services[0].probes = {
      spec("tls", "http", R"({"url": "https://127.0.0.1/", "tls": {"ca_file": "/nonexistent/ca.pem"}})")};
  config.services[1].name = "resolver";
  config.services[1].probes = {spec("port", "tcp", R"({"address": "127.0.0.1:9"})")};
  std::vector<std::string> problems;
  const auto made = runner.make(config, problems);
  REQUIRE(made.size() == 2);
  CHECK(made[0] == nullptr);
  CHECK(made[1] != nullptr);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with("probe web/tls: "));
  CHECK(problems[0].find("/nonexistent/ca.pem") != std::string::npos);
}

}  // namespace

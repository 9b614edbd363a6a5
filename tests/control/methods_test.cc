// That io.herald.Control does as it says: its description is made of the rows that are called, and what they answer is
// of the types that the description gives.
#include "sidecar/control/methods.h"

#include <catch2/catch.hpp>
#include <map>
#include <regex>

#include "tests/control/snapshot_fixture.h"

namespace methods_test {

using namespace herald;
using namespace fixture;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

const VarlinkPeer kRoot{.user = 0, .process = 1, .may_change = true, .client = 7};

// What finish() was told last.
std::optional<VarlinkReply>& finished() {
  static std::optional<VarlinkReply> reply;
  return reply;
}

ControlSource source(std::expected<void, std::string> done = {}, bool stopping = false,
                     std::optional<TimePoint> silent_since = std::nullopt) {
  static const History::Entries kEntries = some_history();
  return {
      .snapshot =
          [stopping] {
            Snapshot snapshot = two_services();
            snapshot.stopping = stopping;
            return snapshot;
          },
      .clocks = [] { return kClocks; },
      .seen = [] { return two_services(); },
      .plan = [] { return plan_report({}, {}); },
      .history = []() -> const History::Entries& { return kEntries; },
      .finish =
          [](std::uint64_t client, const VarlinkReply& reply) {
            CHECK(client == kRoot.client);
            finished() = reply;
          },
      .probe = [](const ProbeRequest&, std::uint64_t) {},
      .administer = [done](const AdminRequest&, const ControlSource::OnDone& answer) { answer(done); },
      .clear_damping = [done](std::span<const std::string>, const std::string&,
                              const ControlSource::OnDone& answer) { answer(done); },
      .adopt = [](const std::string&, const std::string&,
                  const ControlSource::OnAdopted& answer) { answer(std::vector<std::string>{"x on lo"}); },
      .reload = [](std::uint64_t) {},
      .hand_over = [done](const ControlSource::OnDone& answer) { answer(done); },
      .disk_silent_since = [silent_since] { return silent_since; }};
}

// "(name: type, ...)"
std::vector<VarlinkField> fields_of(std::string text) {
  static const std::regex kField(R"((\w+): ([\w?\[\]]+))");
  std::vector<VarlinkField> fields;
  for (std::smatch found; std::regex_search(text, found, kField); text = found.suffix())
    fields.push_back({found[1], found[2]});
  return fields;
}

struct Described {
  std::vector<VarlinkField> in;
  std::vector<VarlinkField> out;
};

// Out of the text that GetInterfaceDescription answers with, as a client would read it.
std::string description() {
  const VarlinkService service(control_info(), control_interface(source()));
  const auto answer = service.answer(
      R"({"method": "org.varlink.service.GetInterfaceDescription", "parameters": {"interface": "io.herald.Control"}})",
      kRoot);
  return json::parse(answer.bytes.substr(0, answer.bytes.size() - 1))["parameters"]["description"];
}

std::map<std::string, Described> described(const std::string& kind) {
  const std::regex line("\n" + kind + R"( (\w+) ?(\([^)]*\))( -> (\([^)]*\)))?)");
  std::map<std::string, Described> all;
  std::string text = description();
  for (std::smatch found; std::regex_search(text, found, line); text = found.suffix())
    all["io.herald.Control." + found[1].str()] = {fields_of(found[2]), fields_of(found[4])};
  return all;
}

// The reply as JSON, also where it comes through finish(): with "parameters", perhaps "error"; null where it comes later.
json call(std::string_view method, const char* parameters, const ControlSource& from = source()) {
  const VarlinkService service(control_info(), control_interface(from));
  const json request{{"method", method}, {"parameters", json::parse(parameters)}, {"more", true}};
  finished().reset();
  const VarlinkAnswer answer = service.answer(request.dump(), kRoot);
  if (answer.course == VarlinkCourse::later) {
    const auto reply = std::exchange(finished(), std::nullopt);
    if (!reply) return nullptr;
    const std::string bytes = encode_reply(*reply);
    return json::parse(bytes.substr(0, bytes.size() - 1));
  }
  return json::parse(answer.bytes.substr(0, answer.bytes.size() - 1));
}

}  // namespace

TEST_CASE("metrics come in pages, and one that is not there is the end") {
  const json first = call(kMetricsMethod, "{}")["parameters"];
  CHECK(first["text"].get<std::string>().starts_with("# HELP herald_build_info "));
  CHECK(first["text"].get<std::string>().contains("herald_service_as_wanted{service=\"web\"}"));
  const json last = call(kMetricsMethod, R"({"openmetrics": true, "from": 1000000})")["parameters"];
  CHECK(last == json{{"text", "# EOF\n"}, {"next", nullptr}});
  CHECK(call(kMetricsMethod, R"({"from": -1})")["error"] == "org.varlink.service.InvalidParameter");
}

TEST_CASE("every method answers with what its description says") {
  const std::map<std::string_view, const char*> good{
      {kStatusMethod, "{}"},
      {kWhyMethod, R"({"service": "web"})"},
      {kPlanMethod, "{}"},
      {kHistoryMethod, R"({"service": "web"})"},
      {kMetricsMethod, R"({"openmetrics": true, "from": null})"},
      {kWatchMethod, "{}"},
      {kProbeMethod, R"({"service": "web", "probe": "front", "count": true})"},
      {kDrainMethod, R"({"services": ["web"], "all": null, "reason": null, "for_ms": 1000, "by": "ann"})"},
      {kUndrainMethod, R"({"services": [], "all": true, "by": null, "all_orders": true})"},
      {kForceMethod, R"({"services": ["web"], "all": false})"},
      {kUnforceMethod, R"({"services": ["web"]})"},
      {kReloadMethod, "{}"},
      {kHandoverMethod, "{}"},
      {kClearDampingMethod, R"({"services": ["web"]})"},
      {kAdoptMethod, R"({"service": "web"})"},
  };
  const auto methods = described("method");
  CHECK(methods.size() == control_interface(source()).methods.size());
  for (const auto& [name, fields] : methods) {
    INFO(name << ": a new method needs a row here, with parameters that it takes");
    const auto row = good.find(name);
    REQUIRE(row != good.end());
    CHECK(misfit(fields.in, json::parse(row->second)) == std::nullopt);
    const json reply = call(name, row->second);
    if (reply.is_null()) continue;
    INFO(reply.dump());
    REQUIRE_FALSE(reply.contains("error"));
    CHECK(misfit(fields.out, reply["parameters"]) == std::nullopt);
  }
  // The answers that come later, and what Watch sends after its first reply.
  const ProbeSpec probe;
  const ordered_json results{{"results", {result_report(probe, {})}}};
  CHECK(misfit(methods.at(std::string(kProbeMethod)).out, results) == std::nullopt);
  const VarlinkReply reloaded = reload_reply({"nothing", {"short"}, {}});
  REQUIRE(reloaded);
  CHECK(misfit(methods.at(std::string(kReloadMethod)).out, *reloaded) == std::nullopt);
  const ordered_json news{{"transition", to_json(some_history()[0])}};
  CHECK(misfit(methods.at(std::string(kWatchMethod)).out, news) == std::nullopt);
}

TEST_CASE("drain and undrain: whose they are") {
  AdminRequest asked;
  ControlSource from = source();
  from.administer = [&](const AdminRequest& request, const ControlSource::OnDone& answer) {
    asked = request;
    answer({});
  };
  const auto drain = [&](const char* by) {
    return call(kDrainMethod, (R"({"services": ["web"], "by": )" + std::string(by) + "}").c_str(), from);
  };
  CHECK_FALSE(drain("null").contains("error"));
  CHECK(asked.who == "root");
  CHECK_FALSE(drain(R"("ann of the night shift")").contains("error"));
  CHECK(asked.who == "ann of the night shift");
  for (const std::string& odd :
       {std::string(R"("")"), std::string(R"(" ann")"), std::string(R"("a\u001b[1m")"),
        std::string(R"("herald")"), '"' + std::string(65, 'x') + '"'}) {
    INFO(odd);
    CHECK(drain(odd.c_str())["error"] == "org.varlink.service.InvalidParameter");
  }
  const auto whose = [&](const char* parameters) {
    CHECK_FALSE(call(kUndrainMethod, parameters, from).contains("error"));
    CHECK(asked.undoes == AdminState::drain);
    return asked.whose;
  };
  using Names = std::vector<std::string>;
  CHECK(whose(R"({"services": ["web"]})") == Names{"root", "herald"});
  CHECK(whose(R"({"services": ["web"], "by": "ann"})") == Names{"ann"});
  CHECK(whose(R"({"services": ["web"], "by": "herald"})") == Names{"herald"});
  CHECK(whose(R"({"services": ["web"], "by": "ann", "all_orders": true})").empty());
  CHECK(asked.who == "ann");
}

TEST_CASE("status says since when the disk has not answered") {
  const auto disk = [](const ControlSource& from) {
    return call(kStatusMethod, "{}", from)["parameters"]["status"]["disk"];
  };
  CHECK(disk(source()) == json{{"answers", true}, {"silent_since", nullptr}});
  const json silent = disk(source({}, false, kNow));
  CHECK(silent["answers"] == false);
  CHECK(silent["silent_since"] == to_rfc3339(kNow, kClocks));
}

TEST_CASE("every error has the parameters that its description says") {
  const std::expected<void, std::string> full = std::unexpected("write /state.json: No space left on device");
  const auto errors = described("error");
  const auto check = [&](std::string_view error, const json& reply) {
    INFO(reply.dump());
    REQUIRE(reply.contains("error"));
    CHECK(reply["error"] == error);
    REQUIRE(errors.contains(reply["error"]));
    CHECK(misfit(errors.at(reply["error"]).in, reply["parameters"]) == std::nullopt);
  };
  check(kNoSuchService, call(kWhyMethod, R"({"service": "wbe"})"));
  check(kNoSuchService, call(kHistoryMethod, R"({"service": "wbe"})"));
  check(kNoSuchService, call(kDrainMethod, R"({"services": ["web", "wbe"]})"));
  check(kNoSuchService, call(kProbeMethod, R"({"service": "wbe"})"));
  check(kNoSuchProbe, call(kProbeMethod, R"({"service": "web", "probe": "fornt"})"));
  check(kNotKept, call(kDrainMethod, R"({"services": ["web"]})", source(full)));
  check(kNotKept, call(kUndrainMethod, R"({"services": ["web"]})", source(full)));
  check(kNotKept, call(kHandoverMethod, "{}", source(full)));
  check(kNotKept, call(kClearDampingMethod, R"({"services": ["web"]})", source(full)));
  ControlSource none = source();
  none.adopt = [](const std::string&, const std::string&, const ControlSource::OnAdopted& done) { done({}); };
  check(kNothingToAdopt, call(kAdoptMethod, R"({"service": "web"})", none));
  ControlSource unable = source();
  unable.adopt = [](const std::string&, const std::string&, const ControlSource::OnAdopted& done) {
    done(std::unexpected("10.99.0.1/32 on lo is not taken over"));
  };
  check(kNotAdopted, call(kAdoptMethod, R"({"service": "web"})", unable));
  check(kStopping, call(kAdoptMethod, R"({"service": "web"})", source({}, true)));
  const VarlinkReply refused = reload_reply({{}, {}, {"herald.json: no such file"}});
  REQUIRE_FALSE(refused);
  check(kBadConfiguration, json{{"error", refused.error().name}, {"parameters", refused.error().parameters}});
  check(kStopping, call(kReloadMethod, "{}", source({}, true)));
  check(kStopping, call(kHandoverMethod, "{}", source({}, true)));
  check("io.herald.Control.MalformedRequest", json::parse([] {
          const VarlinkService service(control_info(), control_interface(source()));
          const std::string bytes = service.answer("junk", kRoot).bytes;
          return bytes.substr(0, bytes.size() - 1);
        }()));
}

TEST_CASE("a stream has to be asked for as one, and says so") {
  const VarlinkService service(control_info(), control_interface(source()));
  const std::string refused = service.answer(R"({"method": "io.herald.Control.Watch"})", kRoot).bytes;
  CHECK(refused.find("org.varlink.service.ExpectedMore") != std::string::npos);
  CHECK(description().find("# Needs the flag `more`.\nmethod Watch()") != std::string::npos);
  const VarlinkAnswer begun = service.answer(R"({"method": "io.herald.Control.Watch", "more": true})", kRoot);
  CHECK(begun.course == VarlinkCourse::stream);
  CHECK(begun.bytes.find("\"continues\":true") != std::string::npos);
}

}  // namespace methods_test

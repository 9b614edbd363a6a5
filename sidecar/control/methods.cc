#include "sidecar/control/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "sidecar/control/order_report.h"
#include "sidecar/seen/metrics.h"
#include "sidecar/text/clocks.h"
#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

VarlinkError no_such_service(std::string_view service, std::string message) {
  return {std::string(kNoSuchService), {{"service", service}, {"message", std::move(message)}}};
}

// Optional parameters: null is as good as absent.
std::optional<std::string> text_in(const json& parameters, const char* key) {
  const auto found = parameters.find(key);
  return found != parameters.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                         : std::nullopt;
}

bool flag_in(const json& parameters, const char* key) {
  const auto found = parameters.find(key);
  return found != parameters.end() && *found == true;
}

VarlinkReply status(const ControlSource& source) {
  ordered_json report = status_report(source.snapshot(), source.clocks());
  const auto since = source.disk_silent_since ? source.disk_silent_since() : std::nullopt;
  report["disk"] = disk_report(since, source.clocks());
  return ordered_json{{"status", std::move(report)}};
}

VarlinkReply why(const ControlSource& source, const std::string& service) {
  auto report = why_report(source.snapshot(), service, source.clocks());
  if (report) return ordered_json{{"why", std::move(*report)}};
  return std::unexpected(no_such_service(service, report.error()));
}

// Also of a service that is configured no more.
VarlinkReply history(const ControlSource& source, const std::string& service) {
  const History::Entries& entries = source.history();
  const bool has_any = std::ranges::find(entries, service, &HistoryEntry::service) != entries.end();
  if (auto problem = unknown_service(source.snapshot(), service); problem && !service.empty() && !has_any)
    return std::unexpected(no_such_service(service, std::move(*problem)));
  return ordered_json{{"history", history_report(entries, service, source.clocks())}};
}

// Each page is of a moment of its own: all families of a thousand services are more than a reply may hold.
VarlinkReply metrics(const ControlSource& source, const json& parameters) {
  const auto from = parameters.contains("from") && parameters["from"].is_number()
                        ? parameters["from"].get<std::int64_t>()
                        : 0;
  if (from < 0) return std::unexpected(invalid_parameter("from"));
  const Snapshot snapshot = source.seen();
  const auto format =
      flag_in(parameters, "openmetrics") ? seen::Format::openmetrics : seen::Format::prometheus;
  seen::Page page =
      seen::metrics_page(seen::Sample(snapshot, source.clocks()), format, static_cast<std::size_t>(from));
  ordered_json reply{{"text", std::move(page.text)}};
  reply["next"] = page.next ? ordered_json(*page.next) : ordered_json(nullptr);
  return reply;
}

VarlinkReply probe(const ControlSource& source, const json& parameters, std::uint64_t client) {
  const Snapshot snapshot = source.snapshot();
  ProbeRequest request{.service = parameters["service"].get<std::string>(), .probe = {}};
  if (auto problem = not_configured(snapshot, request.service))
    return std::unexpected(no_such_service(request.service, std::move(*problem)));
  if (request.probe = text_in(parameters, "probe"); request.probe) {
    if (auto problem = unknown_probe(snapshot, request.service, *request.probe)) {
      return std::unexpected(VarlinkError{
          std::string(kNoSuchProbe),
          {{"service", request.service}, {"probe", *request.probe}, {"message", std::move(*problem)}}});
    }
  }
  request.counts = flag_in(parameters, "count");
  source.probe(request, client);
  return ordered_json::object();
}

constexpr std::size_t kLongestReason = 200;
constexpr std::size_t kLongestName = 64;
constexpr std::int64_t kLongestLasts = std::chrono::milliseconds(std::chrono::hours(24 * 366)).count();

// uid, not name: looking a name up may ask a server, and heraldd does not wait for one.
std::string who_is(const VarlinkPeer& peer) {
  return peer.user == 0 ? "root" : fmt::format("uid {}", peer.user);
}

// The named services, at least one, or all that there are; the error is the answer.
std::expected<std::vector<std::string>, VarlinkError> chosen(const ControlSource& source,
                                                             const json& parameters) {
  const Snapshot snapshot = source.snapshot();
  std::vector<std::string> names;
  if (flag_in(parameters, "all")) {
    for (const ServiceSnapshot& service : snapshot.services) {
      if (!service.leaving) names.push_back(service.name);
    }
    return names;
  }
  names = parameters["services"].get<std::vector<std::string>>();
  for (const std::string& service : names) {
    if (auto problem = not_configured(snapshot, service))
      return std::unexpected(no_such_service(service, std::move(*problem)));
  }
  if (names.empty()) return std::unexpected(invalid_parameter("services"));
  return names;
}

VarlinkReply not_kept(const std::string& why) {
  return std::unexpected(VarlinkError{std::string(kNotKept), {{"message", why}}});
}

// Answers with that, or that it could not be kept.
ControlSource::OnDone answering(const ControlSource& source, std::uint64_t client, ordered_json reply) {
  return [finish = source.finish, client,
          reply = std::move(reply)](const std::expected<void, std::string>& done) {
    if (done) return finish(client, reply);
    finish(client, not_kept(done.error()));
  };
}

VarlinkReply clear_damping(const ControlSource& source, const json& parameters, const VarlinkPeer& peer) {
  const auto services = chosen(source, parameters);
  if (!services) return std::unexpected(services.error());
  source.clear_damping(*services, who_is(peer), answering(source, peer.client, {{"services", *services}}));
  return ordered_json::object();
}

// A name that somebody gives himself, or his program; it is told apart from others' by it.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && printable(name) == name && name.front() != ' ' &&
         name.back() != ' ';
}

// The error is the answer.
std::expected<AdminRequest, VarlinkError> request_of(const ControlSource& source, AdminState state,
                                                     AdminState undoes, const json& parameters,
                                                     const VarlinkPeer& peer) {
  auto services = chosen(source, parameters);
  if (!services) return std::unexpected(services.error());
  AdminRequest request{state, undoes, *std::move(services), {}, who_is(peer), std::nullopt, {}};
  request.reason = cut(printable(text_in(parameters, "reason").value_or("")), kLongestReason);
  if (parameters.contains("for_ms") && parameters["for_ms"].is_number()) {
    const auto lasts = parameters["for_ms"].get<std::int64_t>();
    if (lasts <= 0 || lasts > kLongestLasts) return std::unexpected(invalid_parameter("for_ms"));
    request.lasts = std::chrono::milliseconds(lasts);
  }
  if (const auto by = text_in(parameters, "by")) {
    const bool is_heralds = state == AdminState::drain && *by == kByHerald;  // its own are not as wanted
    if (!is_name(*by) || is_heralds) return std::unexpected(invalid_parameter("by"));
    request.who = *by;
  }
  return request;
}

VarlinkReply administer(const ControlSource& source, AdminState state, AdminState undoes,
                        const json& parameters, const VarlinkPeer& peer) {
  const auto request = request_of(source, state, undoes, parameters, peer);
  if (!request) return std::unexpected(request.error());
  source.administer(*request, answering(source, peer.client, {{"services", request->services}}));
  return ordered_json::object();
}

// One's own, and herald's, which are nobody's; of a name that was given only those.
VarlinkReply undrain(const ControlSource& source, const json& parameters, const VarlinkPeer& peer) {
  auto request = request_of(source, AdminState::automatic, AdminState::drain, parameters, peer);
  if (!request) return std::unexpected(request.error());
  if (!flag_in(parameters, "all_orders")) {
    request->whose = {request->who};
    if (!text_in(parameters, "by")) request->whose.emplace_back(kByHerald);
  }
  source.administer(*request, [source, client = peer.client, services = request->services,
                               before = source.snapshot()](const std::expected<void, std::string>& done) {
    if (!done) return source.finish(client, not_kept(done.error()));
    source.finish(client, undrain_report(before, source.snapshot(), services, source.clocks()));
  });
  return ordered_json::object();
}

VarlinkReply adopt(const ControlSource& source, const json& parameters, const VarlinkPeer& peer) {
  const Snapshot snapshot = source.snapshot();
  if (snapshot.stopping) return std::unexpected(VarlinkError{.name = std::string(kStopping)});
  const auto service = parameters["service"].get<std::string>();
  if (auto problem = not_configured(snapshot, service))
    return std::unexpected(no_such_service(service, std::move(*problem)));
  source.adopt(service, who_is(peer),
               [finish = source.finish, client = peer.client,
                service](const std::expected<std::vector<std::string>, std::string>& adopted) {
                 const auto fail = [&](std::string_view name, const std::string& message) {
                   finish(client, std::unexpected(VarlinkError{
                                      std::string(name), {{"service", service}, {"message", message}}}));
                 };
                 if (!adopted) return fail(kNotAdopted, adopted.error());
                 if (adopted->empty())
                   return fail(kNothingToAdopt, "no address of somebody else equals a VIP of " + service);
                 finish(client, ordered_json{{"service", service}, {"adopted", *adopted}});
               });
  return ordered_json::object();
}

VarlinkReply reload(const ControlSource& source, std::uint64_t client) {
  if (source.snapshot().stopping) return std::unexpected(VarlinkError{std::string(kStopping), {}});
  source.reload(client);
  return ordered_json::object();
}

VarlinkReply hand_over(const ControlSource& source, std::uint64_t client) {
  if (source.snapshot().stopping) return std::unexpected(VarlinkError{.name = std::string(kStopping)});
  source.hand_over(answering(source, client, ordered_json::object()));
  return ordered_json::object();
}

VarlinkMethod admin_method(const ControlSource& source, std::string name, std::string comment,
                           AdminState state, AdminState undoes) {
  std::vector<VarlinkField> in{{"services", "[]string"}, {"all", "?bool"}};
  if (state != AdminState::automatic) in.insert(in.end(), {{"reason", "?string"}, {"for_ms", "?int"}});
  if (state == AdminState::drain) in.push_back({"by", "?string"});
  return {.name = std::move(name),
          .comment = std::move(comment),
          .in = std::move(in),
          .out = {{"services", "[]string"}},
          .mutates = true,
          .course = VarlinkCourse::later,  // it is kept first
          .call = [source, state, undoes](const json& parameters, const VarlinkPeer& peer) {
            return administer(source, state, undoes, parameters, peer);
          }};
}

VarlinkMethod undrain_method(const ControlSource& source) {
  return {
      .name = "Undrain",
      .comment =
          "Ends one's own drains: those by that name, or of whose the connection is; with all_orders those\n"
          "of everybody. Once the last has ended, the probes decide again.",
      .in = {{"services", "[]string"}, {"all", "?bool"}, {"by", "?string"}, {"all_orders", "?bool"}},
      .out = {{"services", "[]string"}, {"ended", "[]object"}, {"standing", "[]object"}},
      .mutates = true,
      .course = VarlinkCourse::later,
      .call = [source](const json& parameters, const VarlinkPeer& peer) {
        return undrain(source, parameters, peer);
      }};
}

// What everybody may call.
void add_views(std::vector<VarlinkMethod>& methods, const ControlSource& source) {
  methods.push_back({.name = "Status",
                     .comment = "The state of the router and of every service: `heraldctl status --json`.",
                     .in = {},
                     .out = {{"status", "object"}},
                     .call = [source](const json&, const VarlinkPeer&) { return status(source); }});
  methods.push_back({.name = "Why",
                     .comment = "One service with what led to its state: `heraldctl why SERVICE --json`.",
                     .in = {{"service", "string"}},
                     .out = {{"why", "object"}},
                     .call = [source](const json& parameters, const VarlinkPeer&) {
                       return why(source, parameters["service"].get<std::string>());
                     }});
  methods.push_back({.name = "Plan",
                     .comment = "What differs between what is wanted and what is, and the commands for it.",
                     .in = {},
                     .out = {{"plan", "object"}},
                     .call = [source](const json&, const VarlinkPeer&) -> VarlinkReply {
                       return ordered_json{{"plan", source.plan()}};
                     }});
  methods.push_back({.name = "History",
                     .comment = "The last transitions, of one service or of all: `heraldctl history --json`.",
                     .in = {{"service", "?string"}},
                     .out = {{"history", "object"}},
                     .call = [source](const json& parameters, const VarlinkPeer&) {
                       return history(source, text_in(parameters, "service").value_or(""));
                     }});
  methods.push_back(
      {.name = "Metrics",
       .comment = "Metrics as text, in Prometheus's format or OpenMetrics, in pages: what comes after this "
                  "one is had\n"
                  "by `from`: `next`; where that is null, this was the last.",
       .in = {{"openmetrics", "?bool"}, {"from", "?int"}},
       .out = {{"text", "string"}, {"next", "?int"}},
       .call = [source](const json& parameters, const VarlinkPeer&) { return metrics(source, parameters); }});
  methods.push_back(
      {.name = "Watch",
       .comment =
           "Transitions as they happen. The first reply has none: it says that from now on none is missed.",
       .in = {},
       .out = {{"transition", "?object"}},
       .course = VarlinkCourse::stream,
       .call = [](const json&, const VarlinkPeer&) -> VarlinkReply { return ordered_json::object(); }});
}

// What an operator says of services.
void add_words(std::vector<VarlinkMethod>& methods, const ControlSource& source) {
  constexpr AdminState kAuto = AdminState::automatic;
  methods.push_back(
      admin_method(source, "Drain",
                   "Takes services out gracefully, until they are undrained or for_ms has passed. It stands "
                   "beside those of\n"
                   "others, who are told apart by their names: `by`, or whose the connection is.",
                   AdminState::drain, kAuto));
  methods.push_back(undrain_method(source));
  methods.push_back(admin_method(source, "Force", "Announces services whatever their probes say.",
                                 AdminState::force, kAuto));
  methods.push_back(
      admin_method(source, "Unforce", "Ends a force; their probes decide again.", kAuto, AdminState::force));
  methods.push_back(
      {.name = "ClearDamping",
       .comment = "Forgets the penalties of damping, so that a service which is held by them comes up.",
       .in = {{"services", "[]string"}, {"all", "?bool"}},
       .out = {{"services", "[]string"}},
       .mutates = true,
       .course = VarlinkCourse::later,
       .call = [source](const json& parameters, const VarlinkPeer& peer) {
         return clear_damping(source, parameters, peer);
       }});
  methods.push_back(
      {.name = "Adopt",
       .comment = "Takes over addresses that somebody else has put there and that are VIPs of the service:\n"
                  "from then on herald removes them when it is down.",
       .in = {{"service", "string"}},
       .out = {{"service", "string"}, {"adopted", "[]string"}},
       .mutates = true,
       .course = VarlinkCourse::later,
       .call = [source](const json& parameters, const VarlinkPeer& peer) {
         return adopt(source, parameters, peer);
       }});
}

// What makes heraldd itself do something.
void add_orders(std::vector<VarlinkMethod>& methods, const ControlSource& source) {
  methods.push_back(
      {.name = "Probe",
       .comment = "Runs probes now, and answers when all have ended. They change nothing unless they count.",
       .in = {{"service", "string"}, {"probe", "?string"}, {"count", "?bool"}},
       .out = {{"results", "[]object"}},
       .mutates = true,  // it makes traffic and runs programs
       .course = VarlinkCourse::later,
       .call = [source](const json& parameters, const VarlinkPeer& peer) {
         return probe(source, parameters, peer.client);
       }});
  methods.push_back(
      {.name = "Reload",
       .comment = "Reads the configuration again: all of it is applied, or nothing, with every error.",
       .in = {},
       .out = {{"changes", "string"}, {"warnings", "[]string"}},
       .mutates = true,
       .course = VarlinkCourse::later,
       .call = [source](const json&, const VarlinkPeer& peer) { return reload(source, peer.client); }});
  methods.push_back(
      {.name = "Handover",
       .comment =
           "Stops heraldd with everything left announced, for a successor to adopt. It goes on for a\n"
           "moment after the reply: to renew the leases, and until the router has taken what is on its way.",
       .in = {},
       .out = {},
       .mutates = true,
       .course = VarlinkCourse::later,
       .call = [source](const json&, const VarlinkPeer& peer) { return hand_over(source, peer.client); }});
}

}  // namespace

VarlinkReply reload_reply(const Reloaded& reloaded) {
  if (!reloaded.errors.empty())
    return std::unexpected(VarlinkError{std::string(kBadConfiguration), {{"errors", reloaded.errors}}});
  return ordered_json{{"changes", reloaded.changes}, {"warnings", reloaded.warnings}};
}

VarlinkInterface control_interface(const ControlSource& source) {
  VarlinkInterface interface{
      .name = "io.herald.Control",
      .comment = "Looks at heraldd, and steers it.",
      .methods = {},
      .errors = {{"NoSuchService", {{"service", "string"}, {"message", "string"}}},
                 {"NoSuchProbe", {{"service", "string"}, {"probe", "string"}, {"message", "string"}}},
                 {"NothingToAdopt", {{"service", "string"}, {"message", "string"}}},
                 {"NotAdopted", {{"service", "string"}, {"message", "string"}}},
                 {"NotKept", {{"message", "string"}}},
                 {"BadConfiguration", {{"errors", "[]string"}}},
                 {"Stopping", {}}}};
  add_views(interface.methods, source);
  add_words(interface.methods, source);
  add_orders(interface.methods, source);
  return interface;
}

VarlinkInfo control_info() {
  return {.vendor = "herald", .product = "heraldd", .version = HERALD_VERSION, .url = ""};
}

}  // namespace herald

#include "sidecar/control_methods.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

VarlinkReply status(const ControlSource& source) {
  return ordered_json{{"status", status_report(source.snapshot(), source.clocks())}};
}

VarlinkReply why(const ControlSource& source, const std::string& service) {
  auto report = why_report(source.snapshot(), service, source.clocks());
  if (report) return ordered_json{{"why", std::move(*report)}};
  return std::unexpected(
      VarlinkError{std::string(kNoSuchService), {{"service", service}, {"message", report.error()}}});
}

}  // namespace

VarlinkInterface control_interface(ControlSource source) {
  VarlinkInterface interface{.name = "io.herald.Control",
                             .comment = "Looks at heraldd, and steers it.",
                             .methods = {},
                             .errors = {{"NoSuchService", {{"service", "string"}, {"message", "string"}}}}};
  interface.methods.push_back(
      {.name = "Status",
       .comment = "The state of the router and of every service: `heraldctl status --json`.",
       .in = {},
       .out = {{"status", "object"}},
       .call = [source](const json&, const VarlinkPeer&) { return status(source); }});
  interface.methods.push_back(
      {.name = "Why",
       .comment = "One service with what led to its state: `heraldctl why SERVICE --json`.",
       .in = {{"service", "string"}},
       .out = {{"why", "object"}},
       .call = [source](const json& parameters, const VarlinkPeer&) {
         return why(source, parameters["service"].get<std::string>());
       }});
  return interface;
}

VarlinkInfo control_info() {
  return {.vendor = "herald", .product = "heraldd", .version = HERALD_VERSION, .url = ""};
}

}  // namespace herald

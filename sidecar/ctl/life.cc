#include "sidecar/ctl/life.h"

#include <fmt/format.h>

#include "sidecar/control/names.h"
#include "sidecar/text/duration.h"
#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

std::string line_of(const Report& text) {
  return text.is_string() ? printable(text.get<std::string>()) + "\n" : "";
}

}  // namespace

Outcome reload(const Options& options) {
  constexpr Duration kPatience = std::chrono::seconds(30);
  Options call = options;
  if (!options.timeout_given) call.timeout = kPatience;
  const auto reply = call_varlink(call.socket, kReloadMethod, Report::object(), call.timeout);
  if (reply) {
    if (options.json) return {kDone, json_text(options, *reply), ""};
    std::string warnings;
    for (const Report& warning : list_at(*reply, "warnings")) warnings += line_of(warning);
    return {kDone, "reloaded: " + text_at(*reply, "changes") + "\n", std::move(warnings)};
  }
  if (reply.error().error.name != kBadConfiguration) return failed_change(call, reply.error());
  const Report& errors = list_at(reply.error().error.parameters, "errors");
  if (options.json) return {kUsage, json_text(options, {{"errors", errors}}), ""};
  std::string text =
      fmt::format("{} error{}, and nothing has changed\n", errors.size(), errors.size() == 1 ? "" : "s");
  for (const Report& error : errors) text += line_of(error);
  return {kUsage, "", std::move(text)};
}

Outcome handover(const Options& options) {
  constexpr Duration kPatience = std::chrono::seconds(15);
  Options call = options;
  call.timeout = Options{}.timeout;
  const auto heraldd = VarlinkServer::find(call.socket, call.timeout);
  if (!heraldd) return failed(call, heraldd.error());
  const auto reply = call_varlink(call.socket, kHandoverMethod, Report::object(), call.timeout);
  if (!reply) return failed_change(call, reply.error());
  const Duration patience = options.timeout_given ? options.timeout : kPatience;
  if (heraldd->wait_for_end(patience)) return {kDone, "", ""};
  return {kTimedOut, "",
          fmt::format("heraldd has not gone after {}; the handover goes on\n", to_string(patience))};
}

}  // namespace herald::ctl

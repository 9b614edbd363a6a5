#include "sidecar/ctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/control_methods.h"
#include "sidecar/ctl_render.h"
#include "sidecar/duration.h"
#include "sidecar/near_name.h"
#include "sidecar/plain_text.h"
#include "sidecar/varlink_client.h"

namespace herald::ctl {
namespace {

Outcome refused(const Options& options, const VarlinkError& error) {
  if (error.name == kNoSuchService) return {kUsage, "", text_at(error.parameters, "message") + "\n"};
  if (error.name == kPermissionDenied) {
    return {kNotPermitted, "",
            "not permitted: only root and members of the group control.group may do this\n"};
  }
  if (error.name == kMethodNotFound || error.name == kInterfaceNotFound) {
    return {kNotReachable, "",
            fmt::format("what answers on {} does not know this command; is it an older heraldd?\n",
                        options.socket)};
  }
  const std::string message = text_at(error.parameters, "message");
  return {kNotAsWanted, "",
          fmt::format("heraldd answers with {}{}{}\n", printable(error.name), message.empty() ? "" : ": ",
                      message)};
}

Outcome failed(const Options& options, const CallFailure& failure) {
  switch (failure.kind) {
    case CallFailure::Kind::refused:
      return refused(options, failure.error);
    case CallFailure::Kind::not_permitted:
      return {kNotPermitted, "", fmt::format("not permitted on {}: {}\n", options.socket, failure.text)};
    case CallFailure::Kind::timed_out:
      return {kTimedOut, "",
              fmt::format("heraldd has not answered on {} within {}; is it hung? (systemctl status herald)\n",
                          options.socket, to_string(options.timeout))};
    case CallFailure::Kind::not_reachable:
      break;
  }
  return {kNotReachable, "",
          fmt::format("heraldd does not answer on {}: {}; is it running? (systemctl status herald)\n",
                      options.socket, failure.text)};
}

std::string json_text(const Options& options, const Report& report) {
  constexpr int kIndent = 2;
  // On a terminal even the control characters above ASCII are escaped.
  return report.dump(kIndent, ' ', options.terminal, Report::error_handler_t::replace) + "\n";
}

std::string unknown_service(const std::string& wanted, const std::vector<std::string>& names) {
  const std::string near = near_name(wanted, names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
  return fmt::format("no service \"{}\"{}\n", printable(wanted), hint);
}

// Only the wanted services are left in `report`; the error is for people.
std::string keep_only(Report& report, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const Report& service : list_at(report, "services")) names.push_back(text_at(service, "name"));
  Report kept = Report::array();
  for (const std::string& name : wanted) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return unknown_service(name, names);
    kept.push_back(report["services"][static_cast<std::size_t>(found - names.begin())]);
  }
  report["services"] = std::move(kept);
  return {};
}

}  // namespace

Outcome status(const Options& options, const std::vector<std::string>& services) {
  const auto reply = call_varlink(options.socket, kStatusMethod, Report::object(), options.timeout);
  if (!reply) return failed(options, reply.error());
  Report report = object_at(*reply, "status");
  if (!services.empty()) {
    if (std::string error = keep_only(report, services); !error.empty())
      return {kUsage, "", std::move(error)};
  }
  const bool fine = std::ranges::all_of(list_at(report, "services"), is_as_wanted);
  return {fine ? kDone : kNotAsWanted,
          options.json ? json_text(options, report) : render_status(report, options.look), ""};
}

Outcome why(const Options& options, const std::string& service) {
  const auto reply = call_varlink(options.socket, kWhyMethod, {{"service", service}}, options.timeout);
  if (!reply) return failed(options, reply.error());
  const Report& report = object_at(*reply, "why");
  return {kDone, options.json ? json_text(options, report) : render_why(report, options.look), ""};
}

}  // namespace herald::ctl

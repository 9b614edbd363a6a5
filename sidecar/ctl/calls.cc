#include "sidecar/ctl/calls.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <expected>
#include <thread>
#include <utility>

#include "sidecar/control/names.h"
#include "sidecar/ctl/drain_wait.h"
#include "sidecar/ctl/orders.h"
#include "sidecar/ctl/render.h"
#include "sidecar/text/duration.h"
#include "sidecar/text/near_name.h"
#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

// Who may besides root: the group that heraldd has given the socket to, if there is one.
std::string members_text(const std::string& socket) {
  struct stat file{};
  if (::stat(socket.c_str(), &file) != 0) return " and members of control.group";
  if (file.st_gid == 0) return "";
  const group* found = ::getgrgid(file.st_gid);
  return fmt::format(" and members of the group {}",
                     found != nullptr ? printable(found->gr_name) : std::to_string(file.st_gid));
}

Outcome refused(const Options& options, const VarlinkError& error) {
  if (error.name == kNotKept) {
    return {
        kNotAsWanted, "",
        "nothing was changed, because it could not be kept: " + text_at(error.parameters, "message") + "\n"};
  }
  if (error.name == kStopping) return {kNotAsWanted, "", "heraldd is about to exit already\n"};
  if (error.name == kNoSuchService || error.name == kNoSuchProbe)
    return {kUsage, "", text_at(error.parameters, "message") + "\n"};
  if (error.name == kPermissionDenied) {
    return {kNotPermitted, "",
            fmt::format("not permitted: only root{} may do this\n", members_text(options.socket))};
  }
  if (error.name == kMethodNotFound || error.name == kInterfaceNotFound) {
    return {kNotReachable, "",
            fmt::format("what answers on {} does not know this command; is it an older heraldd?\n",
                        options.socket)};
  }
  if (error.name == kInvalidParameter) {
    return {
        kUsage, "",
        fmt::format("heraldd does not take this value of \"{}\"\n", text_at(error.parameters, "parameter"))};
  }
  const std::string message = text_at(error.parameters, "message");
  if (error.name == kNothingToAdopt || error.name == kNotAdopted) return {kNotAsWanted, "", message + "\n"};
  return {kNotAsWanted, "",
          fmt::format("heraldd answers with {}{}{}\n", printable(error.name), message.empty() ? "" : ": ",
                      message)};
}

std::string unknown_service(const std::string& wanted, const std::vector<std::string>& names) {
  return fmt::format("no service \"{}\"{}\n", printable(wanted), did_you_mean(wanted, names));
}

// Only the wanted services are left in `report`; the error is for people.
std::expected<void, std::string> keep_only(Report& report, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const Report& service : list_at(report, "services")) names.push_back(text_at(service, "name"));
  Report kept = Report::array();
  for (const std::string& name : wanted) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::unexpected(unknown_service(name, names));
    kept.push_back(report["services"][static_cast<std::size_t>(found - names.begin())]);
  }
  report["services"] = std::move(kept);
  return {};
}

std::string service_line(const Report& service) {
  std::string text = fmt::format("{}: {}, {}", text_at(service, "name"), text_at(service, "admin"),
                                 text_at(service, "state"));
  if (const std::string problem = text_at(service, "problem"); !problem.empty()) text += "; " + problem;
  if (waits_to_be_forced(service)) text += "; FORCED once it is undrained";
  return text + "\n";
}

// The services as they are now.
std::expected<Report, Outcome> look_at(const Options& options, const std::vector<std::string>& services) {
  const auto reply = call_varlink(options.socket, kStatusMethod, Report::object(), options.timeout);
  if (!reply) return std::unexpected(failed(options, reply.error()));
  Report report = object_at(*reply, "status");
  if (auto kept = keep_only(report, services); !kept)
    return std::unexpected(Outcome{kUsage, "", std::move(kept.error())});
  return report;
}

Outcome shown(const Options& options, const Report& report, int code) {
  if (options.json) return {code, json_text(options, report), ""};
  std::string text;
  for (const Report& service : list_at(report, "services")) text += service_line(service);
  if (text.empty()) text = "there are no services\n";
  return {code, std::move(text), ""};
}

std::expected<Report, Outcome> ask(const Options& options, std::string_view method, const AdminWish& wish) {
  Report parameters{{"services", wish.services}};
  if (wish.all) parameters["all"] = true;
  if (!wish.reason.empty()) parameters["reason"] = wish.reason;
  if (!wish.by.empty()) parameters["by"] = wish.by;
  if (wish.all_orders) parameters["all_orders"] = true;
  if (!wish.lasts.empty()) {
    const auto lasts = parse_duration(wish.lasts);
    parameters["for_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(lasts.value_or(Duration{})).count();
  }
  const auto reply = call_varlink(options.socket, method, parameters, options.timeout);
  if (!reply) return std::unexpected(failed_change(options, reply.error()));
  return *reply;
}

std::vector<std::string> services_of(const Report& reply) {
  std::vector<std::string> names;
  for (const Report& name : list_at(reply, "services")) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

std::expected<std::vector<std::string>, Outcome> tell(const Options& options, std::string_view method,
                                                      const AdminWish& wish) {
  const auto reply = ask(options, method, wish);
  if (!reply) return std::unexpected(reply.error());
  return services_of(*reply);
}

Outcome administer(const Options& options, std::string_view method, const AdminWish& wish) {
  const auto names = tell(options, method, wish);
  if (!names) return names.error();
  const auto report = look_at(options, *names);
  return report ? shown(options, *report, kDone) : report.error();
}

// Until the stack, read back, advertises none of them any more. `told`: just before they were drained.
Outcome wait_for_withdrawal(const Options& options, const std::vector<std::string>& names,
                            std::chrono::steady_clock::time_point told, Duration patience) {
  using std::chrono::milliseconds;
  using Clock = std::chrono::steady_clock;
  constexpr milliseconds kPoll{100};
  const auto end = Clock::now() + patience;
  for (;;) {
    const auto drained = std::chrono::floor<milliseconds>(Clock::now() - told);
    const auto report = look_at(options, names);
    if (!report) return report.error();
    if (const auto over = not_drained(*report)) {
      Outcome undone = shown(options, *report, kNotAsWanted);
      undone.err = *over + "\n";
      return undone;
    }
    const std::vector<std::string> left = not_withdrawn(*report, drained);
    if (left.empty()) return shown(options, *report, kDone);
    if (Clock::now() + kPoll >= end) {
      Outcome late = shown(options, *report, kTimedOut);
      late.err = fmt::format("not all is withdrawn after {}; the drain stands and goes on\n{}\n",
                             to_string(patience), fmt::join(left, "\n"));
      return late;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

// What nobody's step changes, with whose it is.
std::string others_text(const Report& report) {
  std::string text;
  for (const Report& other : list_at(report, "others"))
    text += fmt::format("  {}: {}\n", text_at(other, "service"), text_at(other, "text"));
  return text.empty() ? text : "not herald's to change:\n" + text;
}

}  // namespace

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

Outcome failed_change(const Options& options, const CallFailure& failure) {
  Outcome outcome = failed(options, failure);
  if (failure.kind == CallFailure::Kind::timed_out)
    outcome.err += "what was asked of it may have been carried out, or may still be\n";
  return outcome;
}

std::string json_text(const Options& options, const Report& report) {
  constexpr int kIndent = 2;
  // On a terminal even the control characters above ASCII are escaped.
  return report.dump(kIndent, ' ', options.terminal, Report::error_handler_t::replace) + "\n";
}

Outcome drain(const Options& options, const AdminWish& wish) {
  if (!wish.wait) return administer(options, kDrainMethod, wish);
  // --timeout is then about the withdrawal, which takes drain.delay and the router's time.
  constexpr Duration kPatience = std::chrono::minutes(2);
  const Duration patience = options.timeout_given ? options.timeout : kPatience;
  Options call = options;
  call.timeout = Options{}.timeout;
  const auto told = std::chrono::steady_clock::now();
  const auto names = tell(call, kDrainMethod, wish);
  return names ? wait_for_withdrawal(call, *names, told, patience) : names.error();
}

Outcome undrain(const Options& options, const AdminWish& wish) {
  const auto reply = ask(options, kUndrainMethod, wish);
  if (!reply) return reply.error();
  const std::vector<std::string> names = services_of(*reply);
  auto report = look_at(options, names);
  if (!report) return report.error();
  const bool fine = wish.all ? has_ended_some(*reply) : has_ended_in_each(*reply, names);
  Outcome outcome = shown(options, *report, fine ? kDone : kNotAsWanted);
  if (options.json) {
    for (const char* key : {"ended", "standing"}) (*report)[key] = list_at(*reply, key);
    outcome.out = json_text(options, *report);
    return outcome;
  }
  outcome.out += undrain_text(*reply, time_at(*report, "at").value_or(WallTime{}));
  if (!fine) outcome.err = std::string(kNotOnesOwn);
  return outcome;
}

Outcome force(const Options& options, const AdminWish& wish) {
  return administer(options, kForceMethod, wish);
}

Outcome unforce(const Options& options, const AdminWish& wish) {
  return administer(options, kUnforceMethod, wish);
}

Outcome clear_damping(const Options& options, const AdminWish& wish) {
  return administer(options, kClearDampingMethod, wish);
}

Outcome adopt(const Options& options, const std::string& service) {
  const auto reply = call_varlink(options.socket, kAdoptMethod, {{"service", service}}, options.timeout);
  if (!reply) return failed_change(options, reply.error());
  if (options.json) return {kDone, json_text(options, *reply), ""};
  std::string text;
  for (const std::string& address : texts_at(*reply, "adopted"))
    text += fmt::format("{}: {} is herald's now, and goes when the service is down\n", service, address);
  return {kDone, std::move(text), ""};
}

Outcome plan(const Options& options) {
  const auto reply = call_varlink(options.socket, kPlanMethod, Report::object(), options.timeout);
  if (!reply) return failed(options, reply.error());
  const Report& report = object_at(*reply, "plan");
  const std::string others = others_text(report);
  const bool no_steps = list_at(report, "steps").empty();
  const int code = no_steps && others.empty() ? kDone : kNotAsWanted;
  if (options.json) return {code, json_text(options, report), ""};
  if (code == kDone) return {code, "nothing differs\n", ""};
  if (no_steps) return {code, others, ""};
  std::string text;
  for (const std::string& step : texts_at(report, "steps")) text += step + "\n";
  const bool pretends = flag_at(report, "dry_run").value_or(false);
  text += fmt::format("\nthe commands for it, which heraldd {}:\n",
                      pretends ? "would send, were this no dry run" : "sends by itself");
  for (const std::string& command : texts_at(report, "commands")) text += "  " + command + "\n";
  if (!others.empty()) text += "\n" + others;
  return {code, std::move(text), ""};
}

Outcome metrics(const Options& options, bool openmetrics) {
  constexpr int kMostPages = 10000;  // of one that has no end
  std::string text;
  Report parameters{{"openmetrics", openmetrics}};
  for (int page = 0; page < kMostPages; ++page) {
    const auto reply = call_varlink(options.socket, kMetricsMethod, parameters, options.timeout);
    if (!reply) return failed(options, reply.error());
    const auto piece = reply->find("text");
    if (piece != reply->end() && piece->is_string()) text += piece->get<std::string>();
    if (is_null_at(*reply, "next")) break;
    parameters["from"] = count_at(*reply, "next");
  }
  return {kDone, options.json ? json_text(options, {{"text", text}}) : std::move(text), ""};
}

Outcome history(const Options& options, const std::string& service) {
  Report parameters = Report::object();
  if (!service.empty()) parameters["service"] = service;
  const auto reply = call_varlink(options.socket, kHistoryMethod, parameters, options.timeout);
  if (!reply) return failed(options, reply.error());
  const Report& report = object_at(*reply, "history");
  return {kDone, options.json ? json_text(options, report) : render_history(report, options.look), ""};
}

Outcome probe(const Options& options, const std::string& target, bool counts) {
  constexpr Duration kPatience = std::chrono::minutes(2);  // the probe's own timeout ends it
  const std::size_t slash = target.find('/');
  Report parameters{{"service", target.substr(0, slash)}, {"count", counts}};
  if (slash != std::string::npos) parameters["probe"] = target.substr(slash + 1);
  Options call = options;
  if (!options.timeout_given) call.timeout = kPatience;
  const auto reply = call_varlink(call.socket, kProbeMethod, parameters, call.timeout);
  if (!reply) return failed(call, reply.error());
  const bool fine = std::ranges::all_of(list_at(*reply, "results"), has_passed);
  return {fine ? kDone : kNotAsWanted,
          options.json ? json_text(options, *reply) : render_results(*reply, options.look), ""};
}

Outcome watch(const Options& options) {
  const auto shown_now = [] {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
  const auto take = [&](const Report& reply) {
    const Report& transition = object_at(reply, "transition");
    if (transition.empty()) return true;
    if (!options.json) return options.print(render_transition(transition, shown_now(), options.look));
    constexpr int kCompact = -1;  // one a line, for programs that read lines
    return options.print(transition.dump(kCompact, ' ', options.terminal, Report::error_handler_t::replace) +
                         "\n");
  };
  const auto ended = follow_varlink(options.socket, kWatchMethod, Report::object(), options.timeout, take);
  return ended ? Outcome{} : failed(options, ended.error());
}

Outcome status(const Options& options, const std::vector<std::string>& services) {
  const auto reply = call_varlink(options.socket, kStatusMethod, Report::object(), options.timeout);
  if (!reply) return failed(options, reply.error());
  Report report = object_at(*reply, "status");
  if (!services.empty()) {
    if (auto kept = keep_only(report, services); !kept) return {kUsage, "", std::move(kept.error())};
  }
  // What the brake holds is not as wanted, also where only another service was asked for.
  const bool fine =
      std::ranges::all_of(list_at(report, "services"), is_as_wanted) && is_null_at(report, "brake");
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

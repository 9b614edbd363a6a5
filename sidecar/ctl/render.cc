#include "sidecar/ctl/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/ctl/orders.h"

namespace herald::ctl {
namespace {

constexpr std::size_t kIndent = 4;

// A loop that is often later than this bends what probes measure, and makes results inconclusive.
constexpr double kLateMilliseconds = 50;

WallTime report_time(const Report& report) {
  return time_at(report, "at").value_or(WallTime{});
}

// ---- the router

std::string peers_text(const Report& router) {
  const Report& peers = list_at(router, "peers");
  std::size_t established = 0;
  std::string others;
  for (const Report& peer : peers) {
    const bool up = flag_at(peer, "established").value_or(text_at(peer, "state") == "Established");
    if (up) {
      ++established;
    } else {
      others += fmt::format("; {} is {}", text_at(peer, "address"), text_at(peer, "state"));
    }
  }
  if (peers.empty()) return "it has no BGP peers";
  return fmt::format("{} of {} peers established{}", established, peers.size(), others);
}

bool has_all_peers(const Report& router) {
  const Report& peers = list_at(router, "peers");
  return !peers.empty() && std::ranges::all_of(peers, [](const Report& peer) {
    return flag_at(peer, "established").value_or(text_at(peer, "state") == "Established");
  });
}

}  // namespace

std::string router_line(const Report& report, const Look& look) {
  const Report& router = object_at(report, "router");
  const std::string stack = text_at(router, "stack");
  if (stack == "none") return line("router: none, so announcements cannot be read back", look);
  const auto reachable = flag_at(router, "reachable");
  if (!reachable) return line(fmt::format("{}: not read yet", stack), look, Colour::doubtful);
  if (!*reachable) {
    return line(fmt::format("{}: does not answer: {}", stack, text_at(router, "error")), look, Colour::bad);
  }
  return line(fmt::format("{}: {}", stack, peers_text(router)), look,
              has_all_peers(router) ? Colour::good : Colour::bad);
}

namespace {

// Loud: a Route Server is kept from hearing what the router says.
std::string fallback_lines(const Report& report, const Look& look) {
  std::string text;
  for (const Report& held : list_at(object_at(object_at(report, "router"), "fallback"), "held")) {
    const std::string denied = joined_at(held, "denied");
    text += line(
        fmt::format("FALLBACK: {}{}{}", denied.empty() ? "" : denied + " denied to ", text_at(held, "peer"),
                    flag_at(held, "shut").value_or(false) ? ", whose session herald has shut down" : ""),
        look, Colour::bad);
  }
  return text;
}

// Loud: nothing of what is shown as done has been done.
std::string dry_run_line(const Report& report, const Look& look) {
  if (!flag_at(report, "dry_run").value_or(false)) return {};
  return line("DRY RUN: heraldd only pretends to act; heraldctl plan shows what it would do", look,
              Colour::bad);
}

// What concerns herald as a whole: it belongs above everything else.
std::string head(const Report& report, const Look& look) {
  std::string text;
  if (const Report& brake = object_at(report, "brake"); !brake.empty()) {
    const auto until = time_at(brake, "until").value_or(WallTime{});
    text += line(fmt::format("BRAKE: withdrawals are held for another {}: {}",
                             span_text(until - report_time(report)), text_at(brake, "reason")),
                 look, Colour::bad);
  }
  text += router_line(report, look) + fallback_lines(report, look);
  if (const std::string error = text_at(report, "observe_error"); !error.empty()) {
    text += line("the interfaces cannot be read: " + error, look, Colour::bad);
  }
  if (const auto since = time_at(object_at(report, "disk"), "silent_since")) {
    text += line(fmt::format("the disk does not answer, for {}: no drain can be kept, nor anything else",
                             span_text(report_time(report) - *since)),
                 look, Colour::bad);
  }
  const double late = number_at(object_at(report, "lateness"), "p99_ms");
  if (late >= kLateMilliseconds) {
    text += line(
        fmt::format(
            "heraldd itself runs late, 1 time in 100 by {:.0f} ms or more: is the machine overloaded?", late),
        look, Colour::bad);
  }
  if (flag_at(report, "stopping").value_or(false))
    text += line("heraldd is stopping", look, Colour::doubtful);
  return text;
}

// ---- a service

Colour health_colour(std::string_view health) {
  if (health == "healthy") return Colour::good;
  return health == "unhealthy" ? Colour::bad : Colour::doubtful;
}

Colour state_colour(std::string_view state) {
  if (state == "announced") return Colour::good;
  return state == "withdrawn" ? Colour::bad : Colour::doubtful;
}

// A VIP of which the router says that it reaches no peer.
bool reaches_nobody(const Report& vip) {
  return flag_at(vip, "wanted").value_or(false) && !is_null_at(vip, "advertised_to") &&
         list_at(vip, "advertised_to").empty();
}

// ---- why

std::string interface_text(const Report& vip, WallTime now) {
  const std::string interface = text_at(vip, "interface");
  const auto present = flag_at(vip, "on_interface");
  if (!present) return fmt::format("on {}: not known", interface);
  if (flag_at(vip, "foreign").value_or(false))
    return fmt::format("on {}, but not herald's: left alone", interface);
  if (!*present) {
    const std::string kept_off = text_at(vip, "kept_off");
    return kept_off.empty() ? fmt::format("not on {}", interface) : kept_off;
  }
  const auto lease = time_at(vip, "lease_until");
  return lease ? fmt::format("on {} (lease {} left)", interface, span_text(*lease - now))
               : fmt::format("on {} (no lease)", interface);
}

// By which policy the router's configuration holds it; only the levers that write there have one.
std::string policy_text(const Report& vip, const Report& service, const std::string& stack) {
  if (text_at(service, "via") == "loopback" || stack == "none") return {};
  if (is_null_at(vip, "policy")) return fmt::format("not in {}'s configuration; ", stack);
  const std::string policy = text_at(vip, "policy");
  return fmt::format("in {}'s configuration with {}; ", stack,
                     policy.empty() ? "a policy not herald's" : policy);
}

std::string table_text(const Report& vip, const std::string& stack) {
  if (stack == "none") return "no router to ask";
  const auto in_rib = flag_at(vip, "in_rib");
  if (!in_rib) return fmt::format("in {}'s BGP table: not known", stack);
  return fmt::format("{}in {}'s BGP table", *in_rib ? "" : "not ", stack);
}

std::string advertised_text(const Report& vip) {
  if (is_null_at(vip, "advertised_to")) return {};
  const std::string peers = joined_at(vip, "advertised_to");
  const std::string others = joined_at(vip, "other_origins");
  const std::string missing = joined_at(vip, "missing_from");
  const bool denied = flag_at(vip, "denied_fast").value_or(false);
  return fmt::format("{}; advertised to {}{}{}{}", others.empty() ? "" : " by " + others,
                     peers.empty() ? "nobody" : peers, missing.empty() ? "" : ", not to ", missing,
                     denied ? "; denied for the moment (router.fast_withdraw)" : "");
}

std::string vips_text(const Report& service, const std::string& stack, WallTime now, const Look& look) {
  Table table(kIndent);
  for (const Report& vip : list_at(service, "vips")) {
    const bool wanted = flag_at(vip, "wanted").value_or(false);
    const bool there = flag_at(vip, "on_interface").value_or(false);
    const bool announced = flag_at(vip, "in_rib").value_or(there);
    const bool stays = text_at(service, "via") != "loopback";  // the address is not the announcement
    const bool fine = (wanted == there || (stays && there)) && wanted == announced &&
                      !(wanted && reaches_nobody(vip)) && (!wanted || list_at(vip, "missing_from").empty());
    table.add({{text_at(vip, "prefix")},
               {fmt::format("{}; {}; {}{}{}", wanted ? "wanted" : "not wanted", interface_text(vip, now),
                            policy_text(vip, service, stack), table_text(vip, stack), advertised_text(vip)),
                fine ? Colour::plain : Colour::bad}});
    if (const std::string refused = text_at(vip, "refused"); !refused.empty())
      table.add_note(fmt::format("clients: {}; unless a proxy or a translation hands them on, those of that "
                                 "port are refused (heraldctl doctor)",
                                 refused),
                     Colour::doubtful);
  }
  return line("  VIPs", look, Colour::strong) + table.text(look);
}

// What the counters say about the state: how far a pending change has come, or how long it has been so.
std::string counters_text(const Report& probe) {
  const std::string state = text_at(probe, "state");
  const std::uint64_t passes = count_at(probe, "passes");
  const std::uint64_t failures = count_at(probe, "failures");
  if (state == "falling") return fmt::format("{} of {} failures", failures, count_at(probe, "fall"));
  if (state == "rising") return fmt::format("{} of {} passes", passes, count_at(probe, "rise"));
  if (failures > 0) return fmt::format("{} failure{}", failures, failures == 1 ? "" : "s");
  if (passes > 0) return fmt::format("{} pass{}", passes, passes == 1 ? "" : "es");
  return "no result";
}

std::string result_text(const Report& probe) {
  if (is_null_at(probe, "verdict")) return "not run yet";
  const std::string verdict = text_at(probe, "verdict");
  std::string text = verdict == "pass" ? "" : verdict;
  for (const char* key : {"reason", "detail"}) {
    const std::string part = text_at(probe, key);
    if (!part.empty()) text += (text.empty() ? "" : ": ") + part;
  }
  if (const std::string nudge = text_at(probe, "nudged_by"); !nudge.empty())
    text += fmt::format("{}nudged: {}", text.empty() ? "" : "; ", nudge);
  if (const std::uint64_t lost = count_at(probe, "inconclusive"); lost > 0) {
    text += fmt::format(" ({} of {} runs inconclusive)", lost, count_at(probe, "runs"));
  }
  return text.empty() ? verdict : text;
}

Colour probe_colour(const Report& probe) {
  const std::string state = text_at(probe, "state");
  if (state == "down") return Colour::bad;
  return state == "up" && !flag_at(probe, "degraded").value_or(false) ? Colour::good : Colour::doubtful;
}

// Where its nudges come from, and how many came; "" where heraldd does not know of events.
std::string events_text(const Report& probe) {
  const std::string source = text_at(probe, "events");
  if (source.empty()) return {};
  const std::uint64_t nudged = count_at(probe, "nudged");
  return fmt::format(
      "events: {}{}", source,
      nudged == 0 ? "" : fmt::format("; {} of {} runs nudged", nudged, count_at(probe, "runs")));
}

// When further attempts begin beside one; "" for a probe without overlap.
std::string overlap_text(const Report& probe) {
  const auto suspect = probe.find("suspect_ms");
  if (suspect == probe.end() || !suspect->is_number()) return {};
  return fmt::format("overlap: an attempt unanswered for {:.0f} ms has others beside it",
                     suspect->get<double>());
}

std::string probes_text(const Report& service, WallTime now, const Look& look) {
  Table table(kIndent);
  for (const Report& probe : list_at(service, "probes")) {
    const auto ran = time_at(probe, "last_run");
    const bool degraded = flag_at(probe, "degraded").value_or(false);
    table.add({{text_at(probe, "name")},
               {text_at(probe, "type")},
               {text_at(probe, "role")},
               {text_at(probe, "state") + (degraded ? ", degraded" : ""), probe_colour(probe)},
               {counters_text(probe)},
               {ran ? span_text(now - *ran) + " ago" : "never"},
               {result_text(probe)}});
    if (const std::string note = events_text(probe); !note.empty()) table.add_note(note, Colour::plain);
    if (const std::string note = overlap_text(probe); !note.empty()) table.add_note(note, Colour::plain);
  }
  return line("  probes", look, Colour::strong) + table.text(look);
}

std::string transitions_text(const Report& service, WallTime now, const Look& look) {
  const Report& transitions = list_at(service, "transitions");
  if (transitions.empty()) return line("  transitions: none since heraldd started", look);
  Table table(kIndent);
  for (const Report& transition : transitions) {
    table.add(
        {{moment_text(transition, "at", now)}, {change_text(transition)}, {text_at(transition, "reason")}});
  }
  return line("  transitions, newest last", look, Colour::strong) + table.text(look);
}

std::string steps_text(const Report& service, WallTime now, const Look& look) {
  const Report& steps = list_at(service, "steps");
  if (steps.empty()) return line("  steps: none since heraldd started", look);
  Table table(kIndent);
  for (const Report& step : steps) {
    const std::string error = text_at(step, "error");
    table.add({{moment_text(step, "at", now)},
               {text_at(step, "step")},
               {text_at(step, "result") + (error.empty() ? "" : ": " + error),
                error.empty() ? Colour::plain : Colour::bad}});
  }
  return line("  steps, newest last", look, Colour::strong) + table.text(look);
}

// What an announcement waits for, or would have to wait for if it fell now.
std::string waits_text(const Report& service, WallTime now, const Look& look) {
  std::string text;
  const auto held = time_at(service, "hold_down_until");
  if (held) text += line(fmt::format("  hold_down: {} left", span_text(*held - now)), look, Colour::doubtful);
  const Report& damping = object_at(service, "damping");
  const double penalty = number_at(damping, "penalty");
  if (penalty < 1) return text;
  const auto until = time_at(damping, "until");
  return text + line(fmt::format("  damping: penalty {:.0f}, held from {:.0f} until below {:.0f}{}", penalty,
                                 number_at(damping, "suppress"), number_at(damping, "reuse"),
                                 until ? fmt::format("; held, {} left", span_text(*until - now)) : ""),
                     look, until ? Colour::doubtful : Colour::plain);
}

}  // namespace

bool is_as_wanted(const Report& service) {
  return flag_at(service, "as_wanted").value_or(false);
}

std::string render_status(const Report& status, const Look& look) {
  const WallTime now = report_time(status);
  const Report& services = list_at(status, "services");
  std::string text = dry_run_line(status, look) + head(status, look);
  if (services.empty()) return text + line("no services", look);
  Table table;
  table.add({{"  SERVICE", Colour::strong},
             {"HEALTH", Colour::strong},
             {"ADMIN", Colour::strong},
             {"STATE", Colour::strong},
             {"SINCE", Colour::strong},
             {"WHY", Colour::strong}});
  for (const Report& service : services) {
    const std::string health = text_at(service, "health");
    const std::string state = text_at(service, "state");
    const bool fine = is_as_wanted(service);
    table.add(
        {{(fine ? "  " : "! ") + text_at(service, "name"), fine ? Colour::plain : Colour::strong},
         {health, health_colour(health)},
         {text_at(service, "admin"), text_at(service, "admin") == "auto" ? Colour::plain : Colour::doubtful},
         {state, state_colour(state)},
         {moment_text(service, "since", now)},
         {text_at(service, "reason")}});
    const std::string problem = text_at(service, "problem");
    if (!problem.empty()) table.add_note("problem: " + problem, Colour::bad);
  }
  return text + table.text(look);
}

bool has_passed(const Report& result) {
  const std::string verdict = text_at(result, "verdict");
  return verdict == "pass" || verdict == "warn";
}

std::string render_results(const Report& results, const Look& look) {
  Table table;
  for (const Report& result : list_at(results, "results")) {
    const std::string verdict = text_at(result, "verdict");
    const std::string reason = text_at(result, "reason");
    const std::string detail = text_at(result, "detail");
    const Colour colour = verdict == "pass"   ? Colour::good
                          : verdict == "fail" ? Colour::bad
                                              : Colour::doubtful;
    table.add({{text_at(result, "name")},
               {text_at(result, "type")},
               {text_at(result, "role")},
               {verdict, colour},
               {fmt::format("{:.1f} ms", number_at(result, "latency_ms"))},
               {reason + (reason.empty() || detail.empty() ? "" : ": ") + detail}});
  }
  const std::string text = table.text(look);
  return text.empty() ? line("no probes", look) : text;
}

std::string render_why(const Report& why, const Look& look) {
  const WallTime now = report_time(why);
  const Report& service = object_at(why, "service");
  const std::string health = text_at(service, "health");
  const std::string stack = text_at(object_at(why, "router"), "stack");
  std::string text = dry_run_line(why, look);
  text += line(fmt::format("{}: {}, {} since {}", text_at(service, "name"), health, text_at(service, "state"),
                           moment_text(service, "since", now)),
               look, is_as_wanted(service) ? Colour::good : Colour::bad);
  text += line("  why: " + text_at(service, "reason"), look);
  if (const std::string rule = text_at(service, "require"); !rule.empty())
    text += line("  required: " + rule, look);
  text += orders_text(service, now, look);
  text += waits_text(service, now, look);
  const std::string problem = text_at(service, "problem");
  if (!problem.empty()) text += line("  problem: " + problem, look, Colour::bad);
  text += vips_text(service, stack, now, look);
  text += probes_text(service, now, look);
  text += transitions_text(service, now, look);
  text += steps_text(service, now, look);
  return text + head(why, look);
}

}  // namespace herald::ctl

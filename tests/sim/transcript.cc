#include "tests/sim/transcript.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

namespace herald::sim {
namespace {

template <typename... Callables>
struct Overloaded : Callables... {
  using Callables::operator()...;
};

std::string shown(const ProbeResult& result) {
  return fmt::format("{} {} {}", name_of(result.verdict), name_of(result.reason), result.detail);
}

std::string shown(const std::expected<Observation, std::string>& observation) {
  if (!observation) return "error: " + observation.error();
  std::string text;
  for (const ObservedAddress& address : observation->addresses) {
    text += fmt::format("{}{}%{}{}", text.empty() ? "" : ", ", address.key.vip.prefix, address.key.interface,
                        address.ours ? " ours" : " foreign");
  }
  return text.empty() ? "nothing" : text;
}

std::string shown(const RouteOutcomes& outcomes) {
  std::vector<std::string> errors;
  for (const RouteOutcome& outcome : outcomes) errors.push_back(outcome ? "" : outcome.error());
  return fmt::format("{}", fmt::join(errors, ", "));
}

std::string shown(const effect::Notice& notice) {
  return fmt::format("{}: {}{}{}", notice.error ? "error" : "notice", notice.service,
                     notice.service.empty() ? "" : ": ", notice.text);
}

std::string shown(const event::Administer& word) {
  std::string text =
      fmt::format("{}: admin {} by {}", word.service, name_of(word.admin.state), word.admin.who);
  if (word.admin.expires)
    text +=
        fmt::format(" until {:.3f}", std::chrono::duration<double>(*word.admin.expires - kBeginning).count());
  return text;
}

std::string shown(const effect::ApplyRoutes& apply) {
  std::string text;
  const auto add = [&](const std::string& step) { text += (text.empty() ? "routes: " : "; ") + step; };
  for (const IssuedRouteStep& issued : apply.steps) add(to_string(issued.step));
  for (const FallbackStep& step : apply.fallback) add(to_string(step));
  for (const DenialStep& step : apply.denials) add(to_string(step));
  return text;
}

}  // namespace

std::string timeline_text(const Event& event) {
  if (std::holds_alternative<event::Stop>(event)) return "SIGTERM";
  if (std::holds_alternative<event::Handover>(event)) return "handover";
  return {};
}

std::string timeline_text(const Effect& effect) {
  return std::visit(Overloaded{[](const effect::Transition& transition) { return to_string(transition); },
                               [](const effect::PeerTurned& turned) { return to_string(turned); },
                               [](const effect::Notice& notice) { return shown(notice); },
                               [](const effect::Apply& apply) { return "step: " + to_string(apply.step); },
                               [](const effect::ApplyRoutes& apply) { return shown(apply); },
                               [](const effect::Exit& exit) {
                                 return fmt::format("exit, {}clean", exit.clean ? "" : "not ");
                               },
                               [](const auto& /*effect*/) { return std::string(); }},
                    effect);
}

std::string full_text(const Event& event) {
  return std::visit(
      Overloaded{
          [](const event::Adopt& one) { return fmt::format("  {} adopts for {}", one.who, one.service); },
          [](const event::ProbeFinished& one) {
            return fmt::format("  probe finished {:x}: {}", static_cast<std::uint64_t>(one.run),
                               shown(one.result));
          },
          [](const event::ProbeStage& one) {
            return fmt::format("  probe stage {:x}: {}", static_cast<std::uint64_t>(one.run), one.stage);
          },
          [](const event::AddressesChanged&) { return std::string("  addresses changed"); },
          [](const event::Observed& one) {
            return fmt::format("  observed #{}: {}", one.sequence, shown(one.observation));
          },
          [](const event::StepFinished& one) {
            return fmt::format("  step {} finished: {}", static_cast<std::uint64_t>(one.id),
                               one.outcome ? "done" : one.outcome.error());
          },
          [](const event::RouterRead& one) {
            return fmt::format("  router read: {}", one.view.reachable ? "reachable" : one.view.error);
          },
          [](const event::RoutesApplied& one) { return "  routes applied: " + shown(one.outcomes); },
          [](const event::RouterChanged&) { return std::string("  router changed"); },
          [](const event::Administer& one) { return "  " + shown(one); },
          [](const event::ProbeNow& one) {
            return fmt::format("  probe {} asked for: {}{}", static_cast<std::uint32_t>(one.probe),
                               one.ticket, one.counts ? ", counted" : "");
          },
          [](const event::Nudged& one) {
            return fmt::format("  probe {} nudged: {}", static_cast<std::uint32_t>(one.probe),
                               name_of(one.why));
          },
          [](const event::Recall& one) {
            return fmt::format("  {}: recalled penalty {:.1f}", one.service, one.flaps.penalty);
          },
          [](const event::ClearDamping& one) { return "  cleared damping of " + one.service; },
          [](const event::Stop&) { return std::string("  SIGTERM"); },
          [](const event::Handover&) { return std::string("  handover"); }},
      event);
}

std::string full_text(const Effect& effect) {
  return std::visit(
      Overloaded{[](const effect::StartProbe& one) {
                   return fmt::format("start probe {} run {:x}", static_cast<std::uint32_t>(one.probe),
                                      static_cast<std::uint64_t>(one.run));
                 },
                 [](const effect::CancelProbe& one) {
                   return fmt::format("cancel probe {} run {:x}", static_cast<std::uint32_t>(one.probe),
                                      static_cast<std::uint64_t>(one.run));
                 },
                 [](const effect::StartAside& one) {
                   return fmt::format("start probe {} aside, run {:x}", static_cast<std::uint32_t>(one.probe),
                                      static_cast<std::uint64_t>(one.run));
                 },
                 [](const effect::Probed& one) { return fmt::format("probed: {}", one.ticket); },
                 [](const effect::Observe& one) { return fmt::format("observe #{}", one.sequence); },
                 [](const effect::Apply& one) {
                   return fmt::format("step {}: {}", static_cast<std::uint64_t>(one.id), to_string(one.step));
                 },
                 [](const effect::ReadRouter&) { return std::string("read router"); },
                 [&](const auto& /*other*/) { return timeline_text(effect); }},
      effect);
}

void Transcript::note(const Event& event, TimePoint now) {
  if (detail_ == Detail::nothing) return;
  note(detail_ == Detail::everything ? full_text(event) : timeline_text(event), now);
}

void Transcript::note(const Effect& effect, TimePoint now) {
  if (detail_ == Detail::nothing) return;
  note(detail_ == Detail::everything ? full_text(effect) : timeline_text(effect), now);
}

void Transcript::note(const std::string& text, TimePoint now) {
  if (detail_ == Detail::nothing || text.empty()) return;
  lines_.push_back(fmt::format("{:9.3f}  {}", std::chrono::duration<double>(now - kBeginning).count(), text));
  digest_ = digest_ * 31 + std::hash<std::string>{}(lines_.back());
  if (lines_.size() > most_) lines_.pop_front();
}

}  // namespace herald::sim

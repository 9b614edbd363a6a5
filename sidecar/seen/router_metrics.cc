// Families of the router, its sessions, and of what is carried out.
#include <algorithm>
#include <array>

#include "sidecar/seen/metrics.h"

namespace herald::seen {
namespace {

void tell_router_up(const Sample& sample, Text& text) {
  const Snapshot& seen = sample.snapshot();
  if (seen.stack != Stack::none && seen.router)
    text.flag(label("stack", name_of(seen.stack)), seen.router->reachable);
}

void tell_last_read(const Sample& sample, Text& text) {
  if (sample.snapshot().router_read_at) text.sample("", sample.seconds(*sample.snapshot().router_read_at));
}

void tell_results(Text& text, std::string_view kind, const CountBy<CommandResult>& results) {
  for (const auto& [result, word] : words_of(CommandResult{})) {
    std::string labels = label("kind", kind);
    add_label(labels, "result", word);
    text.sample(labels, results.of(result));
  }
}

void tell_commands(const Sample& sample, Text& text) {
  if (sample.snapshot().stack == Stack::none) return;
  for (const auto& [command, word] : words_of(RouterCommand{}))
    tell_results(text, word, sample.snapshot().counts.router[static_cast<std::size_t>(command)]);
}

void tell_steps(const Sample& sample, Text& text) {
  using Kind = Step::Kind;
  constexpr std::array kKinds{Word<Kind>{Kind::add, "add"}, Word<Kind>{Kind::refresh, "refresh"},
                              Word<Kind>{Kind::remove, "remove"}, Word<Kind>{Kind::adopt, "adopt"}};
  for (const auto& [kind, word] : kKinds)
    tell_results(text, word, sample.snapshot().counts.addresses[static_cast<std::size_t>(kind)]);
}

void tell_peer_up(const Sample& sample, Text& text) {
  if (!sample.is_router_read()) return;
  for (const RouterPeer& peer : sample.snapshot().router->peers)
    text.flag(label("peer", peer.address), peer.established);
}

void tell_peer_since(const Sample& sample, Text& text) {
  for (const PeerSnapshot& peer : sample.snapshot().peers)
    text.sample(label("peer", peer.address), sample.seconds(peer.since));
}

void tell_peer_losses(const Sample& sample, Text& text) {
  for (const PeerSnapshot& peer : sample.snapshot().peers)
    text.sample(label("peer", peer.address), peer.losses);
}

void tell_shut(const Sample& sample, Text& text) {
  if (!sample.is_router_read()) return;
  for (const auto& [peer, held] : sample.snapshot().router->fallback)
    text.flag(label("peer", peer), held.shut);
}

void tell_fallback(const Sample& sample, Text& text) {
  if (sample.snapshot().stack != Stack::none) tell_state(text, "", "level", sample.snapshot().fallback);
}

void tell_detection(const Sample& sample, Text& text) {
  text.histogram("", sample.snapshot().counts.detection);
}

// Of levers that the configuration has.
void tell_carrying_out(const Sample& sample, Text& text) {
  for (const auto& [via, lever] : words_of(Via{})) {
    const bool is_used = std::ranges::any_of(
        sample.snapshot().services, [&](const ServiceSnapshot& service) { return service.via == via; });
    for (const auto& [direction, word] : words_of(Direction{})) {
      const Histogram& took = sample.snapshot().counts.carrying_out_of(via, direction);
      if (!is_used && took.count() == 0) continue;
      std::string labels = label("lever", lever);
      add_label(labels, "direction", word);
      text.histogram(labels, took);
    }
  }
}

constexpr std::array kRouterMetrics{
    Metric{{"herald_router_up", Type::gauge,
            "Whether the router answered the last read; absent without a router."},
           "stack",
           tell_router_up},
    Metric{{"herald_router_last_read_timestamp_seconds", Type::gauge,
            "When the router was read last, if only with an error."},
           "",
           tell_last_read},
    Metric{
        {"herald_router_commands_total", Type::counter,
         "What the router was asked and told, and whether it took it: a claim, that the next read proves."},
        "kind, result",
        tell_commands},
    Metric{{"herald_address_steps_total", Type::counter,
            "Steps of addresses on interfaces, and whether the kernel took them."},
           "kind, result",
           tell_steps},
    Metric{{"herald_peer_up", Type::gauge,
            "Whether the session is established; absent while the router does not answer."},
           "peer",
           tell_peer_up},
    Metric{{"herald_peer_changed_timestamp_seconds", Type::gauge,
            "When the session was seen to be lost or back, or was seen first."},
           "peer",
           tell_peer_since},
    Metric{{"herald_peer_losses_total", Type::counter, "How often the session was seen to be lost."},
           "peer",
           tell_peer_losses},
    Metric{{"herald_fallback_level", Type::gauge,
            "How far the fallback may go: 1 for the level that is configured, 0 for the others."},
           "level",
           tell_fallback},
    Metric{
        {"herald_fallback_session_shut", Type::gauge,
         "Whether the fallback holds the session shut down; absent where it holds nothing toward the peer."},
        "peer",
        tell_shut},
    Metric{{"herald_detection_seconds", Type::histogram,
            "From the first failed attempt of an outage to the decision to withdraw."},
           "",
           tell_detection},
    Metric{{"herald_reconcile_seconds", Type::histogram,
            "From a decision to its proof by what was read back, by lever and direction."},
           "lever, direction",
           tell_carrying_out}};

}  // namespace

std::span<const Metric> router_metrics() {
  return kRouterMetrics;
}

}  // namespace herald::seen

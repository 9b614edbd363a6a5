// Reads back from BIRD by birdc: the protocols, the table, and what was exported to each established peer.
#include <algorithm>
#include <deque>
#include <utility>

#include "sidecar/announce/bird_view.h"
#include "sidecar/announce/command.h"
#include "sidecar/announce/router_reader.h"

namespace herald {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);  // birdc answers within milliseconds

class BirdReader final : public RouterReader {
 public:
  BirdReader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips)
      : spec_(spec), vips_(std::move(vips)), command_(loop) {}

  void read(OnView on_view) override {
    on_view_ = std::move(on_view);
    view_ = {.reachable = true, .error = "", .peers = {}, .routes = {}, .owned = {}};
    for (const Vip& vip : vips_) view_.routes[vip] = {};
    questions_.clear();
    ask("show protocols all", [this](const std::string& text) -> std::string {
      auto peers = parse_bird_protocols(text);
      if (!peers) return peers.error();
      peers_ = std::move(*peers);
      plan_routes();
      return {};
    });
    next();
  }

 private:
  // Takes the answer; a text is the reason to give up.
  using Take = std::function<std::string(const std::string& text)>;
  struct Question {
    std::string command;
    Take take;
  };

  void ask(std::string command, Take take) { questions_.push_back({std::move(command), std::move(take)}); }

  [[nodiscard]] bool is_judged(const BirdPeer& peer) const {
    return spec_.peers.empty() || std::ranges::find(spec_.peers, peer.peer.address) != spec_.peers.end();
  }

  void plan_routes() {
    for (std::string& command : bird_table_commands(vips_)) {
      ask(std::move(command), [this](const std::string& text) -> std::string {
        const auto prefixes = parse_bird_routes(text);
        if (!prefixes) return prefixes.error();
        for (const Vip& vip : *prefixes) view_.routes[vip].in_rib = true;
        return {};
      });
    }
    for (const BirdPeer& peer : peers_) {
      if (!peer.peer.established) continue;
      for (std::string& command : bird_export_commands(vips_, peer.protocol)) {
        ask(std::move(command), [this, address = peer.peer.address](const std::string& text) -> std::string {
          const auto prefixes = parse_bird_routes(text);
          if (!prefixes) return prefixes.error();
          for (const Vip& vip : *prefixes) view_.routes[vip].advertised_to.push_back(address);
          return {};
        });
      }
    }
  }

  void next() {
    if (questions_.empty()) return finish();
    Question question = std::move(questions_.front());
    questions_.pop_front();
    std::vector<std::string> argv{spec_.bird.birdc, "-s", spec_.bird.socket, question.command};
    command_.run(std::move(argv), kPatience, [this, take = std::move(question.take)](auto text) {
      const std::string problem = text ? take(*text) : text.error();
      if (problem.empty()) return next();
      view_ = unreachable(problem);
      finish();
    });
  }

  // Every established peer that has a channel of the VIP's family should have it; as for FRR, one that does
  // is enough when no Route Servers are configured.
  void note_missing(const Vip& vip, RouterRoute& route) const {
    const bool ipv6 = vip.prefix.contains(':');
    for (const BirdPeer& peer : peers_) {
      if (!peer.peer.established || !(ipv6 ? peer.ipv6 : peer.ipv4) || !is_judged(peer)) continue;
      const std::string& address = peer.peer.address;
      if (std::ranges::find(route.advertised_to, address) == route.advertised_to.end())
        route.missing_from.push_back(address);
    }
    if (spec_.peers.empty() && !route.advertised_to.empty()) route.missing_from.clear();
  }

  void finish() {
    questions_.clear();
    if (view_.reachable) {
      for (const std::string& address : spec_.peers) {
        const bool known =
            std::ranges::any_of(peers_, [&](const BirdPeer& peer) { return peer.peer.address == address; });
        if (!known) view_.peers.push_back({address, "not configured", false});
      }
      for (const BirdPeer& peer : peers_) view_.peers.push_back(peer.peer);
      for (auto& [vip, route] : view_.routes) note_missing(vip, route);
    }
    if (const OnView on_view = std::exchange(on_view_, nullptr)) on_view(std::move(view_));
  }

  RouterSpec spec_;
  std::vector<Vip> vips_;
  OnView on_view_;
  RouterView view_;
  std::vector<BirdPeer> peers_;
  std::deque<Question> questions_;
  Command command_;
};

}  // namespace

std::unique_ptr<RouterReader> make_bird_reader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips) {
  return std::make_unique<BirdReader>(loop, spec, std::move(vips));
}

}  // namespace herald

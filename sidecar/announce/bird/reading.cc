#include "sidecar/announce/bird/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sidecar/announce/bird/reply.h"
#include "sidecar/announce/router/lever.h"
#include "sidecar/announce/router/owned_file.h"

namespace herald {
namespace {

const BirdStatic* find_own(const BirdProtocols& protocols, const Vip& vip) {
  const auto found = protocols.statics.find(bird_protocol(vip));
  return found == protocols.statics.end() ? nullptr : &found->second;
}

bool is_in(const std::string& address, const std::vector<std::string>& addresses) {
  return std::ranges::find(addresses, address) != addresses.end();
}

// Whether BIRD runs what the file says about it.
bool runs(const BirdStatic* own, const Vip& vip, const BirdRoute& route) {
  return own != nullptr && own->up && own->description == bird_mark(vip, route);
}

}  // namespace

void BirdReading::start(OnView on_view, std::optional<std::string> refusal) {
  on_view_ = std::move(on_view);
  refusal_ = std::move(refusal);
  view_ = {.reachable = true, .error = "", .peers = {}, .routes = {}, .owned = {}};
  for (const Vip& vip : vips_) view_.routes[vip] = {};
  protocols_ = {};
  loaded_ = {};
  undo_.reset();
  const auto text = read_owned_file(spec_.bird.include);
  if (!text) view_.error = text.error();
  file_ = text ? parse_bird_include(text->value_or("")) : BirdRoutes{};
  questions_.clear();
  questions_.push_back(
      {"show protocols all", [this](const std::string& answer) -> std::expected<void, std::string> {
         auto protocols = parse_bird_protocols(answer);
         if (!protocols) return std::unexpected(protocols.error());
         protocols_ = std::move(*protocols);
         plan_questions();
         return {};
       }});
  next();
}

void BirdReading::cancel() {
  on_view_ = nullptr;
  questions_.clear();
  command_.cancel();
}

void BirdReading::ask_routes(std::string command, std::function<void(const Vip&)> on_route) {
  questions_.push_back(
      {std::move(command),
       [on_route = std::move(on_route)](const std::string& text) -> std::expected<void, std::string> {
         const auto prefixes = parse_bird_routes(text);
         if (!prefixes) return std::unexpected(prefixes.error());
         for (const Vip& vip : *prefixes) on_route(vip);
         return {};
       }});
}

void BirdReading::plan_questions() {
  for (std::string& command : bird_table_commands(vips_))
    questions_.push_back(
        {std::move(command), [this](const std::string& answer) -> std::expected<void, std::string> {
           const auto origins = parse_bird_origins(answer);
           if (!origins) return std::unexpected(origins.error());
           for (const auto& [vip, names] : *origins) {
             RouterRoute& route = view_.routes[vip];
             route.in_rib = true;
             for (OtherOrigin& other : bird_others(protocols_, names))
               route.others.push_back(std::move(other));
           }
           return {};
         }});
  ask_routes(bird_origin_command(kBirdProtocols), [this](const Vip& vip) { loaded_.insert(vip); });
  questions_.push_back(
      {"configure status", [this](const std::string& answer) -> std::expected<void, std::string> {
         undo_ = parse_bird_undo(answer);
         return {};
       }});
  // Whoever refused it may have mended it since, and nobody would try.
  if (refusal_ && *refusal_ != bird_trial_reason()) {
    questions_.push_back(
        {"configure check", [this](const std::string& answer) -> std::expected<void, std::string> {
           if (answer.contains("Configuration OK")) refusal_.reset();
           return {};
         }});
  }
  for (const BirdPeer& peer : protocols_.peers) {
    if (!peer.peer.established) continue;
    for (std::string& command : bird_export_commands(vips_, peer.protocol)) {
      ask_routes(std::move(command), [this, address = peer.peer.address](const Vip& vip) {
        view_.routes[vip].advertised_to.push_back(address);
      });
      questions_.back().take = [this, protocol = peer.protocol,
                                take = std::move(questions_.back().take)](const std::string& text) {
        return note_ended(protocol, text) ? std::expected<void, std::string>() : take(text);
      };
    }
  }
}

// A session that ended since the protocols were listed has no table that could be asked. That is no reason not to know
// the rest.
bool BirdReading::note_ended(const std::string& protocol, std::string_view answer) {
  if (!answer.contains("No valid tables")) return false;
  for (BirdPeer& peer : protocols_.peers) {
    if (peer.protocol != protocol) continue;
    peer.peer.established = false;
    peer.peer.state = "Down";
    peer.peer.sent = peer.peer.accepted = std::nullopt;
  }
  return true;
}

void BirdReading::next() {
  if (questions_.empty()) return finish();
  Question question = std::move(questions_.front());
  questions_.pop_front();
  std::vector<std::string> argv{spec_.bird.birdc, "-s", spec_.bird.socket, question.command};
  command_.run(std::move(argv), spec_.bird.timeout, [this, take = std::move(question.take)](auto text) {
    const auto taken = text ? take(*text) : std::unexpected(std::move(text.error()));
    if (taken) return next();
    view_ = unreachable(taken.error());
    finish();
  });
}

void BirdReading::finish() {
  questions_.clear();
  if (view_.reachable) {
    judge_peers();
    judge_owned();
    judge_trial();
    for (auto& [vip, route] : view_.routes) route.import = bird_import(protocols_, is_ipv6(vip));
  }
  if (const OnView on_view = std::exchange(on_view_, nullptr)) on_view(std::move(view_));
}

// Every established peer that has a channel of the VIP's family should have it; as for FRR, one that does is enough
// when no Route Servers are configured.
void BirdReading::judge_peers() {
  const auto& peers = protocols_.peers;
  const auto is_judged = [&](const std::string& address) {
    return spec_.peers.empty() || is_in(address, spec_.peers);
  };
  for (const std::string& address : spec_.peers) {
    const auto found =
        std::ranges::find(peers, address, [](const BirdPeer& peer) { return peer.peer.address; });
    if (found == peers.end()) view_.peers.push_back({address, std::string(kNotConfigured), false});
    note_without_session(address, found == peers.end() ? nullptr : &*found);
  }
  for (const BirdPeer& peer : peers) view_.peers.push_back(peer.peer);
  for (auto& [vip, route] : view_.routes) {
    for (const BirdPeer& peer : peers) {
      const std::string& address = peer.peer.address;
      if (!peer.peer.established || !(is_ipv6(vip) ? peer.ipv6 : peer.ipv4) || !is_judged(address)) continue;
      if (!is_in(address, route.advertised_to)) route.missing_from.push_back(address);
    }
    if (spec_.peers.empty() && !route.advertised_to.empty()) route.missing_from.clear();
  }
}

// Of one that BIRD does not have nobody knows the family.
void BirdReading::note_without_session(const std::string& route_server, const BirdPeer* peer) {
  if (peer != nullptr && peer->peer.established) return;
  for (auto& [vip, route] : view_.routes)
    if (peer == nullptr || (is_ipv6(vip) ? peer->ipv6 : peer->ipv4))
      route.without_session.push_back(route_server);
}

// A route has the name of its policy only where file and BIRD are known to agree. Where one has it and the other not
// it is there with no name: the next `configure` of anybody would change it, so the core has to settle it.
void BirdReading::judge_owned() {
  for (const auto& [vip, route] : file_) view_.owned[vip];
  for (const Vip& vip : loaded_) {
    const auto in_file = file_.find(vip);
    const bool agree = in_file != file_.end() && runs(find_own(protocols_, vip), vip, in_file->second);
    view_.owned[vip] = agree ? in_file->second.policy : "";
  }
  if (view_.error.empty()) view_.error = trouble().value_or("");
}

// An undo brings back routes that were withdrawn since, and an operator may type it at any time.
void BirdReading::judge_trial() {
  constexpr Duration kAtLeastEvery = std::chrono::seconds(1);
  if (!undo_) return;
  view_.read_within = std::min(*undo_, kAtLeastEvery);
}

std::optional<std::string> BirdReading::trouble() const {
  if (undo_) return bird_trial_reason();
  if (refusal_ && *refusal_ != bird_trial_reason()) return refusal_;
  const std::string& include = spec_.bird.include;
  if (!file_.empty() && std::ranges::none_of(protocols_.statics,
                                             [](const auto& one) { return is_own_bird_protocol(one.first); }))
    return fmt::format("BIRD does not read {0}: bird.conf needs the line: include \"{0}\";", include);
  for (const auto& [vip, route] : file_) {
    const BirdStatic* own = find_own(protocols_, vip);
    if (own != nullptr && !own->up) return fmt::format("{} is disabled in BIRD", bird_protocol(vip));
    if (!runs(own, vip, route)) return fmt::format("BIRD has not loaded {} as it is now", include);
  }
  return std::nullopt;
}

}  // namespace herald

#include "sidecar/doctor/bird_facts.h"
#include "sidecar/announce/router/text_lines.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

namespace herald {
namespace {

using Words = std::vector<std::string>;

// "    Neighbor AS:      65515" gives 65515 for "Neighbor AS:".
std::optional<std::string> value_of(std::string_view line, std::string_view label) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  if (!line.starts_with(label)) return std::nullopt;
  line.remove_prefix(label.size());
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line);
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

// One BGP protocol while its lines are read.
struct Session {
  std::string name;
  PeerFacts peer;
};

class Reader {
 public:
  void line(const std::string& line) {
    if (line.empty()) return;
    if (line.front() != ' ' && line.front() != '\t') return begin(words_of(line));
    if (sessions_.empty() || !in_bgp_) return;
    read_session(line, sessions_.back().peer);
  }

  BirdProtocolFacts result;
  [[nodiscard]] std::vector<Session>& sessions() { return sessions_; }

 private:
  // "rs1  BGP  ---  up  2026-11-24 20:19:10  Established"
  void begin(const Words& words) {
    in_bgp_ = words.size() >= 4 && words[1] == "BGP";
    family_ = nullptr;
    local_ = false;
    if (words.size() < 4) return;
    if (in_bgp_) sessions_.push_back({words[0], {.address = "", .state = words[3]}});
    if (words[1] == "Direct" && words[3] == "up") result.has_direct = true;
    if (words[1] == "Static" && words[0] == "herald") result.has_herald = true;
  }

  void read_session(const std::string& line, PeerFacts& peer) {
    if (const auto state = value_of(line, "BGP state:")) {
      peer.state = *state;
      peer.established = *state == "Established";
    } else if (const auto address = value_of(line, "Neighbor address:")) {
      peer.address = address->substr(0, address->find('%'));  // fe80::1%eth0
    } else if (const auto remote = value_of(line, "Neighbor AS:")) {
      peer.remote_as = number_of(*remote);
    } else if (const auto as = value_of(line, "Local AS:")) {
      peer.local_as = number_of(*as);
    } else if (const auto hold = value_of(line, "Hold timer:")) {
      // "26.011/30": what is left, and the whole.
      if (const auto slash = hold->find('/'); slash != std::string::npos)
        peer.hold_seconds = number_of(std::string_view(*hold).substr(slash + 1));
    } else {
      read_capability(line, peer);
      read_channel(line, peer);
    }
  }

  // BIRD always says that it knows graceful restart; with families in it, it asks for it.
  void read_capability(const std::string& line, PeerFacts& peer) {
    if (value_of(line, "Local capabilities")) {
      local_ = true;
      peer.graceful_restart = GracefulRestart::off;
    } else if (value_of(line, "Neighbor capabilities") || value_of(line, "Session:")) {
      local_ = false;
    } else if (local_ && !value_of(line, "AF supported:").value_or("").empty() &&
               peer.graceful_restart == GracefulRestart::off) {
      peer.graceful_restart = GracefulRestart::restart;
    }
  }

  void read_channel(const std::string& line, PeerFacts& peer) {
    if (value_of(line, "Channel")) {
      family_ = value_of(line, "Channel ipv4")   ? &peer.families[kIpv4]
                : value_of(line, "Channel ipv6") ? &peer.families[kIpv6]
                                                 : nullptr;
      if (family_ != nullptr) family_->active = true;
    }
    if (family_ == nullptr) return;
    // Written out in bird.conf, so that ACCEPT was chosen; REJECT lets nothing through, which is a policy inbound.
    if (const auto in = value_of(line, "Input filter:")) family_->inbound_policy = *in != "ACCEPT";
    if (const auto out = value_of(line, "Output filter:")) {
      family_->outbound_policy = *out != "ACCEPT";
      family_->outbound_list = *out == "REJECT" ? "REJECT" : "";
    }
    if (const auto routes = value_of(line, "Routes:")) {
      const Words words = words_of(*routes);  // "1 imported, [0 filtered,] 1 exported, 1 preferred"
      for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].starts_with("imported")) family_->accepted = number_of(words[i - 1]).value_or(0);
        if (words[i].starts_with("exported")) family_->sent = number_of(words[i - 1]).value_or(0);
      }
    }
  }

  std::vector<Session> sessions_;
  bool in_bgp_ = false;
  bool local_ = false;  // in its own capabilities
  FamilyFacts* family_ = nullptr;
};

}  // namespace

std::string parse_bird_version(std::string_view text) {
  constexpr std::string_view kGreeting = "BIRD ";
  const std::size_t at = text.find(kGreeting);
  if (at == std::string_view::npos || !text.contains(" ready.")) return {};
  text.remove_prefix(at + kGreeting.size());
  return std::string(text.substr(0, text.find_first_of(" \n")));
}

BirdProtocolFacts parse_bird_facts(std::string_view text, const RouterSpec& spec) {
  Reader reader;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) reader.line(line);
  BirdProtocolFacts result = std::move(reader.result);
  for (const std::string& address : spec.peers) {
    const auto found = std::ranges::find_if(
        reader.sessions(), [&](const Session& each) { return each.peer.address == address; });
    const bool known = found != reader.sessions().end();
    result.peers.push_back(known ? found->peer : PeerFacts{.address = address, .state = "not configured"});
    result.names.push_back(known ? found->name : "");
  }
  if (!spec.peers.empty()) return result;
  for (const Session& each : reader.sessions()) {
    result.peers.push_back(each.peer);
    result.names.push_back(each.name);
  }
  return result;
}

bool includes(std::string_view bird_conf, const std::string& file) {
  std::istringstream lines{std::string(bird_conf)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t word = line.find("include");
    if (word == std::string::npos || line.find_first_not_of(" \t") != word) continue;
    const std::size_t open = line.find('"', word);
    const std::size_t close = open == std::string::npos ? open : line.find('"', open + 1);
    if (close == std::string::npos) continue;
    const std::string pattern = line.substr(open + 1, close - open - 1);
    // A relative one is relative to bird.conf, which herald's file usually is beside.
    const std::string name =
        pattern.starts_with('/') ? file : std::filesystem::path(file).filename().string();
    if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0) return true;
  }
  return false;
}

}  // namespace herald

#include "sidecar/announce/bird/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/router/text_lines.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

// BIRD 2.0.12 hangs up on a line of 1,024 bytes, though its own buffer has 4,096.
constexpr std::size_t kMostPerLine = 1000;
constexpr std::size_t kMostQuoted = 120;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!(line = trimmed(line)).empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

// "Neighbor address: 10.1.1.4" gives 10.1.1.4.
std::optional<std::string_view> value_of(std::string_view line, std::string_view label) {
  line = trimmed(line);
  if (!line.starts_with(label)) return std::nullopt;
  return trimmed(line.substr(label.size()));
}

// What went wrong, in birdc's words, when the text is not an answer.
std::string complaint(std::string_view text) {
  for (const std::string_view line : lines_of(text)) {
    const std::string_view words = trimmed(line);
    if (words.empty() || words.starts_with("BIRD ")) continue;
    return fmt::format("birdc: {}", words.substr(0, kMostQuoted));
  }
  return "birdc: no output";
}

// birdc greets with "BIRD 2.0.12 ready." once it has reached BIRD, and says so when BIRD goes in the middle of an answer.
std::optional<std::string> why_no_answer(std::string_view text) {
  if (!text.contains(" ready.") || !text.contains("BIRD ")) return complaint(text);
  for (const std::string_view line : lines_of(text)) {
    const std::string_view words = trimmed(line);
    if (words.starts_with("Connection closed by server") || words.starts_with("Server read error"))
      return fmt::format("birdc: {}", words.substr(0, kMostQuoted));
  }
  return std::nullopt;
}

// "1 imported, 0 filtered, 2 exported, 1 preferred", of each channel.
void note_routes(std::string_view counts, RouterPeer& peer) {
  const auto words = words_of(counts);
  for (std::size_t index = 0; index + 1 < words.size(); index += 2) {
    const std::string_view number = words[index];
    std::uint64_t count = 0;
    if (const auto read = std::from_chars(number.data(), number.data() + number.size(), count);
        read.ec != std::errc())
      continue;
    if (words[index + 1].starts_with("imported")) peer.accepted = peer.accepted.value_or(0) + count;
    if (words[index + 1].starts_with("exported")) peer.sent = peer.sent.value_or(0) + count;
  }
}

void note(std::string_view line, BirdPeer& one) {
  if (const auto state = value_of(line, "BGP state:")) {
    one.peer.state = *state;
    one.peer.established = *state == "Established";
  } else if (const auto address = value_of(line, "Neighbor address:")) {
    one.peer.address = address->substr(0, address->find('%'));  // fe80::1%eth0
  } else if (const auto routes = value_of(line, "Routes:")) {
    note_routes(*routes, one.peer);
  } else if (value_of(line, "Channel ipv4")) {
    one.ipv4 = true;
  } else if (value_of(line, "Channel ipv6")) {
    one.ipv6 = true;
  }
}

// Since when its protocol is in its state: "10:00:00.123", or with a date before it.
std::string since_of(const std::vector<std::string_view>& words) {
  if (words.size() < 5) return {};
  const bool dated = words[4].contains('-') && words.size() > 5;
  return dated ? fmt::format("{} {}", words[4], words[5]) : std::string(words[4]);
}

// The lines below "direct1  Direct  ---  up": "Channel ipv4" and what follows of it.
class ImportReader {
 public:
  void note(std::string_view line, BirdImport& one) {
    if (const auto channel = value_of(line, "Channel ")) {
      family_ = *channel == "ipv4" ? 0 : *channel == "ipv6" ? 1 : kNoFamily;
    } else if (const auto filter = value_of(line, "Input filter:"); filter && family_ != kNoFamily) {
      if (*filter != "REJECT") one.filtered.at(family_) = *filter != "ACCEPT";
    }
  }

 private:
  static constexpr std::size_t kNoFamily = 2;
  std::size_t family_ = kNoFamily;
};

std::vector<std::string> route_commands(const std::vector<Vip>& vips, std::string_view head,
                                        std::string_view also) {
  std::vector<std::string> commands;
  for (const bool ipv6 : {false, true}) {
    const std::string type = ipv6 ? "NET_IP6" : "NET_IP4";
    std::string prefixes;
    const auto command = [&] {
      return fmt::format("{} where net.type = {} && net ~ [ {} ]{}", head, type, prefixes, also);
    };
    const std::size_t most = kMostPerLine - std::min(command().size(), kMostPerLine);
    for (const Vip& vip : vips) {
      if (is_ipv6(vip) != ipv6) continue;
      if (!prefixes.empty() && prefixes.size() + 2 + vip.prefix.size() > most) {
        commands.push_back(command());
        prefixes.clear();
      }
      if (!prefixes.empty()) prefixes += ", ";
      prefixes += vip.prefix;
    }
    if (!prefixes.empty()) commands.push_back(command());
  }
  return commands;
}

}  // namespace

std::expected<BirdProtocols, std::string> parse_bird_protocols(std::string_view text) {
  if (auto why = why_no_answer(text)) return std::unexpected(std::move(*why));
  if (!text.contains("Proto")) return std::unexpected(complaint(text));
  BirdProtocols protocols;
  BirdPeer* peer = nullptr;  // that the indented lines are about
  BirdStatic* routes = nullptr;
  BirdImport* import = nullptr;
  ImportReader import_reader;
  for (const std::string_view line : lines_of(text)) {
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') {
      const auto words = words_of(line);
      const std::string_view kind = words.size() >= 4 ? words[1] : "";
      peer = nullptr;
      routes = nullptr;
      import = nullptr;
      if (kind == "Direct" || kind == "Kernel") {
        import_reader = {};
        import = &protocols.imports.emplace_back(
            BirdImport{std::string(words[0]), kind == "Direct", words[3] == "up"});
      }
      if (kind == "BGP")
        peer = &protocols.peers.emplace_back(
            BirdPeer{std::string(words[0]), {"", std::string(words[3]), false, since_of(words)}});
      if (kind == "Static") routes = &(protocols.statics[std::string(words[0])] = {words[3] == "up", ""});
    } else if (peer != nullptr) {
      note(line, *peer);
    } else if (import != nullptr) {
      import_reader.note(line, *import);
    } else if (const auto description = value_of(line, "Description:"); description && routes != nullptr) {
      routes->description = *description;
    }
  }
  return protocols;
}

std::vector<std::string> bird_table_commands(const std::vector<Vip>& vips) {
  // Without a table BIRD reads its default ones alone, and a router may well keep its VIPs in another.
  return route_commands(vips, "show route table all", " && source != RTS_BGP");
}

std::vector<std::string> bird_export_commands(const std::vector<Vip>& vips, const std::string& protocol) {
  // A name with a dot or a dash has to be quoted, and any name may be.
  return route_commands(vips, fmt::format("show route exported '{}'", protocol), "");
}

std::string bird_origin_command(std::string_view protocols) {
  return fmt::format("show route table all where proto ~ \"{}*\"", protocols);
}

std::optional<Duration> parse_bird_undo(std::string_view text) {
  constexpr std::string_view kWords = "onfiguration unconfirmed, undo in ";
  const std::size_t at = text.find(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + kWords.size());
  std::uint32_t seconds = 0;  // and a fraction that does not matter
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::expected<std::set<Vip>, std::string> parse_bird_routes(std::string_view text) {
  const auto origins = parse_bird_origins(text);
  if (!origins) return std::unexpected(origins.error());
  std::set<Vip> prefixes;
  for (const auto& [vip, names] : *origins) prefixes.insert(vip);
  return prefixes;
}

// "10.99.0.1/32  unicast [direct1 10:00:00.123] * (240)", and further routes of the same prefix indented below it.
std::expected<BirdOrigins, std::string> parse_bird_origins(std::string_view text) {
  if (auto why = why_no_answer(text)) return std::unexpected(std::move(*why));
  BirdOrigins origins;
  std::set<std::string>* names = nullptr;  // of the prefix that the lines are about
  bool in_table = false;
  for (const std::string_view line : lines_of(text)) {
    if (line.starts_with("Table ")) in_table = true;
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with("BIRD")) continue;
    if (!in_table) return std::unexpected(complaint(text));  // "syntax error, ..." in the place of a table
    if (line.front() != ' ' && line.front() != '\t') {
      names = nullptr;
      if (!words[0].contains('/')) continue;
      if (!is_prefix(words[0]))
        return std::unexpected(
            fmt::format("birdc does not answer as expected: {}", trimmed(line).substr(0, kMostQuoted)));
      names = &origins[Vip{std::string(words[0])}];
    }
    if (names == nullptr) continue;
    const auto name =
        std::ranges::find_if(words, [](std::string_view word) { return word.starts_with('['); });
    if (name != words.end() && name->size() > 1) names->emplace(name->substr(1));
  }
  return origins;
}

std::optional<InterfaceImport> bird_import(const BirdProtocols& protocols, bool ipv6) {
  std::optional<InterfaceImport> import;
  for (const BirdImport& one : protocols.imports) {
    const auto& filtered = one.filtered.at(ipv6 ? 1 : 0);
    if (!one.direct || !one.up || !filtered) continue;
    if (!import || !*filtered) import = InterfaceImport{fmt::format("protocol {}", one.name), *filtered};
  }
  return import;
}

std::vector<OtherOrigin> bird_others(const BirdProtocols& protocols, const std::set<std::string>& names) {
  std::vector<OtherOrigin> others;
  for (const std::string& name : names) {
    if (is_own_bird_protocol(name)) continue;
    const bool of_address =
        std::ranges::find(protocols.imports, name, &BirdImport::name) != protocols.imports.end();
    others.push_back({fmt::format("protocol {}", name), of_address});
  }
  return others;
}

}  // namespace herald

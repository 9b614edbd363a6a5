#include "sidecar/doctor/packet_rules.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "sidecar/announce/router/command.h"
#include "sidecar/os/text_file.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

using nlohmann::json;

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr const char* kNft = "/usr/sbin/nft";
// Statements of libnftables-json(5), and what iptables-nft has put in, of which nft tells no more ("xt").
constexpr std::array kTranslates{"dnat", "redirect", "tproxy", "queue", "xt"};

bool translates(const json& rule) {
  const auto statements = rule.find("expr");
  if (statements == rule.end() || !statements->is_array()) return false;
  return std::ranges::any_of(*statements, [](const json& statement) {
    return std::ranges::any_of(
        kTranslates, [&](const char* word) { return statement.is_object() && statement.contains(word); });
  });
}

// As a word of its own: 10.99.0.1 is no part of 10.99.0.10.
bool names(std::string_view text, const Vip& vip) {
  return text.contains('"' + to_string(address_of(vip)) + '"');
}

// "0A630001" and "[FD00:0099:...]", as the kernel prints them.
std::string in_ip_vs(const Address& address) {
  std::string text;
  const bool is_v4 = address.family == AF_INET;
  for (std::size_t index = 0; index < (is_v4 ? 4U : 16U); ++index)
    text += fmt::format("{}{:02X}", !is_v4 && index > 0 && index % 2 == 0 ? ":" : "", address.bytes[index]);
  return is_v4 ? text : '[' + text + ']';
}

std::optional<std::string> ruleset() {
  if (::geteuid() != 0) return std::nullopt;
  if (::access(kNft, X_OK) != 0) return R"({"nftables":[]})";
  Loop loop;
  Command command(loop);
  std::optional<std::string> text;
  command.run({kNft, "-j", "list", "ruleset"}, kPatience,
              [&](std::expected<std::string, std::string> answer) {
                if (answer) text = *std::move(answer);
                loop.exit(0);
              });
  loop.run();
  return text;
}

std::string contents_of(const char* path) {
  return read_text_file(path).value_or("");
}

}  // namespace

std::optional<PacketRules> parse_ruleset(std::string_view text, const std::set<Vip>& vips) {
  const json read = json::parse(text, nullptr, false);
  if (!read.is_object()) return std::nullopt;
  const auto objects = read.find("nftables");
  if (objects == read.end() || !objects->is_array()) return std::nullopt;
  PacketRules found;
  for (const json& object : *objects) {
    const auto rule = object.find("rule");
    if (object.is_object() && rule != object.end() && rule->is_object())
      found.translates = found.translates || translates(*rule);
  }
  // Also by a set or a map that a rule refers to.
  if (!found.translates) return found;
  for (const Vip& vip : vips) {
    if (names(text, vip)) found.names_vip.insert(vip);
  }
  return found;
}

std::set<Vip> parse_ip_vs(std::string_view text, const std::set<Vip>& vips) {
  std::set<Vip> found;
  for (const Vip& vip : vips) {
    if (text.contains(' ' + in_ip_vs(address_of(vip)) + ':')) found.insert(vip);
  }
  return found;
}

std::optional<PacketRules> read_packet_rules(const std::set<Vip>& vips) {
  const std::optional<std::string> text = ruleset();
  if (!text) return std::nullopt;
  std::optional<PacketRules> rules = parse_ruleset(*text, vips);
  if (!rules) return std::nullopt;
  rules->names_vip.merge(parse_ip_vs(contents_of("/proc/net/ip_vs"), vips));
  for (const char* tables : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"})
    rules->translates = rules->translates || contents_of(tables).contains("nat");
  return rules;
}

}  // namespace herald

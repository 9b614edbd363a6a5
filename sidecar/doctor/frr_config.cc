// The lines of an FRR configuration that doctor's rules ask for, wherever it comes from: bgpd itself, or a file.
#include <algorithm>
#include <charconv>
#include <functional>
#include <system_error>

#include "sidecar/announce/router/text_lines.h"
#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/core/route/policy.h"
#include "sidecar/doctor/frr_facts.h"

namespace herald {
namespace {

using Words = std::vector<std::string>;

// A line with where it stands.
struct ConfigLine {
  Words words;
  Words block;   // "router bgp 65001 vrf blue", "interface lo"; empty at the top
  Words family;  // "address-family ipv4 unicast", within a block
  std::string text;
};

bool begins(const Words& words, const Words& with) {
  return words.size() >= with.size() && std::equal(with.begin(), with.end(), words.begin());
}

// A block begins with an unindented line; FRR itself writes indents, people who write files may not, so that what can
// only be a block's beginning begins one however it is indented.
bool opens_block(const Words& words) {
  return begins(words, {"router"}) || begins(words, {"interface"}) || begins(words, {"vrf"}) ||
         begins(words, {"route-map"}) || words.front() == "exit" || words.front() == "end";
}

void each_line(std::string_view text, const std::function<void(const ConfigLine&)>& visit) {
  std::istringstream in{std::string(text)};
  ConfigLine line;
  while (std::getline(in, line.text)) {
    line.words = words_of(line.text);
    if (line.words.empty() || line.words.front().starts_with('!') || line.words.front().starts_with('#'))
      continue;
    if (begins(line.words, {"address-family"})) {
      line.family = line.words;
    } else if (begins(line.words, {"exit-address-family"})) {
      line.family.clear();
    } else if (opens_block(line.words)) {
      line.family.clear();
      line.block = line.words;
    }
    visit(line);
  }
}

// Without an address family a line is of IPv4 unicast.
std::size_t family_of(const ConfigLine& line) {
  return begins(line.family, {"address-family", "ipv6"}) ? kIpv6 : kIpv4;
}

bool is_bgp(const ConfigLine& line) {
  return begins(line.block, {"router", "bgp"});
}

bool is_of_vrf(const ConfigLine& line, const std::string& vrf) {
  if (!is_bgp(line)) return false;
  // A view has tables of its own that forward nothing.
  if (std::ranges::find(line.block, "view") != line.block.end()) return false;
  const auto word = std::ranges::find(line.block, "vrf");
  const bool named = word != line.block.end() && word + 1 != line.block.end();
  return (named ? *(word + 1) : "default") == vrf;
}

// "route-map M" among the words, or "".
std::string map_in(const Words& words) {
  const auto word = std::ranges::find(words, "route-map");
  return word != words.end() && word + 1 != words.end() ? *(word + 1) : "";
}

void read_instance_line(const ConfigLine& line, FrrFacts& facts) {
  const Words& words = line.words;
  facts.has_instance = true;
  if (begins(words, {"bgp", "ebgp-requires-policy"})) facts.ebgp_requires_policy = true;
  if (begins(words, {"no", "bgp", "ebgp-requires-policy"})) facts.ebgp_requires_policy = false;
  if (begins(words, {"bgp", "network", "import-check"})) facts.import_check = true;
  if (begins(words, {"no", "bgp", "network", "import-check"})) facts.import_check = false;
  if (begins(words, {"update-delay"})) facts.update_delay = true;
  if (words.size() >= 2 && words[0] == "network") facts.networks[Vip{words[1]}] = map_in(words);
  if (begins(words, {"redistribute", "connected"}))
    facts.redistribute.at(family_of(line)) = {true, map_in(words)};
}

// "route-map NAME permit 10", and the lines below it.
void read_map_line(const ConfigLine& line, FrrFacts& facts) {
  constexpr std::size_t kWords = 4;
  if (line.block.size() < kWords) return;
  std::uint32_t number = 0;
  const std::string& digits = line.block[3];
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) return;
  MapEntry& entry = facts.maps[line.block[1]][number];
  entry.permit = line.block[2] == "permit";
  const Words& words = line.words;
  if (begins(words, {"set", "ipv6", "next-hop", "global"})) facts.sets_ipv6_next_hop = true;
  if (words.size() == kWords + 1 && words[0] == "match" && words[2] == "address" &&
      words[3] == "prefix-list") {
    entry.lists.push_back(words[4]);
  } else if (words[0] == "match" || words[0] == "call" || words[0] == "on-match" || words[0] == "continue") {
    entry.unclear = true;
  }
}

}  // namespace

void parse_frr_config(std::string_view text, const std::string& vrf, FrrFacts& facts) {
  each_line(text, [&](const ConfigLine& line) {
    const Words& words = line.words;
    if (begins(words, {"frr", "defaults"}) && words.size() > 2) {
      facts.profile = words[2];
      facts.ebgp_requires_policy = facts.profile != "datacenter";
    }
    if (begins(words, {"bgp", "suppress-fib-pending"})) facts.suppress_fib_pending = true;
    if (begins(words, {"bgp", "update-delay"})) facts.update_delay = true;
    if (is_of_vrf(line, vrf)) read_instance_line(line, facts);
    if (begins(line.block, {"route-map"})) read_map_line(line, facts);
  });
}

std::vector<std::string> saved_frr_lines(std::string_view text, const std::vector<Vip>& vips) {
  std::vector<std::string> found;
  const auto is_vip = [&](const std::string& prefix) {
    return std::ranges::find(vips, Vip{prefix}) != vips.end();
  };
  each_line(text, [&](const ConfigLine& line) {
    const Words& words = line.words;
    const bool network = is_bgp(line) && words.size() >= 2 && words[0] == "network" &&
                         (is_vip(words[1]) || map_in(words).starts_with(kPolicyPrefix));
    const bool address =
        begins(line.block, {"interface"}) && words.size() >= 3 && words[1] == "address" && is_vip(words[2]);
    if (!network && !address) return;
    std::string joined;
    for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
    found.push_back(address ? line.block[0] + " " + line.block[1] + ": " + joined : joined);
  });
  return found;
}

// ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32
std::vector<std::string> saved_frr_denials(std::string_view text) {
  constexpr std::size_t kAction = 5;
  std::vector<std::string> found;
  each_line(text, [&](const ConfigLine& line) {
    const Words& words = line.words;
    const bool is_entry = words.size() > kAction && words[1] == "prefix-list" && words[2] == kFastList;
    if (is_entry && words[kAction] == "deny") found.push_back(line.text);
  });
  return found;
}

// Said only where it is not the default (ZEBRA_RIB_PROCESS_HOLD_TIME).
std::uint32_t parse_zebra_work_queue(std::string_view text) {
  constexpr std::uint32_t kDefault = 10;
  std::uint32_t held = kDefault;
  each_line(text, [&](const ConfigLine& line) {
    const Words& words = line.words;
    if (words.size() != 3 || words[0] != "zebra" || words[1] != "work-queue") return;
    std::from_chars(words[2].data(), words[2].data() + words[2].size(), held);
  });
  return held;
}

}  // namespace herald

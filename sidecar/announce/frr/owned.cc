#include "sidecar/announce/frr/owned.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/announce/frr/transport.h"
#include "sidecar/announce/router/text_lines.h"
#include "sidecar/core/route/policy.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

// The word after `key`, or nothing.
std::string after(const std::vector<std::string>& words, std::string_view key) {
  const auto found = std::ranges::find(words, key);
  return found == words.end() || found + 1 == words.end() ? "" : *(found + 1);
}

class OwnedReader {
 public:
  OwnedReader(const RouterSpec& spec, const std::set<Vip>& vips) : spec_(spec), vips_(vips) {}

  void take(const std::string& line) {
    const auto words = words_of(line);
    if (words.empty()) return;
    if (!line.starts_with(' ')) entry_ = nullptr;
    if (line == " no bgp network import-check" && is_ours_) owned_.import_check = false;
    if (line.starts_with(" set ipv6 next-hop global ")) owned_.sets_ipv6_next_hop = true;
    if (line.starts_with("router bgp ") && words.size() > 2) {
      enter_instance(line, words);
    } else if (line.starts_with(" address-family ")) {
      is_unicast_ = line.ends_with(" ipv4 unicast") || line.ends_with(" ipv6 unicast");
      is_ipv6_ = line.ends_with(" ipv6 unicast");
    } else if (line.starts_with("  network ") && words.size() > 1) {
      take_network(Vip{words[1]}, after(words, "route-map"));
    } else if (line.starts_with("  redistribute ") && is_ours_ && is_unicast_) {
      owned_.redistribute[is_ipv6_ ? 1 : 0].push_back(line.substr(2));
    } else if (line.starts_with(" neighbor ") && words.size() > 3 && is_ours_) {
      take_neighbor(words);
    } else if (line.starts_with("  neighbor ") && words.size() > 4) {
      take_filter(words);
    } else if (line.starts_with("route-map ") && words.size() > 1 && words[1].starts_with(kPolicyPrefix)) {
      take_map(words);
    } else if (entry_ != nullptr) {
      entry_->insert(frr_map_line(line));
    } else if (words.size() > 6 && words[1] == "prefix-list" && words[2] == kFastList) {
      owned_.denials.take(words);
    } else if (words.size() > 6 && words[1] == "prefix-list" && words[2].starts_with(kFallbackPrefix)) {
      owned_.filters.lists[words[2]].insert(Vip{words[6]});  // ip prefix-list NAME seq 5 permit X
    }
  }

  std::expected<FrrOwned, std::string> finish() {
    if (problem_) return std::unexpected(*problem_);
    // Without an AS, `router bgp` cannot create an instance by mistake, for one in the moment in which a restarted
    // bgpd has not got its configuration yet. With several it is ambiguous.
    if (instances_ == 1 && spec_.vrf == "default" && !owned_.router_line.empty())
      owned_.router_line = "router bgp";
    // A map that is not there denies the route.
    for (auto& [vip, map] : owned_.routes) {
      if (map.empty() || owned_.maps.contains(map)) continue;
      owned_.missing_maps[vip] = std::exchange(map, "");
    }
    std::erase_if(owned_.used_maps, [&](const std::string& map) { return !owned_.maps.contains(map); });
    return std::move(owned_);
  }

 private:
  void enter_instance(const std::string& line, const std::vector<std::string>& words) {
    ++instances_;
    const std::string vrf = after(words, "vrf");
    is_ours_ = after(words, "view").empty() && (vrf.empty() ? "default" : vrf) == spec_.vrf;
    if (!is_ours_) return;
    owned_.router_line = line;
    owned_.as = words[2];
  }

  void take_network(const Vip& vip, const std::string& map) {
    const bool is_marked = map.starts_with(kPolicyPrefix);
    if (is_marked) owned_.used_maps.insert(map);
    if (!is_ours_ || !is_unicast_ || (!is_marked && !vips_.contains(vip))) return;
    if (is_prefix(vip.prefix)) {
      owned_.routes[vip] = is_marked ? map : "";
    } else if (!problem_) {
      problem_ = "bgpd does not answer as expected: network " + said(vip.prefix);
    }
  }

  void take_map(const std::vector<std::string>& words) {
    if (words[1].starts_with(kFallbackPrefix)) {
      owned_.filters.maps.insert(words[1]);
    } else if (FrrMapShape& shape = owned_.maps[words[1]]; words.size() > 3) {
      entry_ = &shape[words[2] + " " + words[3]];
    }
  }

  void take_neighbor(const std::vector<std::string>& words) {
    if (words[2] == "peer-group") owned_.filters.groups[words[1]] = words[3];
    if (words[2] == "shutdown" && words[3] == "message" &&
        after(words, "message").starts_with(kFallbackPrefix))
      owned_.filters.shut.insert(words[1]);
  }

  void take_filter(const std::vector<std::string>& words) {
    if (words[4] != "out" || !is_unicast_) return;
    if (words[2] == "prefix-list" || words[2] == "distribute-list") {
      if (is_ours_) owned_.filters.out_lists[is_ipv6_ ? 1 : 0][words[1]] = words[2] + " " + words[3];
      return;
    }
    if (words[2] != "route-map") return;
    if (words[3].starts_with(kFallbackPrefix)) owned_.filters.used_maps.insert(words[3]);
    if (is_ours_) owned_.filters.out_maps[is_ipv6_ ? 1 : 0][words[1]] = words[3];
  }

  const RouterSpec& spec_;
  const std::set<Vip>& vips_;
  FrrOwned owned_;
  std::optional<std::string> problem_;
  std::size_t instances_ = 0;
  std::set<std::string>* entry_ = nullptr;  // of a policy's map, that the lines are in
  bool is_ours_ = false;                    // the instance of the lines that follow
  bool is_unicast_ = false;                 // the address family
  bool is_ipv6_ = false;
};

}  // namespace

std::string frr_owned_command() {
  return "show running-config | include ^(router bgp | no bgp network import-check| address-family |  "
         "network |  redistribute |route-map "
         "| "
         "(set|match|call|on-match|continue|description) |ip(v6)? prefix-list HERALD-|  neighbor .* "
         "(route-map|prefix-list|distribute-list) .* out| neighbor .* (peer-group|shutdown "
         "message) .)";
}

std::expected<FrrOwned, std::string> parse_frr_owned(std::string_view text, const RouterSpec& spec,
                                                     const std::set<Vip>& vips) {
  if (text.starts_with('%')) return std::unexpected("bgpd: " + said(text));
  OwnedReader reader(spec, vips);
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
    reader.take(line);
  }
  return reader.finish();
}

}  // namespace herald

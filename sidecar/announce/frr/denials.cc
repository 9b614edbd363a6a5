#include "sidecar/announce/frr/denials.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "sidecar/announce/frr/fallback.h"
#include "sidecar/announce/frr/view.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

constexpr std::array<std::string_view, 2> kWords{"ip", "ipv6"};
constexpr std::string_view kPermitRest = "permit any";

std::size_t family_number(const Vip& vip) {
  return is_ipv6(vip) ? 1 : 0;
}

bool is_host(const std::string& prefix) {
  return is_prefix(prefix) && prefix.ends_with(prefix.contains(':') ? "/128" : "/32");
}

}  // namespace

// ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32
void FrrDenials::take(const std::vector<std::string>& words) {
  constexpr std::size_t kNumber = 4, kAction = 5, kPrefix = 6;
  if (words.size() <= kPrefix || words[3] != "seq") return;
  std::uint32_t number = 0;
  const std::string& digits = words[kNumber];
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) return;
  List& list = lists_.at(words[0] == "ipv6" ? 1 : 0);
  const bool is_ours = number <= kMostNumber && words[kAction] == "deny" && words.size() == kPrefix + 1 &&
                       is_host(words[kPrefix]);
  if (is_ours) {
    list.denied[Vip{words[kPrefix]}] = number;
    return;
  }
  std::string text = words[kAction];
  for (std::size_t word = kPrefix; word < words.size(); ++word) text += " " + words[word];
  list.others.push_back({number, std::move(text)});
}

FrrDenialLine FrrDenials::change(const DenialStep& step) {
  const std::size_t family = family_number(step.vip);
  auto& denied = lists_.at(family).denied;
  const auto found = denied.find(step.vip);
  if (step.deny == (found != denied.end())) return std::nullopt;
  const auto line = [&](std::string_view no, std::uint32_t number) {
    return fmt::format("{}{} prefix-list {} seq {} deny {}", no, kWords.at(family), kFastList, number,
                       step.vip.prefix);
  };
  if (!step.deny) {
    const std::uint32_t number = found->second;
    denied.erase(found);
    return line("no ", number);
  }
  if (auto why = problem(family)) return std::unexpected(*std::move(why));
  std::set<std::uint32_t> used;
  for (const auto& [vip, number] : denied) used.insert(number);
  std::uint32_t number = 1;
  while (used.contains(number)) ++number;
  if (number > kMostNumber) return std::unexpected(fmt::format("prefix-list {} is full", kFastList));
  denied[step.vip] = number;
  return line("", number);
}

std::set<Vip> FrrDenials::denied() const {
  std::set<Vip> all;
  for (const List& list : lists_) {
    for (const auto& [vip, number] : list.denied) all.insert(vip);
  }
  return all;
}

// bgpd writes `permit any` for 0.0.0.0/0 le 32 and ::/0 le 128.
std::optional<std::string> FrrDenials::problem(std::size_t family) const {
  const List& list = lists_.at(family);
  const auto low =
      std::ranges::find_if(list.others, [](const Entry& one) { return one.number <= kMostNumber; });
  if (low != list.others.end()) {
    return fmt::format("{} prefix-list {} has an entry that is not herald's among its numbers: seq {} {}",
                       kWords.at(family), kFastList, low->number, low->text);
  }
  const bool is_open =
      std::ranges::any_of(list.others, [](const Entry& one) { return one.text == kPermitRest; });
  if (is_open) return std::nullopt;
  return fmt::format("{} prefix-list {} has no entry `seq 4294967295 permit any`", kWords.at(family),
                     kFastList);
}

FastView fast_view(const FrrDenials& denials, const FrrFilters& filters, const FrrPeers& peers,
                   const RouterSpec& spec) {
  const auto is_judged = [&](const std::string& peer) {
    return spec.peers.empty() || std::ranges::find(spec.peers, peer) != spec.peers.end();
  };
  FastView view;
  view.denied = denials.denied();
  for (std::size_t family = 0; family < view.slots.size(); ++family) {
    FastSlot& slot = view.slots.at(family);
    const auto& lists = filters.out_lists.at(family);
    for (const std::string& peer : family == 1 ? peers.ipv6 : peers.ipv4) {
      std::string list = name_at(lists, peer);
      if (list.empty()) list = name_at(lists, name_at(filters.groups, peer));
      if (list == fmt::format("prefix-list {}", kFastList)) {
        const auto sent = peers.sent.at(family).find(peer);
        slot.peers[peer] = sent == peers.sent.at(family).end() ? 0 : sent->second;
        if (sent == peers.sent.at(family).end())
          slot.problem = fmt::format("bgpd does not tell how many routes {} is sent", peer);
      } else if (is_judged(peer)) {
        slot.others[peer] = std::move(list);
      }
    }
    if (!slot.peers.empty() && !slot.problem) slot.problem = denials.problem(family);
  }
  return view;
}

}  // namespace herald

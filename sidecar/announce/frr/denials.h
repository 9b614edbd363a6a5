// The list of the fast withdrawals (fast_withdraw.h) in bgpd's words. Pure.
//
// herald edits one prefix-list, kFastList, one of that name a family, and never a neighbor: an operator opts in by giving it to a
// neighbor or peer-group as its outbound prefix-list. bgpd acts on an edit of such a list at once (peer_prefix_list_update(), FRR
// 8.4 to 10.x), past the queue in which a route waits for 50 ms, and sends all other routes of the session again for it.
//
// Owned: entries of that list that deny one address, with a number of at most kMostNumber. The operator's is one that permits the
// rest, with a higher number: without it bgpd denies everything, and herald leaves the list alone.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

struct FrrFilters;
struct FrrPeers;

// The line for a step, none where it is so already; or why there is none, for people.
using FrrDenialLine = std::expected<std::optional<std::string>, std::string>;

// Both lists, as they were read and as steps have changed them since.
class FrrDenials {
 public:
  static constexpr std::uint32_t kMostNumber = 9'999;

  // The words of one line of bgpd's configuration: `ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32`.
  void take(const std::vector<std::string>& words);

  // The list is taken for what the line says.
  [[nodiscard]] FrrDenialLine change(const DenialStep& step);

  [[nodiscard]] std::set<Vip> denied() const;
  // Why the list of a family is not used: a line for people.
  [[nodiscard]] std::optional<std::string> problem(std::size_t family) const;

 private:
  struct Entry {
    std::uint32_t number = 0;
    std::string text;  // "deny 10.99.0.1/32"
  };
  struct List {
    std::map<Vip, std::uint32_t> denied;
    std::vector<Entry> others;
  };

  std::array<List, 2> lists_;  // IPv4, IPv6
};

// Who takes part, of the established peers; and who does not, of those of them that are judged.
[[nodiscard]] FastView fast_view(const FrrDenials& denials, const FrrFilters& filters, const FrrPeers& peers,
                                 const RouterSpec& spec);

}  // namespace herald

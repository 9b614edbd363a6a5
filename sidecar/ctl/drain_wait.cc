#include "sidecar/ctl/drain_wait.h"

#include <fmt/format.h>

#include <algorithm>

namespace herald::ctl {
namespace {

using Problem = std::optional<std::string>;

// Why what the router says of VIPs proves nothing.
Problem unread(const Report& status, std::chrono::milliseconds drained) {
  const Report& router = object_at(status, "router");
  const std::string stack = text_at(router, "stack");
  const auto reachable = flag_at(router, "reachable");
  if (!reachable) return fmt::format("{} was not read yet", stack);
  if (!*reachable) {
    return fmt::format("{} does not answer ({}): what it still advertises is not known", stack,
                       text_at(router, "error"));
  }
  const auto now = time_at(status, "at");
  const auto read = time_at(router, "read_at");
  if (!now || !read || *now - *read > drained) return fmt::format("{} was not read since the drain", stack);
  return std::nullopt;
}

Problem still_advertised(const Report& vip, const std::string& stack) {
  const std::string prefix = text_at(vip, "prefix");
  const auto in_rib = flag_at(vip, "in_rib");
  if (!in_rib) return fmt::format("{} was not read back from {}", prefix, stack);
  if (!*in_rib) return std::nullopt;
  if (is_null_at(vip, "advertised_to"))
    return fmt::format("{} is in {}'s BGP table, and who is sent it is not known", prefix, stack);
  const std::string peers = joined_at(vip, "advertised_to");
  if (peers.empty()) return std::nullopt;
  return fmt::format("{} is still advertised to {}", prefix, peers);
}

// herald has done its part, and only the router's table is not as wanted: by somebody else's doing, perhaps. Whether a peer is
// sent it is what counts.
bool is_done_by_herald(const Report& service) {
  if (text_at(service, "state") != "withdrawing") return false;
  const bool by_route = text_at(service, "via") != "loopback";
  const Report& vips = list_at(service, "vips");
  return !vips.empty() && std::ranges::all_of(vips, [&](const Report& vip) {
    const auto wanted = flag_at(vip, "wanted");
    const auto on_interface = flag_at(vip, "on_interface");
    const bool is_gone = by_route ? is_null_at(vip, "policy") : on_interface && !*on_interface;
    return wanted && !*wanted && is_gone && flag_at(vip, "in_rib") && !is_null_at(vip, "advertised_to") &&
           joined_at(vip, "advertised_to").empty();
  });
}

}  // namespace

std::vector<std::string> not_withdrawn(const Report& status, std::chrono::milliseconds drained) {
  std::vector<std::string> left;
  const Report& services = list_at(status, "services");
  for (const Report& service : services) {
    if (is_done_by_herald(service)) continue;
    if (text_at(service, "state") != "withdrawn" || !text_at(service, "problem").empty())
      left.push_back(fmt::format("{} is {}", text_at(service, "name"), text_at(service, "state")));
  }
  const std::string stack = text_at(object_at(status, "router"), "stack");
  if (stack == "none" || services.empty()) return left;
  if (Problem why = unread(status, drained)) {
    left.push_back(*std::move(why));
    return left;
  }
  for (const Report& service : services) {
    for (const Report& vip : list_at(service, "vips")) {
      if (Problem still = still_advertised(vip, stack)) left.push_back(*std::move(still));
    }
  }
  return left;
}

std::optional<std::string> not_drained(const Report& status) {
  std::string text;
  for (const Report& service : list_at(status, "services")) {
    const std::string admin = text_at(service, "admin");
    if (admin == "drain") continue;
    const std::string who = text_at(object_at(service, "admin_by"), "who");
    text += fmt::format("{}{} is not drained any more: {}{}{}", text.empty() ? "" : "; ",
                        text_at(service, "name"), admin, who.empty() ? "" : ", by ", who);
  }
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace herald::ctl

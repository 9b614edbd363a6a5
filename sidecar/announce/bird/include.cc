#include "sidecar/announce/bird/include.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "sidecar/core/hash.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

constexpr std::string_view kHeader =
    "# Written by heraldd at every change of a service: do not edit, it would be lost.\n"
    "# bird.conf includes this file; BIRD reads it when it starts and at `birdc configure`.\n";

// Every attribute that herald sets; # stands for a number.
constexpr std::array<std::string_view, 5> kClauses{"bgp_path.prepend(#);", "bgp_med = #;",
                                                   "bgp_local_pref = #;", "bgp_community.add((#,#));",
                                                   "bgp_large_community.add((#,#,#));"};

bool matches(std::string_view clause, std::string_view pattern) {
  for (const char expected : pattern) {
    if (expected != '#') {
      if (!clause.starts_with(expected)) return false;
      clause.remove_prefix(1);
      continue;
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(clause.data(), clause.data() + clause.size(), number);
    if (error != std::errc()) return false;
    clause.remove_prefix(static_cast<std::size_t>(end - clause.data()));
  }
  return clause.empty();
}

// "bgp_med = 200; bgp_local_pref = 50;"
bool are_attributes(std::string_view text) {
  while (true) {
    const std::size_t end = text.find(';');
    if (end == std::string_view::npos) return false;
    const std::string_view clause = text.substr(0, end + 1);
    if (!std::ranges::any_of(kClauses, [&](auto pattern) { return matches(clause, pattern); })) return false;
    text.remove_prefix(end + 1);
    if (text.empty()) return true;
    if (!text.starts_with(' ')) return false;
    text.remove_prefix(1);
  }
}

// Takes what stands before `end` off the text, and `end` too; nothing where `end` is not in it.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return head;
}

std::optional<BirdRoutes::value_type> parse_line(std::string_view line) {
  if (const auto indent = take_until(line, "route ");
      !indent || indent->find_first_not_of(' ') != indent->npos)
    return std::nullopt;
  const auto prefix = take_until(line, " blackhole");
  if (!prefix) return std::nullopt;
  const auto vip = parse_vip(*prefix);
  if (!vip || vip->prefix != *prefix) return std::nullopt;
  const auto body = take_until(line, "; # ");
  if (!body || !line.starts_with(kPolicyPrefix) || line.contains(' ')) return std::nullopt;
  BirdRoute route{std::string(line), ""};
  if (!body->empty()) {
    if (!body->starts_with(" { ") || !body->ends_with(" }")) return std::nullopt;
    route.attributes = body->substr(3, std::max<std::size_t>(body->size(), 5) - 5);
    if (!are_attributes(route.attributes)) return std::nullopt;
  }
  return BirdRoutes::value_type{*vip, std::move(route)};
}

}  // namespace

std::string bird_protocol(const Vip& vip) {
  std::string name(kBirdProtocols);
  name += vip.prefix.substr(0, vip.prefix.find('/'));
  std::ranges::replace(name, '.', '_');
  std::ranges::replace(name, ':', '_');
  return name;
}

bool is_own_bird_protocol(std::string_view name) {
  return name == kBirdAnchor || name.starts_with(kBirdProtocols);
}

std::expected<BirdRoute, std::string> bird_route(const Policy& policy, std::optional<std::uint32_t> as) {
  const Attributes& wanted = policy.attributes;
  if (wanted.prepend > 0 && !as) return std::unexpected("prepend needs router.bgp.as");
  std::string text;
  const auto add = [&](std::string_view clause) {
    if (!text.empty()) text += ' ';
    text += clause;
  };
  for (std::uint32_t count = 0; count < wanted.prepend; ++count)
    add(fmt::format("bgp_path.prepend({});", *as));
  if (wanted.med) add(fmt::format("bgp_med = {};", *wanted.med));
  for (std::string numbers : wanted.communities) {
    const bool large = std::ranges::count(numbers, ':') == 2;
    std::ranges::replace(numbers, ':', ',');
    add(fmt::format("{}.add(({}));", large ? "bgp_large_community" : "bgp_community", numbers));
  }
  if (wanted.local_preference) add(fmt::format("bgp_local_pref = {};", *wanted.local_preference));
  return BirdRoute{policy.name, std::move(text)};
}

std::string bird_line(const Vip& vip, const BirdRoute& route) {
  const std::string body = route.attributes.empty() ? "" : fmt::format(" {{ {} }}", route.attributes);
  return fmt::format("route {} blackhole{}; # {}", vip.prefix, body, route.policy);
}

std::string bird_mark(const Vip& vip, const BirdRoute& route) {
  return fmt::format("herald {:016x}", fnv1a_64(bird_line(vip, route)));
}

std::string render_bird_include(const BirdRoutes& routes) {
  std::string text(kHeader);
  fmt::format_to(std::back_inserter(text), "protocol static {} {{\n  ipv4;\n}}\n", kBirdAnchor);
  for (const auto& [vip, route] : routes) {
    fmt::format_to(std::back_inserter(text),
                   "protocol static {} {{\n  description \"{}\";\n  {};\n  {}\n}}\n", bird_protocol(vip),
                   bird_mark(vip, route), is_ipv6(vip) ? "ipv6" : "ipv4", bird_line(vip, route));
  }
  return text;
}

BirdRoutes parse_bird_include(std::string_view text) {
  BirdRoutes routes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto route = parse_line(text.substr(0, end))) routes.insert(std::move(*route));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return routes;
}

}  // namespace herald

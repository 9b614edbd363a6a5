#include "probes/target.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <utility>

#include "probes/result.h"

namespace herald::probes {
namespace {

// A link-local address is one only together with its interface, whose index may change.
std::expected<std::uint32_t, ProbeResult> scope_of(const std::string& host) {
  const std::size_t percent = host.find('%');
  if (percent == std::string::npos) return 0;
  const std::string interface = host.substr(percent + 1);
  const std::uint32_t index = if_nametoindex(interface.c_str());
  if (index == 0) return std::unexpected(local_trouble(system_error_text("interface " + interface)));
  return index;
}

}  // namespace

Target::Target(Endpoint endpoint, SocketOptions socket, NameService& names, const OwnVips& vips)
    : endpoint_(std::move(endpoint)), socket_(std::move(socket)), names_(names), vips_(vips) {
  if (const auto from = parse_address(socket_.source)) family_ = from->family;
  if (const auto address = parse_address(endpoint_.host)) literal_ = socket_address(*address, endpoint_.port);
}

std::expected<SocketAddress, ProbeResult> Target::address() {
  auto all = addresses();
  if (!all) return std::unexpected(std::move(all.error()));
  return all->front();
}

std::expected<Addresses, ProbeResult> Target::addresses() {
  auto found = all();
  return found ? without_absent(std::move(*found)) : found;
}

std::expected<Addresses, ProbeResult> Target::without_absent(Addresses all) const {
  const auto is_vip = [this](const SocketAddress& address) { return vips_.contains(address); };
  if (socket_.bind_device == "lo" || std::ranges::none_of(all, is_vip)) return all;
  const std::string vip = to_string(address_in(*std::ranges::find_if(all, is_vip)));
  if (!std::ranges::all_of(all, is_vip)) {
    std::erase_if(all, is_vip);
    return all;
  }
  Addresses here;
  for (const SocketAddress& address : all) {
    const auto is_one = is_here(address, socket_);
    if (!is_one) return std::unexpected(is_one.error());
    if (*is_one) here.push_back(address);
  }
  if (!here.empty()) return here;
  const std::string which = endpoint_.host == vip
                                ? vip + " is a VIP of herald's"
                                : fmt::format("{} is {}, a VIP of herald's,", endpoint_.host, vip);
  return std::unexpected(
      failed(Reason::unreachable, which + " and not on this machine now: only another site could answer; "
                                          "probe 127.0.0.1 or the node's own address"));
}

std::expected<Addresses, ProbeResult> Target::all() const {
  if (literal_) return Addresses{*literal_};
  if (const auto address = parse_address(without_zone(endpoint_.host))) {
    const auto scope = scope_of(endpoint_.host);
    if (!scope) return std::unexpected(scope.error());
    return Addresses{socket_address(*address, endpoint_.port, *scope)};
  }
  const auto found = names_.find(endpoint_.host, family_);
  if (found && !found->empty()) {
    Addresses addresses;
    for (const Address& address : *found) addresses.push_back(socket_address(address, endpoint_.port));
    return addresses;
  }
  const char* wanted = family_ == AF_INET ? "IPv4 address" : family_ == AF_INET6 ? "IPv6 address" : "address";
  return std::unexpected(
      ProbeResult{Verdict::inconclusive,
                  Reason::resolve,
                  fmt::format("{} has no {} yet: {}", endpoint_.host, wanted, found ? "none" : found.error()),
                  {}});
}

}  // namespace herald::probes

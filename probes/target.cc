#include "probes/target.h"

#include <fmt/format.h>
#include <net/if.h>

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

Target::Target(Endpoint endpoint, const std::string& source, NameService& names)
    : endpoint_(std::move(endpoint)), names_(names) {
  if (const auto from = parse_address(source)) family_ = from->family;
  if (const auto address = parse_address(endpoint_.host)) literal_ = socket_address(*address, endpoint_.port);
}

std::expected<SocketAddress, ProbeResult> Target::address() {
  auto all = addresses();
  if (!all) return std::unexpected(std::move(all.error()));
  return all->front();
}

std::expected<Addresses, ProbeResult> Target::addresses() {
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

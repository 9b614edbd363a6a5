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
  if (literal_) return *literal_;
  if (const auto address = parse_address(without_zone(endpoint_.host))) {
    const auto scope = scope_of(endpoint_.host);
    if (!scope) return std::unexpected(scope.error());
    return socket_address(*address, endpoint_.port, *scope);
  }
  const auto address = names_.find(endpoint_.host, family_);
  if (address) return socket_address(*address, endpoint_.port);
  const char* wanted = family_ == AF_INET ? "IPv4 address" : family_ == AF_INET6 ? "IPv6 address" : "address";
  return std::unexpected(
      ProbeResult{Verdict::inconclusive,
                  Reason::resolve,
                  fmt::format("{} has no {} yet: {}", endpoint_.host, wanted, address.error()),
                  {}});
}

}  // namespace herald::probes

#include "sidecar/announce/loopback.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace herald {
namespace {

std::optional<std::uint32_t> seconds_of(const std::optional<Duration>& lease) {
  if (!lease) return std::nullopt;
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(*lease).count());
}

std::string prefix_of(const KernelAddress& address) {
  return fmt::format("{}/{}", to_string(address.address), address.address.prefix_length);
}

// What the label alone cannot mark: herald would add the address and then take it for an operator's, which is
// never withdrawn.
std::optional<std::string> unmarkable(const ServiceSpec& service) {
  const AnnounceSpec& announce = service.announce;
  const auto of_family = [&](int family) {
    return std::ranges::any_of(service.vips,
                               [&](const Vip& vip) { return address_of(vip).family == family; });
  };
  if (of_family(AF_INET) && address_label(announce.interface).empty()) {
    return fmt::format(
        "service {}: Linux before 5.18 marks an IPv4 VIP by the label \"{}:herald\", which is too long; "
        "use an interface whose name has at most {} characters",
        service.name, announce.interface, kLongestLabelledInterface);
  }
  if (of_family(AF_INET6) && (!announce.lease || service.on_exit == OnExit::keep)) {
    return fmt::format(
        "service {}: Linux before 5.18 marks an IPv6 VIP by its lifetime alone, and {} leaves it without one",
        service.name, announce.lease ? R"("on_exit": "keep")" : R"("lease": "off")");
  }
  return std::nullopt;
}

// What the kernel said to a step: 0, or an errno.
StepOutcome outcome(const Step& step, int error) {
  if (error == 0) return Applied::done;
  std::string why = std::strerror(error);
  if (error == EPERM) why += " (heraldd needs CAP_NET_ADMIN)";
  if (error == ENODEV) why = fmt::format("there is no interface {}", step.key.interface);
  return std::unexpected(fmt::format("{}: {}", to_string(step), why));
}

}  // namespace

LoopbackLever::LoopbackLever(AddressSocket socket, const std::vector<ServiceSpec>& services, AddressMark mark)
    : socket_(std::move(socket)), mark_(mark) {
  for (const ServiceSpec& service : services) {
    for (const Vip& vip : service.vips) vips_.insert(address_of(vip));
  }
}

std::expected<LoopbackLever, std::string> LoopbackLever::open(const std::vector<ServiceSpec>& services,
                                                              AddressMark mark) {
  if (mark == AddressMark::label) {
    std::vector<std::string> problems;
    for (const ServiceSpec& service : services) {
      if (const auto problem = unmarkable(service)) problems.push_back(*problem);
    }
    if (!problems.empty()) return std::unexpected(fmt::format("{}", fmt::join(problems, "; ")));
  }
  auto socket = AddressSocket::open();
  if (!socket) return std::unexpected(socket.error());
  return LoopbackLever(std::move(*socket), services, mark);
}

bool LoopbackLever::is_ours(const KernelAddress& address, bool configured) const {
  // Another program may use our protocol number for what cannot be a VIP.
  if (!configured && !parse_vip(prefix_of(address))) return false;
  return is_marked(address, mark_, configured);
}

std::expected<Observation, std::string> LoopbackLever::look(TimePoint now) {
  const auto addresses = socket_.list();
  if (!addresses) return std::unexpected(addresses.error());
  Observation seen;
  for (const KernelAddress& address : *addresses) {
    const bool configured = vips_.contains(address.address);
    const bool ours = is_ours(address, configured);
    if (!ours && !configured) continue;
    ObservedAddress& one = seen.addresses.emplace_back(
        ObservedAddress{{Vip{prefix_of(address)}, address.interface}, ours, std::nullopt});
    if (address.valid_seconds) one.expires = now + std::chrono::seconds(*address.valid_seconds);
  }
  return seen;
}

StepOutcome LoopbackLever::apply(const Step& step) {
  const Address address = address_of(step.key.vip);
  const std::string& interface = step.key.interface;
  switch (step.kind) {
    case Step::Kind::add: {
      const int error = socket_.set(address, interface, seconds_of(step.lease), AddressSocket::Mode::create);
      return error == EEXIST ? Applied::was_there : outcome(step, error);
    }
    case Step::Kind::refresh:
      return outcome(step,
                     socket_.set(address, interface, seconds_of(step.lease), AddressSocket::Mode::replace));
    case Step::Kind::adopt:
      // A label stays what it was, and one that is added beside it would be another address.
      if (mark_ == AddressMark::label && address.family == AF_INET) {
        return std::unexpected(
            fmt::format("{}: Linux before 5.18 cannot mark an IPv4 address that is there; remove it, and "
                        "herald adds its own",
                        to_string(step)));
      }
      return outcome(step,
                     socket_.set(address, interface, seconds_of(step.lease), AddressSocket::Mode::replace));
    case Step::Kind::remove:
      break;
  }
  const int error = socket_.remove(address, interface);
  return outcome(step, error == EADDRNOTAVAIL ? 0 : error);
}

}  // namespace herald

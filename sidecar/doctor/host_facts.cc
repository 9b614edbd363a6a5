#include "sidecar/doctor/host_facts.h"

#include <arpa/inet.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <vector>

#include "sidecar/os/listeners.h"
#include "sidecar/os/netlink.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

constexpr int kMostGroups = 256;
constexpr const char* kFrrGroup = "frrvty";

// BIRD's socket belongs to a group of its packager's choice.
const group* router_group(const RouterSpec& router) {
  if (router.stack == Stack::frr) return ::getgrnam(kFrrGroup);
  struct stat status{};
  if (::stat(router.bird.socket.c_str(), &status) != 0) return nullptr;
  return ::getgrgid(status.st_gid);
}

std::optional<bool> is_member(const passwd* user, gid_t group) {
  if (user == nullptr) return std::nullopt;
  std::vector<gid_t> groups(kMostGroups);
  int count = kMostGroups;
  if (::getgrouplist(user->pw_name, user->pw_gid, groups.data(), &count) < 0) return std::nullopt;
  groups.resize(static_cast<std::size_t>(count));
  return std::ranges::find(groups, group) != groups.end();
}

std::set<std::string> local_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::set<std::string> addresses;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    Address address;
    address.family = each->ifa_addr->sa_family;
    if (address.family == AF_INET) {
      sockaddr_in in{};
      std::memcpy(&in, each->ifa_addr, sizeof in);
      std::memcpy(address.bytes.data(), &in.sin_addr, sizeof in.sin_addr);
    } else if (address.family == AF_INET6) {
      sockaddr_in6 in6{};
      std::memcpy(&in6, each->ifa_addr, sizeof in6);
      std::memcpy(address.bytes.data(), &in6.sin6_addr, sizeof in6.sin6_addr);
    } else {
      continue;
    }
    addresses.insert(to_string(address));
  }
  return addresses;
}

std::map<Vip, std::string> foreign_addresses(const Config& config) {
  std::map<Vip, std::string> foreign;
  auto socket = AddressSocket::open();
  if (!socket) return foreign;
  const auto addresses = socket->list();
  if (!addresses) return foreign;
  for (const ServiceSpec& service : config.services) {
    for (const Vip& vip : service.vips) {
      for (const KernelAddress& one : *addresses) {
        if (one.address == address_of(vip) && !is_marked(one, kernel_address_mark(), true))
          foreign.emplace(vip, one.interface);
      }
    }
  }
  return foreign;
}

std::set<std::string> addresses_of(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::set<std::string> addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    const bool is_known = ::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                                        NI_NUMERICHOST) == 0;
    if (is_known) addresses.insert(text.data());
  }
  return addresses;
}

std::vector<ListenerAddress> targets_of(const ServiceSpec& service) {
  std::vector<ListenerAddress> targets;
  for (const ProbeSpec& probe : service.probes) {
    if (probe.listens == Listens::nothing) continue;
    const auto kind = probe.listens == Listens::tcp ? SocketKind::tcp : SocketKind::udp;
    std::ranges::copy(listeners_of(probe.target, kind), std::back_inserter(targets));
  }
  return targets;
}

std::map<Vip, std::string> refused_vips(const Config& config) {
  std::map<Vip, std::string> refused;
  const auto listeners = Listeners::read();
  if (!listeners) return refused;
  for (const ServiceSpec& service : config.services) {
    const auto targets = targets_of(service);
    for (const Vip& vip : service.vips) {
      const Address address = address_of(vip);
      const auto elsewhere = listeners->only_elsewhere(address, targets);
      if (!elsewhere.empty()) refused.emplace(vip, refusal_text(address, elsewhere.front()));
    }
  }
  return refused;
}

std::set<Vip> all_vips(const Config& config) {
  std::set<Vip> vips;
  for (const ServiceSpec& service : config.services) vips.insert(service.vips.begin(), service.vips.end());
  return vips;
}

}  // namespace

HostFacts read_host_facts(const Config& config) {
  HostFacts facts;
  // Each call of getpwnam() and getgrnam() overwrites what the last one gave.
  const group* found = router_group(config.router);
  const bool has_group = found != nullptr;
  const gid_t group = has_group ? found->gr_gid : 0;
  if (has_group) facts.group = found->gr_name;
  const passwd* user = ::getpwuid(::geteuid());
  facts.user = user != nullptr ? user->pw_name : std::to_string(::geteuid());
  if (has_group && ::geteuid() != 0) facts.user_in_group = is_member(user, group);
  if (has_group) facts.herald_in_group = is_member(::getpwnam("herald"), group);
  const std::set<std::string> addresses = local_addresses();
  for (const ServiceSpec& service : config.services) {
    for (const Vip& vip : service.vips) {
      if (addresses.contains(to_string(address_of(vip)))) facts.present.insert(vip);
    }
  }
  facts.foreign = foreign_addresses(config);
  facts.refused = refused_vips(config);
  if (!facts.refused.empty()) facts.packet_rules = read_packet_rules(all_vips(config));
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& probe : service.probes) {
      const std::string name(host_of_target(probe));
      if (!name.empty() && !facts.names.contains(name)) facts.names[name] = addresses_of(name);
    }
  }
  return facts;
}

}  // namespace herald

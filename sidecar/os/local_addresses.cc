#include "sidecar/os/local_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace herald {
namespace {

std::optional<Address> address_of(const sockaddr* from) {
  if (from == nullptr) return std::nullopt;
  Address address{from->sa_family, {}, 0};
  if (from->sa_family == AF_INET) {
    address.prefix_length = 32;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(from)->sin_addr, 4);
  } else if (from->sa_family == AF_INET6) {
    address.prefix_length = 128;
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr, 16);
  } else {
    return std::nullopt;
  }
  return address;
}

}  // namespace

bool is_loopback(const Address& address) {
  if (address.family == AF_INET) return address.bytes[0] == 127;
  Address one{AF_INET6, {}, 128};
  one.bytes[15] = 1;
  return address == one;
}

std::optional<std::set<Address>> addresses_of_this_machine() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::set<Address> found;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (const auto address = address_of(one->ifa_addr)) found.insert(*address);
  }
  freeifaddrs(list);
  return found;
}

}  // namespace herald

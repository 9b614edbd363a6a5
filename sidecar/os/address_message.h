// One RTM_NEWADDR message of rtnetlink, read. Pure: bytes in, an address out.
//
// It refuses what is no address of IPv4 or IPv6, and trusts no length: an attribute that is shorter or longer than it should
// be is as if it were missing, whoever has sent it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sidecar/os/netlink.h"

struct nlmsghdr;

namespace herald {

inline constexpr std::uint32_t kForeverSeconds = 0xFFFFFFFF;  // INFINITY_LIFE_TIME

struct AddressMessage {
  KernelAddress address;    // its interface is not filled in
  std::uint32_t index = 0;  // of the interface
};

// Whether every message of a datagram ends in it. libmnl takes a length of 2 GiB and more for a negative one, and that for
// short enough; so this comes before it.
[[nodiscard]] bool messages_fit(std::span<const char> datagram);

// `header` begins a whole message, all of whose nlmsg_len bytes are there.
[[nodiscard]] std::optional<AddressMessage> read_address_message(const nlmsghdr* header);

}  // namespace herald

// Where this machine would send a packet to an address, in the words of rtnetlink (RTM_GETROUTE): the question, and the answer read.
// Pure: bytes in, bytes out.
//
// It trusts no length, as address_message.h. That there is no way, the kernel says by an errno value, which is no such answer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>

#include "sidecar/text/address.h"

struct nlmsghdr;

namespace herald {

// A packet as a socket would send it.
struct Packet {
  Address to;
  std::optional<Address> from = std::nullopt;  // none: the kernel chooses
  std::uint32_t interface = 0;                 // the index of what it is bound to, a VRF too; 0: none
  std::uint32_t mark = 0;

  auto operator<=>(const Packet&) const = default;
};

struct Route {
  std::uint32_t interface = 0;  // the index of the one that it leaves by
  std::optional<Address> from;  // the address that it would come from

  bool operator==(const Route&) const = default;
};

// Room for one question, aligned as a message has to be.
struct alignas(std::uint32_t) RouteQuestion {
  std::array<char, 128> bytes{};
};

// The message lies in `question`.
[[nodiscard]] nlmsghdr* ask_route(RouteQuestion& question, const Packet& packet);

// `header` begins a whole message. None where that is no route by which a packet leaves, or arrives on this machine.
[[nodiscard]] std::optional<Route> read_route_message(const nlmsghdr* header);

}  // namespace herald

// Links by name and by number, in the words of rtnetlink. if_nametoindex(3) and if_indextoname(3) open a socket for each answer,
// which is a descriptor that there may be none of; this is for a socket that is open already. Pure: bytes in, bytes out.
//
// It trusts no length, as address_message.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct nlmsghdr;

namespace herald {

struct Link {
  std::uint32_t index = 0;
  std::string name;

  bool operator==(const Link&) const = default;
};

// Room for one question, aligned as a message has to be.
struct alignas(std::uint32_t) LinkQuestion {
  std::array<char, 128> bytes{};
};

// RTM_GETLINK without the statistics. The message lies in `question`. A name that is longer than any link's is cut: there is none
// of that name.
[[nodiscard]] nlmsghdr* ask_link(LinkQuestion& question, std::uint32_t index);
[[nodiscard]] nlmsghdr* ask_link(LinkQuestion& question, std::string_view name);

// `header` begins a whole message. None where that is no RTM_NEWLINK of a link with a name.
[[nodiscard]] std::optional<Link> read_link_message(const nlmsghdr* header);
// Whether what such a message tells of is up and has its carrier (IFF_UP, IFF_RUNNING): whether packets leave by it.
[[nodiscard]] bool is_link_running(const nlmsghdr* header);

}  // namespace herald

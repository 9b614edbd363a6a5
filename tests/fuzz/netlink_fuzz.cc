// Any bytes as a datagram of netlink: it is cut into messages, and each is an address, a link, the end of a listener, or none.
#include <libmnl/libmnl.h>

#include <algorithm>
#include <vector>

#include "sidecar/os/address_message.h"
#include "sidecar/os/link_message.h"
#include "sidecar/os/socket_diag.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  // As aligned as a socket's buffer; of exactly this size, so that a read past the end is seen.
  std::vector<std::uint8_t> bytes(data, data + size);
  if (!messages_fit({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) return 0;
  const auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data());
  for (int left = static_cast<int>(bytes.size()); mnl_nlmsg_ok(header, left);
       header = mnl_nlmsg_next(header, &left)) {
    if (const auto link = read_link_message(header)) {
      fuzz::require(link->index > 0 && !link->name.empty());
      fuzz::require(link->name.find('\0') == std::string::npos);
    }
    if (const auto ended = read_listener_end(header)) fuzz::require(ended->port != 0);
    const auto read = read_address_message(header);
    if (!read) continue;
    fuzz::require(!to_string(read->address.address).empty());
    fuzz::require(read->address.label.find('\0') == std::string::npos);
  }
  return 0;
}

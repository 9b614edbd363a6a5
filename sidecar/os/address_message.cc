#include "sidecar/os/address_message.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace herald {
namespace {

struct Found {
  KernelAddress address;
  bool has_address = false;
  bool has_local = false;
};

std::string_view payload_of(const nlattr* attribute) {
  return {static_cast<const char*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)};
}

bool take_address(std::string_view payload, Found& found) {
  Address& address = found.address.address;
  if (payload.size() != (address.family == AF_INET ? 4U : 16U)) return false;
  std::memcpy(address.bytes.data(), payload.data(), payload.size());
  found.has_address = true;
  return true;
}

void take_attribute(const nlattr* attribute, Found& found) {
  const std::string_view payload = payload_of(attribute);
  switch (mnl_attr_get_type(attribute)) {
    case IFA_LOCAL:  // on a point-to-point link IFA_ADDRESS is the peer's
      found.has_local = take_address(payload, found) || found.has_local;
      break;
    case IFA_ADDRESS:
      if (!found.has_local) take_address(payload, found);
      break;
    case IFA_LABEL:
      found.address.label = payload.substr(0, payload.find('\0'));
      break;
    case IFA_PROTO:
      if (payload.size() == 1) found.address.protocol = static_cast<std::uint8_t>(payload.front());
      break;
    case IFA_CACHEINFO: {
      ifa_cacheinfo info{};
      if (payload.size() < sizeof info) break;
      std::memcpy(&info, payload.data(), sizeof info);
      if (info.ifa_valid != kForeverSeconds) found.address.valid_seconds = info.ifa_valid;
      break;
    }
    default:
      break;
  }
}

// Not by mnl_attr_parse(), which takes what pads the message for a part of it.
void take_attributes(const nlmsghdr* header, Found& found) {
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof(ifaddrmsg)));
  const auto begin = static_cast<std::size_t>(reinterpret_cast<const char*>(attribute) -
                                              reinterpret_cast<const char*>(header));
  std::size_t left = header->nlmsg_len - std::min<std::size_t>(begin, header->nlmsg_len);
  while (left >= sizeof(nlattr) && attribute->nla_len >= sizeof(nlattr) && attribute->nla_len <= left) {
    take_attribute(attribute, found);
    left -= std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
    attribute = mnl_attr_next(attribute);
  }
}

}  // namespace

bool messages_fit(std::span<const char> datagram) {
  while (!datagram.empty()) {
    nlmsghdr header{};
    if (datagram.size() < sizeof header) return false;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) return false;
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return true;
}

std::optional<AddressMessage> read_address_message(const nlmsghdr* header) {
  ifaddrmsg body{};
  if (header->nlmsg_type != RTM_NEWADDR || header->nlmsg_len < mnl_nlmsg_size(sizeof body))
    return std::nullopt;
  std::memcpy(&body, mnl_nlmsg_get_payload(header), sizeof body);
  if (body.ifa_family != AF_INET && body.ifa_family != AF_INET6) return std::nullopt;
  Found found;
  found.address.address.family = body.ifa_family;
  found.address.address.prefix_length = body.ifa_prefixlen;
  take_attributes(header, found);
  if (!found.has_address) return std::nullopt;
  return AddressMessage{std::move(found.address), body.ifa_index};
}

}  // namespace herald

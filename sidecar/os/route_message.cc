#include "sidecar/os/route_message.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace herald {
namespace {

std::size_t route_bytes(const Address& address) {
  return address.family == AF_INET ? 4 : 16;
}

std::uint8_t route_bits(const Address& address) {
  return address.family == AF_INET ? 32 : 128;
}

void take_route_attribute(const nlattr* attribute, int family, Route& route) {
  const std::size_t size = mnl_attr_get_payload_len(attribute);
  const void* const payload = mnl_attr_get_payload(attribute);
  if (mnl_attr_get_type(attribute) == RTA_OIF && size == sizeof route.interface) {
    std::memcpy(&route.interface, payload, sizeof route.interface);
  } else if (mnl_attr_get_type(attribute) == RTA_PREFSRC) {
    Address from{family, {}, 0};
    from.prefix_length = route_bits(from);
    if (size != route_bytes(from)) return;
    std::memcpy(from.bytes.data(), payload, size);
    route.from = from;
  }
}

bool leads_somewhere(std::uint8_t type) {
  return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_ANYCAST ||
         type == RTN_MULTICAST;
}

}  // namespace

nlmsghdr* ask_route(RouteQuestion& question, const Packet& packet) {
  nlmsghdr* header = mnl_nlmsg_put_header(question.bytes.data());
  header->nlmsg_type = RTM_GETROUTE;
  header->nlmsg_flags = NLM_F_REQUEST;
  auto* body = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
  body->rtm_family = static_cast<std::uint8_t>(packet.to.family);
  body->rtm_dst_len = route_bits(packet.to);
  mnl_attr_put(header, RTA_DST, route_bytes(packet.to), packet.to.bytes.data());
  if (packet.from && packet.from->family == packet.to.family) {
    body->rtm_src_len = route_bits(*packet.from);
    mnl_attr_put(header, RTA_SRC, route_bytes(*packet.from), packet.from->bytes.data());
  }
  if (packet.interface != 0) mnl_attr_put_u32(header, RTA_OIF, packet.interface);
  if (packet.mark != 0) mnl_attr_put_u32(header, RTA_MARK, packet.mark);
  return header;
}

std::optional<Route> read_route_message(const nlmsghdr* header) {
  rtmsg body{};
  if (header->nlmsg_type != RTM_NEWROUTE || header->nlmsg_len < mnl_nlmsg_size(sizeof body))
    return std::nullopt;
  std::memcpy(&body, mnl_nlmsg_get_payload(header), sizeof body);
  if ((body.rtm_family != AF_INET && body.rtm_family != AF_INET6) || !leads_somewhere(body.rtm_type))
    return std::nullopt;
  Route route;
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof body));
  std::size_t left = header->nlmsg_len - mnl_nlmsg_size(sizeof body);
  while (left >= sizeof(nlattr) && attribute->nla_len >= sizeof(nlattr) && attribute->nla_len <= left) {
    take_route_attribute(attribute, body.rtm_family, route);
    left -= std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
    attribute = mnl_attr_next(attribute);
  }
  return route.interface == 0 ? std::nullopt : std::optional(route);
}

}  // namespace herald

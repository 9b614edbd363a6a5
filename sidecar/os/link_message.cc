#include "sidecar/os/link_message.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace herald {
namespace {

nlmsghdr* begin_question(LinkQuestion& question, std::uint32_t index) {
  nlmsghdr* header = mnl_nlmsg_put_header(question.bytes.data());
  header->nlmsg_type = RTM_GETLINK;
  header->nlmsg_flags = NLM_F_REQUEST;
  auto* body = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
  body->ifi_family = AF_UNSPEC;
  body->ifi_index = static_cast<int>(index);
  mnl_attr_put_u32(header, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return header;
}

}  // namespace

nlmsghdr* ask_link(LinkQuestion& question, std::uint32_t index) {
  return begin_question(question, index);
}

nlmsghdr* ask_link(LinkQuestion& question, std::string_view name) {
  nlmsghdr* header = begin_question(question, 0);
  const std::string whole(name.substr(0, IFNAMSIZ - 1));
  mnl_attr_put_strz(header, IFLA_IFNAME, whole.c_str());
  return header;
}

std::optional<Link> read_link_message(const nlmsghdr* header) {
  ifinfomsg body{};
  if (header->nlmsg_type != RTM_NEWLINK || header->nlmsg_len < mnl_nlmsg_size(sizeof body))
    return std::nullopt;
  std::memcpy(&body, mnl_nlmsg_get_payload(header), sizeof body);
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, sizeof body));
  std::size_t left = header->nlmsg_len - mnl_nlmsg_size(sizeof body);
  while (left >= sizeof(nlattr) && attribute->nla_len >= sizeof(nlattr) && attribute->nla_len <= left) {
    if (mnl_attr_get_type(attribute) == IFLA_IFNAME) {
      const std::string_view text(static_cast<const char*>(mnl_attr_get_payload(attribute)),
                                  mnl_attr_get_payload_len(attribute));
      Link link{static_cast<std::uint32_t>(body.ifi_index), std::string(text.substr(0, text.find('\0')))};
      return link.name.empty() || body.ifi_index <= 0 ? std::nullopt : std::optional(std::move(link));
    }
    left -= std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
    attribute = mnl_attr_next(attribute);
  }
  return std::nullopt;
}

bool is_link_running(const nlmsghdr* header) {
  ifinfomsg body{};
  if (header->nlmsg_type != RTM_NEWLINK || header->nlmsg_len < mnl_nlmsg_size(sizeof body)) return false;
  std::memcpy(&body, mnl_nlmsg_get_payload(header), sizeof body);
  constexpr unsigned kRunning = IFF_UP | IFF_RUNNING;
  return (body.ifi_flags & kRunning) == kRunning;
}

}  // namespace herald

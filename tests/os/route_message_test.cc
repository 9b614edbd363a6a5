// Questions for routes as the kernel wants them, answers whole and maimed.
#include "sidecar/os/route_message.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>

namespace herald::route_message_test {
namespace {

Address address(const char* text) {
  return *parse_address(text);
}

struct Message {
  explicit Message(std::uint8_t type = RTN_UNICAST, int family = AF_INET) {
    header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = RTM_NEWROUTE;
    auto* body = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    body->rtm_family = static_cast<std::uint8_t>(family);
    body->rtm_type = type;
  }
  Message& by(std::uint32_t interface) {
    mnl_attr_put_u32(header, RTA_OIF, interface);
    return *this;
  }
  Message& from(const char* text) {
    const Address source = address(text);
    mnl_attr_put(header, RTA_PREFSRC, source.family == AF_INET ? 4 : 16, source.bytes.data());
    return *this;
  }

  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* header = nullptr;
};

TEST_CASE("a route has the link that it leaves by, and the address that it comes from") {
  CHECK(read_route_message(Message().by(7).from("10.1.0.4").header) == Route{7, address("10.1.0.4")});
  CHECK(read_route_message(Message(RTN_LOCAL, AF_INET6).by(1).from("fd00::4").header) ==
        Route{1, address("fd00::4")});
  CHECK(read_route_message(Message().by(7).header) == Route{7, std::nullopt});
  CHECK(read_route_message(Message().by(7).from("fd00::4").header) == Route{7, std::nullopt});
}

TEST_CASE("what leads nowhere is none") {
  for (const std::uint8_t type : {RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_THROW})
    CHECK_FALSE(read_route_message(Message(type).by(7).header));
  CHECK_FALSE(read_route_message(Message().header));
  CHECK_FALSE(read_route_message(Message().by(0).header));
  CHECK_FALSE(read_route_message(Message(RTN_UNICAST, AF_UNIX).by(7).header));
  Message other;
  other.by(7).header->nlmsg_type = RTM_NEWADDR;
  CHECK_FALSE(read_route_message(other.header));
}

TEST_CASE("a route's message that is cut short is read no further") {
  Message message;
  message.by(7).from("10.1.0.4");
  const auto whole = message.header->nlmsg_len;
  for (std::uint32_t size = sizeof(nlmsghdr); size < whole; ++size) {
    message.header->nlmsg_len = size;
    const auto route = read_route_message(message.header);
    CHECK((!route || *route == Route{7, std::nullopt}));
  }
}

TEST_CASE("a question has what a socket would have") {
  RouteQuestion question;
  const nlmsghdr* header = ask_route(
      question, {.to = address("10.1.0.9"), .from = address("10.1.0.4"), .interface = 3, .mark = 7});
  CHECK(header->nlmsg_type == RTM_GETROUTE);
  CHECK(header->nlmsg_len == NLMSG_LENGTH(sizeof(rtmsg)) + 4 * 8);
  rtmsg body{};
  std::memcpy(&body, mnl_nlmsg_get_payload(header), sizeof body);
  CHECK((body.rtm_family == AF_INET && body.rtm_dst_len == 32 && body.rtm_src_len == 32));
  RouteQuestion bare;
  CHECK(ask_route(bare, {.to = address("fd00::9")})->nlmsg_len == NLMSG_LENGTH(sizeof(rtmsg)) + 20);
  RouteQuestion mixed;  // an address of the other family is nobody's source
  CHECK(ask_route(mixed, {.to = address("fd00::9"), .from = address("10.1.0.4")})->nlmsg_len ==
        NLMSG_LENGTH(sizeof(rtmsg)) + 20);
}

}  // namespace
}  // namespace herald::route_message_test

// Address messages of rtnetlink, whole and maimed.
#include "sidecar/os/address_message.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <string_view>

namespace herald::address_message_test {
namespace {

constexpr std::array<std::uint8_t, 4> kV4{10, 99, 0, 1};

struct Message {
  explicit Message(std::uint8_t family = AF_INET) {
    header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = RTM_NEWADDR;
    auto* body = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
    body->ifa_family = family;
    body->ifa_prefixlen = 32;
    body->ifa_index = 7;
  }
  Message& put(std::uint16_t type, std::string_view bytes) {
    mnl_attr_put(header, type, bytes.size(), bytes.data());
    return *this;
  }
  Message& put_address(std::uint16_t type) {
    return put(type, {reinterpret_cast<const char*>(kV4.data()), kV4.size()});
  }

  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* header = nullptr;
};

TEST_CASE("an address with all that herald asks of one") {
  Message message;
  message.put_address(IFA_ADDRESS).put(IFA_LABEL, std::string_view("lo:herald\0", 10)).put(IFA_PROTO, "H");
  const auto read = read_address_message(message.header);
  REQUIRE(read);
  CHECK(read->index == 7);
  CHECK(to_string(read->address.address) == "10.99.0.1");
  CHECK(read->address.address.prefix_length == 32);
  CHECK(read->address.label == "lo:herald");
  CHECK(read->address.protocol == kAddressProtocol);
  CHECK_FALSE(read->address.valid_seconds);
}

TEST_CASE("on a point-to-point link the local address counts, in whichever order they come") {
  Message before;
  before.put_address(IFA_LOCAL).put(IFA_ADDRESS, "\x01\x02\x03\x04");
  Message after;
  after.put(IFA_ADDRESS, "\x01\x02\x03\x04").put_address(IFA_LOCAL);
  CHECK(to_string(read_address_message(before.header).value().address.address) == "10.99.0.1");
  CHECK(to_string(read_address_message(after.header).value().address.address) == "10.99.0.1");
}

TEST_CASE("attributes of another length than theirs are as if they were missing") {
  Message message;
  message.put_address(IFA_LOCAL).put(IFA_PROTO, "").put(IFA_CACHEINFO, "short").put(IFA_LABEL, "no end");
  const auto read = read_address_message(message.header);
  REQUIRE(read);
  CHECK(read->address.protocol == 0);
  CHECK_FALSE(read->address.valid_seconds);
  CHECK(read->address.label == "no end");
  Message odd;
  odd.put(IFA_LOCAL, "\x0a\x63").put(IFA_ADDRESS, std::string(17, 'x'));
  CHECK_FALSE(read_address_message(odd.header));
}

TEST_CASE("what pads a message is no part of it") {
  Message message;
  message.put_address(IFA_ADDRESS).put(IFA_PROTO, "HHHH");
  message.header->nlmsg_len -= 3;
  const auto read = read_address_message(message.header);
  REQUIRE(read);
  CHECK(read->address.protocol == 0);
  message.header->nlmsg_len = static_cast<std::uint32_t>(mnl_nlmsg_size(sizeof(ifaddrmsg)) + 1);
  CHECK_FALSE(read_address_message(message.header));
}

TEST_CASE("a datagram whose messages do not end in it") {
  Message message;
  message.put_address(IFA_LOCAL);
  const auto fits = [&](std::size_t size) { return messages_fit({message.buffer.data(), size}); };
  const std::uint32_t whole = message.header->nlmsg_len;
  CHECK(fits(whole));
  CHECK(fits(0));
  CHECK_FALSE(fits(whole - 1));
  CHECK_FALSE(fits(whole + 4));
  CHECK_FALSE(fits(3));
  for (const std::uint32_t length : {0U, 15U, whole + 1, 0x80000000U, 0xFFFFFFFFU}) {
    INFO(length);
    message.header->nlmsg_len = length;
    CHECK_FALSE(fits(whole));
  }
}

TEST_CASE("what is no address") {
  Message message;
  message.put_address(IFA_LOCAL);
  message.header->nlmsg_len = static_cast<std::uint32_t>(mnl_nlmsg_size(sizeof(ifaddrmsg)) - 1);
  CHECK_FALSE(read_address_message(message.header));
  Message deleted;
  deleted.put_address(IFA_LOCAL).header->nlmsg_type = RTM_DELADDR;
  CHECK_FALSE(read_address_message(deleted.header));
  CHECK_FALSE(read_address_message(Message(AF_UNIX).put_address(IFA_LOCAL).header));
  CHECK_FALSE(read_address_message(Message(AF_INET6).put_address(IFA_LOCAL).header));
}

}  // namespace
}  // namespace herald::address_message_test

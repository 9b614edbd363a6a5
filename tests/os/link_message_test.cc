// Messages about links: questions as the kernel wants them, answers whole and maimed.
#include "sidecar/os/link_message.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>

namespace herald::link_message_test {
namespace {

struct Message {
  explicit Message(int index = 7) {
    header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = RTM_NEWLINK;
    auto* body = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
    body->ifi_index = index;
  }
  Message& name(std::string_view bytes) {
    mnl_attr_put(header, IFLA_IFNAME, bytes.size(), bytes.data());
    return *this;
  }

  alignas(nlmsghdr) std::array<char, 512> buffer{};
  nlmsghdr* header = nullptr;
};

TEST_CASE("a link has a number and a name") {
  Message message;
  mnl_attr_put_u32(message.header, IFLA_MTU, 1500);
  message.name(std::string_view("eth0\0", 5));
  CHECK(read_link_message(message.header) == Link{7, "eth0"});
  CHECK(read_link_message(Message(7).name("eth0").header) == Link{7, "eth0"});  // without its end
}

TEST_CASE("what is no link is none") {
  CHECK_FALSE(read_link_message(Message(7).header));
  CHECK_FALSE(read_link_message(Message(7).name("").header));
  CHECK_FALSE(read_link_message(Message(0).name("eth0").header));
  CHECK_FALSE(read_link_message(Message(-1).name("eth0").header));
  Message other;
  other.name("eth0").header->nlmsg_type = RTM_NEWADDR;
  CHECK_FALSE(read_link_message(other.header));
}

TEST_CASE("a link runs while it is up and has its carrier") {
  const auto runs = [](unsigned flags) {
    Message message;
    static_cast<ifinfomsg*>(mnl_nlmsg_get_payload(message.header))->ifi_flags = flags;
    return is_link_running(message.name("eth0").header);
  };
  CHECK(runs(IFF_UP | IFF_RUNNING | IFF_BROADCAST));
  CHECK_FALSE(runs(IFF_UP));
  CHECK_FALSE(runs(IFF_RUNNING));
  Message other;
  other.header->nlmsg_type = RTM_NEWADDR;
  CHECK_FALSE(is_link_running(other.header));
  Message cut;
  cut.header->nlmsg_len = sizeof(nlmsghdr) + 4;
  CHECK_FALSE(is_link_running(cut.header));
}

TEST_CASE("a message that is cut short is read no further") {
  Message message;
  message.name(std::string_view("eth0\0", 5));
  const auto whole = message.header->nlmsg_len;
  for (std::uint32_t size = sizeof(nlmsghdr); size < whole; ++size) {
    message.header->nlmsg_len = size;
    const auto link = read_link_message(message.header);
    CHECK((!link || link->name == "eth0"));  // the padding alone is missing
  }
}

TEST_CASE("a link is asked for by number or by name") {
  LinkQuestion by_number;
  const nlmsghdr* header = ask_link(by_number, 7U);
  CHECK(static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(header))->ifi_index == 7);
  CHECK(header->nlmsg_flags == NLM_F_REQUEST);
  LinkQuestion by_name;
  CHECK(ask_link(by_name, "eth0")->nlmsg_len > header->nlmsg_len);
  // It fits, however long.
  LinkQuestion by_long_name;
  CHECK(ask_link(by_long_name, std::string(10'000, 'x'))->nlmsg_len <= sizeof by_long_name.bytes);
}

}  // namespace
}  // namespace herald::link_message_test

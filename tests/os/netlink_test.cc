// rtnetlink when it does not go smoothly: answers that nobody waits for any more, dumps that changes interrupt,
// notifications that the kernel dropped.
#include "sidecar/os/netlink.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "sidecar/core/types.h"
#include "tests/os/no_descriptors.h"
#include "tests/os/own_namespace.h"

namespace herald::netlink_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMany = 600;  // more than one datagram of a dump

Address vip(std::size_t index) {
  return address_of(Vip{"10.98." + std::to_string(index / 250) + "." + std::to_string(index % 250) + "/32"});
}

// A request whose answer is left in the socket, as after a timeout.
void ask_and_forget(const AddressSocket& socket, std::uint16_t type, int flags) {
  struct {
    nlmsghdr header;
    ifaddrmsg body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.header.nlmsg_seq = 4711;
  REQUIRE(send(socket.fd(), &request, sizeof request, 0) == sizeof request);
}

struct Bench {
  Bench() {
    enter_new_namespace();
    auto opened = AddressSocket::open();
    REQUIRE(opened);
    socket.emplace(std::move(*opened));
  }

  void add(std::size_t count) {
    for (std::size_t index = 0; index < count; ++index)
      REQUIRE(socket->set(vip(index), "lo", std::nullopt, AddressSocket::Mode::create) == 0);
  }

  // Of ours; -1 when they could not be listed.
  int listed() {
    const auto addresses = socket->list();
    if (!addresses) return -1;
    return static_cast<int>(std::ranges::count(*addresses, kAddressProtocol, &KernelAddress::protocol));
  }

  std::optional<AddressSocket> socket;
};

TEST_CASE_METHOD(Bench, "an answer to an earlier request is skipped") {
  add(1);
  ask_and_forget(*socket, NLMSG_NOOP, NLM_F_ACK);
  CHECK(listed() == 1);
  ask_and_forget(*socket, NLMSG_NOOP, NLM_F_ACK);
  CHECK(socket->remove(vip(0), "lo") == 0);
  CHECK(listed() == 0);
}

TEST_CASE_METHOD(Bench, "a dump that was left unread does not stand in the way of the next") {
  add(kMany);
  ask_and_forget(*socket, RTM_GETADDR, NLM_F_DUMP);
  CHECK(listed() == kMany);
  CHECK(listed() == kMany);
}

TEST_CASE_METHOD(Bench, "a dump that changes interrupt is begun again, and is whole") {
  add(kMany);
  std::atomic<bool> over = false;
  std::thread changes([&over] {  // inherits the namespace
    auto other = AddressSocket::open();
    while (other && !over) {
      static_cast<void>(other->set(vip(kMany), "lo", std::nullopt, AddressSocket::Mode::create));
      std::this_thread::sleep_for(500us);
      static_cast<void>(other->remove(vip(kMany), "lo"));
      std::this_thread::sleep_for(500us);
    }
  });
  int failed = 0;
  int incomplete = 0;
  for (int round = 0; round < 200; ++round) {
    const int count = listed();
    if (count < 0) ++failed;
    if (count >= 0 && count < static_cast<int>(kMany)) ++incomplete;
  }
  over = true;
  changes.join();
  CHECK(incomplete == 0);
  CHECK(failed < 20);  // several interruptions in a row, by chance
  CHECK(listed() == kMany);
}

// What the kernel would send from, toward `to`.
Address source_toward(const char* to) {
  const Fd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(9);
  REQUIRE(inet_pton(AF_INET6, to, &name.sin6_addr) == 1);
  REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  socklen_t size = sizeof name;
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  Address source{.family = AF_INET6};
  source.prefix_length = 128;
  std::memcpy(source.bytes.data(), &name.sin6_addr, sizeof name.sin6_addr);
  return source;
}

TEST_CASE_METHOD(Bench, "nothing leaves from an IPv6 VIP by itself, with a lease or without one") {
  const Address node = address_of(Vip{"fd00:1::4/128"});
  const Address vip6 = address_of(Vip{"fd00:99::1/128"});
  // The node's own is as anybody's: preferred. "lo" has no route but its addresses', so that one is the target, too.
  REQUIRE(std::system("ip -6 addr add fd00:1::4/128 dev lo nodad && ip -6 route add default dev lo") == 0);
  for (const std::optional<std::uint32_t> lease :
       {std::optional<std::uint32_t>(30), std::optional<std::uint32_t>()}) {
    REQUIRE(socket->set(vip6, "lo", lease, AddressSocket::Mode::create) == 0);
    CHECK(source_toward("fd00:99::2") == node);  // the VIP has the longer prefix in common
    REQUIRE(socket->set(vip6, "lo", lease, AddressSocket::Mode::replace) == 0);
    CHECK(source_toward("fd00:99::2") == node);
    REQUIRE(socket->remove(vip6, "lo") == 0);
  }
}

TEST_CASE_METHOD(Bench, "without a descriptor addresses are listed, added, refreshed and removed") {
  add(2);
  const auto seconds = [&](std::size_t index) -> std::optional<std::uint32_t> {
    const auto addresses = socket->list();
    REQUIRE(addresses);
    const auto found = std::ranges::find(*addresses, vip(index), &KernelAddress::address);
    if (found == addresses->end()) return std::nullopt;
    CHECK(found->interface == "lo");
    return found->valid_seconds.value_or(0);
  };
  const fixture::NoDescriptors none(fixture::NoDescriptors::Of::all);
  CHECK(seconds(0) == 0);
  CHECK(socket->set(vip(0), "lo", 100, AddressSocket::Mode::replace) == 0);
  CHECK(seconds(0).value_or(0) >= 99);
  CHECK(socket->set(vip(2), "lo", std::nullopt, AddressSocket::Mode::create) == 0);
  CHECK(seconds(2) == 0);
  CHECK(socket->remove(vip(1), "lo") == 0);
  CHECK(seconds(1) == std::nullopt);
}

TEST_CASE_METHOD(Bench, "without a descriptor a dump that was left unread does not stand in the way either") {
  add(kMany);
  const fixture::NoDescriptors none(fixture::NoDescriptors::Of::all);
  ask_and_forget(*socket, RTM_GETADDR, NLM_F_DUMP);
  CHECK(listed() == kMany);
  CHECK(listed() == kMany);
}

TEST_CASE_METHOD(Bench,
                 "nothing is put on an interface that is not there, and nothing is left to be removed") {
  CHECK(socket->set(vip(0), "nowhere", std::nullopt, AddressSocket::Mode::create) == ENODEV);
  CHECK(socket->remove(vip(0), "nowhere") == 0);
}

TEST_CASE_METHOD(Bench, "notifications that the kernel dropped count as a change") {
  auto monitor = AddressMonitor::open();
  REQUIRE(monitor);
  const int tiny = 1;
  REQUIRE(setsockopt(monitor->fd(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny) == 0);
  add(100);
  CHECK(monitor->drain());  // the first recv() says ENOBUFS
  CHECK_FALSE(monitor->drain());
  CHECK(socket->remove(vip(0), "lo") == 0);
  CHECK(monitor->drain());
}

}  // namespace
}  // namespace herald::netlink_test

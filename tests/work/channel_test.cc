#include "sidecar/work/channel.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>

#include "tests/os/run_until.h"
#include "tests/work/packets.h"

namespace channel_test {

using namespace herald;
using namespace herald::work;
using namespace std::chrono_literals;

namespace {

// A channel, and the other end of its socket.
struct Bench {
  Bench() {
    std::array<int, 2> pair{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0);
    other = Fd(pair[1]);
    channel = std::make_unique<Channel>(
        loop, Fd(pair[0]),
        [this](std::string_view packet) {
          packets.emplace_back(packet);
          if (on_packet) on_packet();
        },
        [this](const std::string& why) {
          ends.push_back(why);
          if (on_end) on_end();
        });
  }

  void send(std::string_view bytes) const { REQUIRE(write_all(other, bytes)); }
  std::string receive() const { return receive_bytes(other); }

  Loop loop;
  Fd other;
  std::vector<std::string> packets;
  std::vector<std::string> ends;
  std::function<void()> on_packet;
  std::function<void()> on_end;
  std::unique_ptr<Channel> channel;
};

}  // namespace

TEST_CASE_METHOD(Bench, "channel: packets come as they were sent, however the bytes are cut") {
  const std::string bytes = framed("one") + framed("") + framed(std::string("t\0o", 3));
  for (const char byte : bytes) {
    send({&byte, 1});
    run_for(loop, 1ms);
  }
  REQUIRE(run_until(loop, [&] { return packets.size() == 3; }));
  send(bytes);
  REQUIRE(run_until(loop, [&] { return packets.size() == 6; }));
  const std::vector<std::string> three{"one", "", std::string("t\0o", 3)};
  CHECK(std::vector(packets.begin(), packets.begin() + 3) == three);
  CHECK(std::vector(packets.begin() + 3, packets.end()) == three);
  CHECK(ends.empty());
}

TEST_CASE_METHOD(Bench, "channel: what is said in a turn is one packet, sent at its end") {
  channel->next() += "one";
  channel->next() += "two";
  CHECK(receive().empty());
  run_for(loop, 1ms);
  CHECK(receive() == framed("onetwo"));
  channel->next() += "now";
  channel->flush();
  CHECK(receive() == framed("now"));
  run_for(loop, 1ms);
  CHECK(receive().empty());  // nothing to say is no packet
}

TEST_CASE_METHOD(Bench, "channel: the longest packet passes, whatever the socket takes at once") {
  const std::string longest(Channel::kLongestPacket, 'x');
  channel->next() = longest;
  std::string received;
  REQUIRE(run_until(loop, [&] { return (received += receive()).size() == longest.size() + 4; }, 60s));
  CHECK(received == framed(longest));
  channel->next() += "after";
  run_for(loop, 1ms);
  CHECK(receive() == framed("after"));
  CHECK(ends.empty());
}

TEST_CASE_METHOD(Bench, "channel: a length that is too long ends it, and one that is just not does not") {
  const auto length = static_cast<std::uint32_t>(Channel::kLongestPacket);
  std::array<char, 4> head{};
  SECTION("too long") {
    const std::uint32_t more = length + 1;
    std::memcpy(head.data(), &more, 4);
    send(framed("before") + std::string(head.data(), 4));
    REQUIRE(run_until(loop, [&] { return !ends.empty(); }));
    CHECK(packets == std::vector<std::string>{"before"});
    CHECK(ends == std::vector<std::string>{"a packet that is too long"});
    run_for(loop, 5ms);
    CHECK(ends.size() == 1);
  }
  SECTION("the longest") {
    std::memcpy(head.data(), &length, 4);
    send({head.data(), 4});
    run_for(loop, 5ms);
    CHECK(ends.empty());
  }
}

TEST_CASE_METHOD(Bench, "channel: the end of the peer is told once, after what it has said last") {
  send(framed("last") + framed("cut").substr(0, 5));
  other.reset();
  REQUIRE(run_until(loop, [&] { return !ends.empty(); }));
  CHECK(packets == std::vector<std::string>{"last"});
  CHECK(ends == std::vector<std::string>{"it is gone"});
  channel->next() += "to nobody";
  channel->flush();
  run_for(loop, 5ms);
  CHECK(ends.size() == 1);
}

TEST_CASE_METHOD(Bench, "channel: who is gone is heard before it is found that nothing can be sent") {
  send(framed("last"));
  other.reset();
  channel->next() += "to nobody";
  channel->flush();
  REQUIRE(run_until(loop, [&] { return !ends.empty(); }));
  CHECK(packets == std::vector<std::string>{"last"});
  CHECK(ends.size() == 1);
}

TEST_CASE_METHOD(Bench, "channel: a peer that takes nothing is given up when too much is unsent") {
  std::size_t packets_sent = 0;
  for (; ends.empty() && packets_sent < 100; ++packets_sent) {
    channel->next().assign(1U << 20U, 'x');
    run_for(loop, 1ms);
  }
  REQUIRE(ends == std::vector<std::string>{"it takes nothing of what it is sent"});
  const std::size_t most = Channel::kMostUnsent >> 20U;
  CHECK(packets_sent >= most);
  CHECK(packets_sent <= most + 3);  // one that the socket holds, one over the limit
}

TEST_CASE_METHOD(Bench, "channel: a peer that is always a little late gets all of it, for ever") {
  std::size_t sent = 0;
  std::size_t received = receive().size();
  for (int round = 0; round < 60; ++round) {  // 60 MB through a channel that never has nothing unsent
    channel->next().assign(1U << 20U, 'x');
    sent += channel->next().size() + 4;
    channel->flush();
    for (int turn = 0; turn < 100 && sent - received > (3U << 19U); ++turn) {
      received += receive().size();
      run_for(loop, 1ms);
    }
  }
  REQUIRE(run_until(loop, [&] { return (received += receive().size()) == sent; }));
  CHECK(ends.empty());
}

TEST_CASE_METHOD(Bench, "channel: either callback may destroy it") {
  SECTION("at a packet, with another behind it") {
    on_packet = [&] { channel.reset(); };
    send(framed("one") + framed("two"));
    REQUIRE(run_until(loop, [&] { return channel == nullptr; }));
    run_for(loop, 5ms);
    CHECK(packets == std::vector<std::string>{"one"});
    CHECK(ends.empty());
    CHECK(recv(other.get(), nullptr, 0, MSG_PEEK) == 0);  // its socket is closed
  }
  SECTION("at the end of the peer") {
    on_end = [&] { channel.reset(); };
    other.reset();
    REQUIRE(run_until(loop, [&] { return channel == nullptr; }));
    CHECK(ends.size() == 1);
  }
  SECTION("at a packet that is too long") {
    on_end = [&] { channel.reset(); };
    send("\xff\xff\xff\xff");
    REQUIRE(run_until(loop, [&] { return channel == nullptr; }));
    CHECK(ends.size() == 1);
  }
  SECTION("at what it cannot send") {
    on_end = [&] { channel.reset(); };
    REQUIRE(shutdown(other.get(), SHUT_RD) == 0);
    channel->next() += "to nobody";
    REQUIRE(run_until(loop, [&] { return channel == nullptr; }));
    CHECK(ends == std::vector<std::string>{"send: Broken pipe"});
  }
}

TEST_CASE("channel: what cannot be watched is over, which the loop tells") {
  Loop loop;
  std::string told;
  Channel channel(
      loop, Fd(), [](std::string_view) {},
      [&](const std::string& why) {
        told = why;
        loop.exit(0);
      });
  CHECK(told.empty());
  loop.run();
  CHECK(told.starts_with("watch a socket: "));
}

}  // namespace channel_test

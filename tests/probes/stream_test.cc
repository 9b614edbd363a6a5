// Without TLS; with it, tls_test.cc.
#include "probes/stream.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <utility>

namespace stream_test {

using namespace herald;
using namespace herald::probes;
using Io = Stream::Io;

namespace {

std::pair<Fd, Fd> connected_pair() {
  std::array<int, 2> fds{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

}  // namespace

TEST_CASE("stream: bytes come and go, and it says what it waits for") {
  auto [ours, theirs] = connected_pair();
  Stream stream(std::move(ours));
  std::array<char, 16> buffer;
  std::size_t count = 7;
  CHECK(stream.read(buffer, count) == Io::wants_read);
  CHECK(count == 0);
  REQUIRE(send(theirs.get(), "hello", 5, 0) == 5);
  CHECK(stream.read(buffer, count) == Io::done);
  CHECK(std::string(buffer.data(), count) == "hello");
  CHECK(stream.write("answer", count) == Io::done);
  CHECK(count == 6);
  CHECK(recv(theirs.get(), buffer.data(), buffer.size(), 0) == 6);
  CHECK_FALSE(stream.certificate_end());
}

TEST_CASE("stream: a peer that does not read is waited for") {
  auto [ours, theirs] = connected_pair();
  Stream stream(std::move(ours));
  const std::string much(1 << 20, 'x');
  std::size_t count = 0;
  Io io = Io::done;
  for (int i = 0; i < 100 && io == Io::done; ++i) io = stream.write(much, count);
  CHECK(io == Io::wants_write);
}

TEST_CASE("stream: an orderly end is no failure, and a broken connection is one with a reason") {
  auto [ours, theirs] = connected_pair();
  Stream stream(std::move(ours));
  std::array<char, 16> buffer;
  std::size_t count = 0;
  theirs.reset();
  CHECK(stream.read(buffer, count) == Io::closed);
  CHECK(stream.write("x", count) == Io::failed);
  CHECK(stream.failure().verdict == Verdict::fail);
  CHECK(stream.failure().reason == Reason::reset);
}

}  // namespace stream_test

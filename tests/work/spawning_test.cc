#include "sidecar/work/spawning.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>

#include "tests/os/children.h"
#include "tests/os/no_descriptors.h"

namespace spawning_test {

using namespace herald;
using namespace herald::work;

namespace {

Fd page_of(const Page& page) {
  Fd fd(memfd_create("page", MFD_CLOEXEC));
  REQUIRE(pwrite(fd.get(), &page, sizeof page, 0) == sizeof page);
  return fd;
}

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    heraldd = Fd(ends[0]);
    spawner = Fd(ends[1]);
  }
  // What is no SpawnAnswer of ours, with those descriptors beside it.
  void send_raw(const void* data, std::size_t size, const std::vector<int>& fds) const {
    iovec part{const_cast<void*>(data), size};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(head), fds.data(), fds.size() * sizeof(int));
    }
    REQUIRE(sendmsg(spawner.get(), &message, 0) == static_cast<ssize_t>(size));
  }

  Fd heraldd;
  Fd spawner;
};

constexpr SpawnAnswer kSpawned{SpawnAnswerKind::spawned, 3, 1234, 0, 0};

Nothing nothing_of(std::expected<ReceivedAnswer, Nothing> received) {
  REQUIRE_FALSE(received);
  return received.error();
}

}  // namespace

TEST_CASE_METHOD(Pair, "spawning: a request is received as it was sent") {
  CHECK(receive_request(spawner).error() == Nothing::yet);
  REQUIRE(send_request(heraldd, {SpawnKind::spawn, 7}));
  REQUIRE(send_request(heraldd, {SpawnKind::kill, 8}));
  const auto first = receive_request(spawner);
  REQUIRE(first);
  CHECK(first->kind == SpawnKind::spawn);
  CHECK(first->slot == 7);
  CHECK(receive_request(spawner)->kind == SpawnKind::kill);
  heraldd.reset();
  CHECK(receive_request(spawner).error() == Nothing::more);
  CHECK_FALSE(send_answer(spawner, kSpawned, {}, {}));
}

TEST_CASE_METHOD(Pair, "spawning: what has not the size of a request is none") {
  SECTION("shorter") {
    REQUIRE(::send(heraldd.get(), "abc", 3, 0) == 3);
  }
  SECTION("longer") {
    const std::string longer(sizeof(SpawnRequest) + 1, '\1');
    REQUIRE(::send(heraldd.get(), longer.data(), longer.size(), 0) == static_cast<ssize_t>(longer.size()));
  }
  CHECK(receive_request(spawner).error() == Nothing::more);
}

TEST_CASE_METHOD(Pair, "spawning: a send that would have to wait fails") {
  int sent = 0;
  while (sent < 100'000 && send_request(heraldd, {SpawnKind::kill, 0})) ++sent;
  CHECK(sent > 0);
  CHECK(sent < 100'000);
}

TEST_CASE_METHOD(Pair, "spawning: an answer brings the worker's socket and its page") {
  const Fd page = page_of({77, 1});
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const Fd to_worker(ends[0]);
  const Fd worker(ends[1]);
  REQUIRE(send_answer(spawner, kSpawned, to_worker, page));
  const auto received = receive_answer(heraldd);
  REQUIRE(received);
  CHECK(received->answer.kind == SpawnAnswerKind::spawned);
  CHECK(received->answer.slot == 3);
  CHECK(received->answer.pid == 1234);
  CHECK((fcntl(received->socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(received->page.get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(write_all(received->socket, "x"));
  char byte = 0;
  REQUIRE(read(worker.get(), &byte, 1) == 1);
  CHECK(byte == 'x');
  const auto read_back = read_page(received->page);
  REQUIRE(read_back);
  CHECK(read_back->run == 77);
  CHECK(read_back->cost == 1);
}

TEST_CASE_METHOD(Pair, "spawning: an answer without descriptors is one where none is due") {
  REQUIRE(send_answer(spawner, {SpawnAnswerKind::ended, 2, 5, 1, 9}, {}, {}));
  const auto received = receive_answer(heraldd);
  REQUIRE(received);
  CHECK(received->answer.kind == SpawnAnswerKind::ended);
  CHECK(received->answer.signalled == 1);
  CHECK(received->answer.status == 9);
  CHECK_FALSE(received->socket);
  CHECK_FALSE(received->page);
  CHECK(nothing_of(receive_answer(heraldd)) == Nothing::yet);
  spawner.reset();
  CHECK(nothing_of(receive_answer(heraldd)) == Nothing::more);
}

TEST_CASE_METHOD(Pair, "spawning: an answer that is none is refused, and what came with it is closed") {
  const Fd page = page_of({});
  const Fd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::size_t before = open_descriptors();
  const int one = page.get();
  SECTION("no descriptors at all") {
    send_raw(&kSpawned, sizeof kSpawned, {});
  }
  SECTION("one") {
    send_raw(&kSpawned, sizeof kSpawned, {one});
  }
  SECTION("more than two") {
    send_raw(&kSpawned, sizeof kSpawned, {one, one, one, one, one});
  }
  SECTION("shorter than one") {
    send_raw(&kSpawned, sizeof kSpawned - 1, {one, one});
  }
  SECTION("a page that is no memory, and may make who reads it wait") {
    send_raw(&kSpawned, sizeof kSpawned, {one, directory.get()});
  }
  CHECK(nothing_of(receive_answer(heraldd)) == Nothing::more);
  CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(
    Pair, "spawning: a worker for whose descriptors there is no room has failed, and its spawner goes on") {
  const Fd page = page_of({});
  const std::size_t before = open_descriptors();
  send_raw(&kSpawned, sizeof kSpawned, {page.get(), page.get()});
  {
    const fixture::NoDescriptors none;
    const auto received = receive_answer(heraldd);
    REQUIRE(received);
    CHECK(received->answer.kind == SpawnAnswerKind::failed);
    CHECK(received->answer.slot == kSpawned.slot);
    CHECK(received->answer.status == EMFILE);
    CHECK_FALSE(received->socket);
  }
  CHECK(open_descriptors() == before);
  CHECK(nothing_of(receive_answer(heraldd)) == Nothing::yet);
}

TEST_CASE_METHOD(Pair, "spawning: descriptors that nobody asked for are closed with the answer") {
  const Fd page = page_of({});
  const std::size_t before = open_descriptors();
  const SpawnAnswer answer{SpawnAnswerKind::ended, 2, 5, 1, 9};
  send_raw(&answer, sizeof answer, {page.get(), page.get()});
  CHECK(receive_answer(heraldd).has_value());
  CHECK(open_descriptors() == before);
}

TEST_CASE("spawning: a page that its owner has cut short is none") {
  const Fd page = page_of({5, 0});
  CHECK(read_page(page)->run == 5);
  REQUIRE(ftruncate(page.get(), sizeof(Page) - 1) == 0);
  CHECK_FALSE(read_page(page));
  CHECK_FALSE(read_page(Fd()));
}

}  // namespace spawning_test

#include "sidecar/os/loop.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <vector>

#include "sidecar/os/fd.h"

namespace loop_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
  void put(char c) const { REQUIRE(write(in.get(), &c, 1) == 1); }
  [[nodiscard]] char get() const {
    char c = 0;
    return read(out.get(), &c, 1) == 1 ? c : '-';
  }
  Fd out;
  Fd in;
};

}  // namespace

TEST_CASE("a timer fires once, not before its time, and may be armed again") {
  Loop loop;
  const TimePoint start = Loop::clock();
  std::vector<TimePoint> fired;
  Source timer;
  timer = loop.timer_at(start + 5ms, [&] {
    fired.push_back(loop.now());
    if (fired.size() == 2) return loop.exit(7);
    timer.set_time(loop.now() + 5ms);
  });
  CHECK(loop.run() == 7);
  REQUIRE(fired.size() == 2);
  CHECK(fired[0] >= start + 5ms);
  CHECK(fired[1] >= fired[0] + 5ms);
}

TEST_CASE("a timer's time is kept to the millisecond, not to sd-event's default") {
  Loop loop;
  Source timer;
  int fired = 0;
  timer = loop.timer_at(Loop::clock(), [&] {
    if (++fired == 20) return loop.exit(0);
    timer.set_time(loop.now() + 2ms);
  });
  const TimePoint start = Loop::clock();
  loop.run();
  const Duration took = Loop::clock() - start;
  CHECK(took >= 38ms);
  // 20 times 250 ms would be 5 s; a busy machine may need a while.
  CHECK(took < 2s);
}

TEST_CASE("a timer made without a time waits for one, and disarm takes it back") {
  Loop loop;
  bool fired = false;
  Source quiet = loop.timer([&] { fired = true; });
  Source disarmed = loop.timer_at(Loop::clock(), [&] { fired = true; });
  disarmed.disarm();
  const Source end = loop.timer_at(Loop::clock() + 5ms, [&] { loop.exit(0); });
  loop.run();
  CHECK_FALSE(fired);
}

TEST_CASE("a source may be destroyed inside its own callback, and what it captured lives until it is back") {
  Loop loop;
  const Pipe pipe;
  pipe.put('x');
  int calls = 0;
  Source io;
  io = loop.watch_io(pipe.out.get(), EPOLLIN, [&, text = std::string(100, 'a')](std::uint32_t events) {
    CHECK((events & EPOLLIN) != 0);
    io.reset();
    ++calls;
    CHECK(text == std::string(100, 'a'));
  });
  Source timer;
  timer = loop.timer_at(Loop::clock(), [&, text = std::string(100, 'b')] {
    timer.reset();
    CHECK(text == std::string(100, 'b'));
  });
  const Source end = loop.timer_at(Loop::clock() + 5ms, [&] { loop.exit(0); });
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a callback may destroy another source that is ready too") {
  Loop loop;
  const Pipe first;
  const Pipe second;
  first.put('x');
  second.put('x');
  int calls = 0;
  std::array<Source, 2> sources;
  for (std::size_t i = 0; i < 2; ++i) {
    const int fd = i == 0 ? first.out.get() : second.out.get();
    sources[i] = loop.watch_io(fd, EPOLLIN, [&, i](std::uint32_t) {
      ++calls;
      sources[1 - i].reset();
      sources[i].reset();
    });
  }
  const Source end = loop.timer_at(Loop::clock() + 5ms, [&] { loop.exit(0); });
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("what an I/O source waits for can be changed") {
  Loop loop;
  const Pipe pipe;
  std::vector<std::uint32_t> seen;
  Source io;
  io = loop.watch_io(pipe.in.get(), 0, [&](std::uint32_t events) {
    seen.push_back(events);
    loop.exit(0);
  });
  const Source later = loop.timer_at(Loop::clock() + 2ms, [&] { io.set_io_events(EPOLLOUT); });
  loop.run();
  CHECK(seen == std::vector<std::uint32_t>{EPOLLOUT});
}

TEST_CASE("post runs as run() begins, and once after everything that was ready") {
  Loop loop;
  std::string order;
  std::array<Pipe, 3> pipes;
  std::vector<Source> sources;
  for (const auto& pipe : pipes) {
    pipe.put('i');
    sources.push_back(loop.watch_io(pipe.out.get(), EPOLLIN, [&](std::uint32_t) { order += pipe.get(); }));
  }
  const Source post = loop.post([&] {
    order += 'p';
    if (order.size() > 1) loop.exit(0);
  });
  loop.run();
  CHECK(order == "piiip");
}

TEST_CASE("a source that is always ready does not keep post from running") {
  Loop loop;
  const Pipe pipe;
  pipe.put('x');
  int busy = 0;
  int posts = 0;
  const Source io = loop.watch_io(pipe.out.get(), EPOLLIN, [&](std::uint32_t) { ++busy; });
  const Source post = loop.post([&] {
    if (++posts == 3) loop.exit(0);
  });
  loop.run();
  CHECK(posts == 3);
  CHECK(busy <= 3 * 64);
}

TEST_CASE("a post may destroy itself and others") {
  Loop loop;
  std::string order;
  Source first;
  Source second;
  first = loop.post([&] {
    order += '1';
    second.reset();
    first.reset();
  });
  second = loop.post([&] { order += '2'; });
  const Source start = loop.timer_at(Loop::clock(), [] {});
  const Source end = loop.timer_at(Loop::clock() + 3ms, [&] { loop.exit(0); });
  loop.run();
  CHECK(order == "1");
}

TEST_CASE("signals arrive in the loop") {
  Loop loop;
  int got = 0;
  const Source usr = loop.watch_signal(SIGUSR1, [&](int signal) {
    got = signal;
    loop.exit(0);
  });
  const Source raise = loop.timer_at(Loop::clock(), [] { kill(getpid(), SIGUSR1); });
  loop.run();
  CHECK(got == SIGUSR1);
}

TEST_CASE("a child's end is reported while it is a zombie, and it is reaped afterwards") {
  Loop loop;
  const pid_t pid = fork();
  if (pid == 0) _exit(3);
  int code = 0;
  int status = 0;
  const Source child = loop.watch_child(pid, [&](int its_code, int its_status) {
    code = its_code;
    status = its_status;
    CHECK(kill(pid, 0) == 0);
    loop.exit(0);
  });
  REQUIRE(child);
  loop.run();
  CHECK(code == CLD_EXITED);
  CHECK(status == 3);
  CHECK(kill(pid, 0) == -1);
}

TEST_CASE("a child that nobody waits for any more is reaped all the same") {
  Loop loop;
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  Source child = loop.watch_child(pid, [](int, int) { FAIL("called back after its source was destroyed"); });
  child.reset();
  REQUIRE(kill(pid, SIGKILL) == 0);
  Source poll;
  poll = loop.timer_at(Loop::clock(), [&] {
    if (kill(pid, 0) != 0) return loop.exit(0);
    poll.set_time(loop.now() + 2ms);
  });
  loop.run();
  CHECK(waitpid(pid, nullptr, WNOHANG) == -1);
}

TEST_CASE("a child's source may be destroyed inside its callback") {
  Loop loop;
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  Source child;
  child = loop.watch_child(pid, [&](int, int) {
    child.reset();
    loop.exit(0);
  });
  loop.run();
  CHECK(kill(pid, 0) == -1);
}

TEST_CASE("a descriptor that cannot be watched gives an empty source") {
  Loop loop;
  const Source io = loop.watch_io(12345, EPOLLIN, [](std::uint32_t) {});
  CHECK(errno == EBADF);
  CHECK_FALSE(io);
}

}  // namespace loop_test

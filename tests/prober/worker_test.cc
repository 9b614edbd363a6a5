// A worker in the test's own process, and its orders and reports at the other end of its socket.
#include "sidecar/prober/worker.h"

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <ctime>
#include <filesystem>
#include <optional>

#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"
#include "tests/work/packets.h"

namespace worker_test {

using namespace herald;
using namespace herald::prober;
using namespace std::chrono_literals;

namespace {

constexpr ProbeId kProbe{3};

Duration cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Accepts, by the kernel alone, and never says a word.
struct SilentTarget {
  SilentTarget() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening.get(), 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  [[nodiscard]] ProbeSpec probe(const std::string& more = "") const {
    ProbeSpec spec;
    spec.name = "port";
    spec.type = "tcp";
    spec.settings = R"({"address": "127.0.0.1:)" + std::to_string(port) + "\"" + more + "}";
    return spec;
  }
  [[nodiscard]] ProbeSpec waiting_probe() const { return probe(R"(, "expect": "hello")"); }

  Fd listening{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
};

ProbeSpec exec(const std::string& command) {
  ProbeSpec spec;
  spec.name = "script";
  spec.type = "exec";
  spec.settings = R"({"command": [")" + command + R"("]})";
  return spec;
}

struct Bench {
  Bench() {
    REQUIRE(ftruncate(page.get(), sizeof(work::Page)) == 0);
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    heraldd = Fd(ends[0]);
    cost.emplace(loop, page.get());
    worker.emplace(loop, Fd(ends[1]), *cost);
  }

  void order(const std::vector<work::Order>& orders) const {
    work::send_packet(heraldd, work::packet_of(orders));
  }
  template <typename Report>
  std::vector<Report> reported() {
    reports.take(heraldd);
    return reports.of<Report>();
  }
  template <typename Report>
  std::vector<Report> wait_for(std::size_t count) {
    REQUIRE(run_until(loop, [&] { return reported<Report>().size() >= count; }));
    return reported<Report>();
  }

  SilentTarget target;
  Fd page{memfd_create("page", MFD_CLOEXEC)};
  Fd heraldd;
  work::Received<work::Report> reports;
  Loop loop;
  std::optional<Cost> cost;
  std::optional<Worker> worker;
};

}  // namespace

TEST_CASE_METHOD(Bench, "worker: it says hello first, with its namespace and version") {
  const auto hello = wait_for<work::Hello>(1);
  CHECK(std::holds_alternative<work::Hello>(reports.all().front()));
  CHECK(hello[0].version == HERALD_VERSION);
  CHECK(std::filesystem::read_symlink("/proc/self/ns/net").native() ==
        "net:[" + std::to_string(hello[0].network_namespace) + "]");
}

TEST_CASE_METHOD(Bench, "worker: an attempt that ends is told of, with the time that it was run") {
  const TimePoint before = Loop::clock();
  order({work::Put{kProbe, target.probe()}, work::Start{kProbe, RunId{7}}, work::Start{kProbe, RunId{8}}});
  const auto finished = wait_for<work::Finished>(2);
  for (const work::Finished& one : finished) {
    CHECK(one.result.verdict == Verdict::pass);
    CHECK(one.ran.began >= before);
    CHECK(one.ran.ended >= one.ran.began);
    CHECK(one.ran.ended <= Loop::clock());
  }
  CHECK(finished[0].run != finished[1].run);
}

TEST_CASE_METHOD(
    Bench, "worker: a cancelled attempt is told of by what it was waiting for, and its target is let go") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 150ms);
  const Fd connection(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  REQUIRE(connection);
  order({work::Cancel{RunId{7}}, work::Cancel{RunId{7}}, work::Cancel{RunId{99}}});
  const auto cancelled = wait_for<work::Cancelled>(1);
  CHECK(cancelled[0].run == RunId{7});
  CHECK(cancelled[0].stage == "waiting for the answer (accepted, no answer)");
  CHECK(cancelled[0].ran.ended - cancelled[0].ran.began >= 100ms);
  char byte = 0;
  CHECK(recv(connection.get(), &byte, 1, MSG_DONTWAIT) == 0);
  run_for(loop, 20ms);
  CHECK(reported<work::Cancelled>().size() == 1);  // the others are over, or never were
  CHECK(reported<work::Finished>().empty());
}

TEST_CASE_METHOD(Bench, "worker: a connection is kept once an attempt has passed, and its end is told") {
  order({work::Hold{ProbeId{77}, true}, work::Put{kProbe, target.probe()}, work::Hold{kProbe, true}});
  run_for(loop, 20ms);
  CHECK(reported<work::Held>().empty());
  order({work::Start{kProbe, RunId{7}}});
  CHECK(wait_for<work::Held>(1)[0].change == work::HeldChange::begun);
  const Fd attempt(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Fd kept(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(kept);
  kept.reset();
  const auto ended = wait_for<work::Held>(2);
  CHECK(ended[1].probe == kProbe);
  CHECK(ended[1].change == work::HeldChange::ended);
}

TEST_CASE_METHOD(Bench, "worker: a probe that is put anew keeps no connection any more") {
  order({work::Put{kProbe, target.probe()}, work::Hold{kProbe, true}, work::Start{kProbe, RunId{7}}});
  wait_for<work::Held>(1);
  const Fd attempt(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const Fd kept(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  order({work::Put{kProbe, target.probe()}, work::Start{kProbe, RunId{8}}});
  wait_for<work::Finished>(2);
  char byte = 0;
  CHECK(recv(kept.get(), &byte, 1, 0) == 0);
  run_for(loop, 20ms);
  CHECK(reported<work::Held>().size() == 1);
}

TEST_CASE_METHOD(Bench, "worker: whether a probe can be made is told, and nothing is kept of it") {
  ProbeSpec tls;
  tls.name = "tls";
  tls.type = "http";
  tls.settings = R"({"url": "https://127.0.0.1/", "tls": {"ca_file": "/nonexistent/ca.pem"}})";
  order({work::Try{1, target.probe()}, work::Try{2, tls}});
  const auto tried = wait_for<work::Tried>(2);
  CHECK(tried[0].ticket == 1);
  CHECK_FALSE(tried[0].problem);
  CHECK(tried[1].ticket == 2);
  REQUIRE(tried[1].problem);
  CHECK(tried[1].problem->find("/nonexistent/ca.pem") != std::string::npos);
}

TEST_CASE_METHOD(Bench, "worker: what its loop was not there for is stalled, and no more than that") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 50ms);
  // Whoever blocks the loop: another attempt, or the machine.
  const Source block = loop.timer_at(Loop::clock(), [&] {
    usleep(1'000'000);
    order({work::Start{kProbe, RunId{8}}});  // it is begun in this turn, and was not there for the stall
  });
  run_for(loop, 1500ms);
  order({work::Cancel{RunId{7}}, work::Cancel{RunId{8}}});
  const auto cancelled = wait_for<work::Cancelled>(2);
  const Ran& first = cancelled[0].ran;
  const Ran& second = cancelled[1].ran;
  CHECK(first.stalled >= 800ms);
  CHECK(first.stalled <= first.ended - first.began);
  CHECK(second.ended - second.began >= 200ms);
  CHECK(second.stalled <= (second.ended - second.began) / 2);
}

TEST_CASE_METHOD(Bench, "worker: an attempt that is told of in the turn of the stall has it, too") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 50ms);
  const Source block = loop.timer_at(Loop::clock(), [&] {
    usleep(500'000);
    order({work::Cancel{RunId{7}}});
  });
  CHECK(wait_for<work::Cancelled>(1)[0].ran.stalled >= 400ms);
}

TEST_CASE_METHOD(Bench, "worker: time without an attempt is nobody's") {
  run_for(loop, 5ms);
  usleep(300'000);
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 300ms);
  order({work::Cancel{RunId{7}}});
  CHECK(wait_for<work::Cancelled>(1)[0].ran.stalled < 250ms);
}

TEST_CASE_METHOD(Bench, "worker: what is in flight of a probe that is put anew ends untold") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 50ms);
  const Fd connection(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  REQUIRE(connection);
  order({work::Put{kProbe, target.probe()}, work::Cancel{RunId{7}}, work::Start{kProbe, RunId{8}}});
  const auto finished = wait_for<work::Finished>(1);
  CHECK(finished[0].run == RunId{8});
  char byte = 0;
  CHECK(recv(connection.get(), &byte, 1, MSG_DONTWAIT) == 0);
  CHECK(reported<work::Cancelled>().empty());
}

TEST_CASE_METHOD(Bench, "worker: a probe whose file is missing is made once the file is there") {
  const TemporaryDirectory directory;
  const auto script = directory.path() / "check";
  order({work::Put{kProbe, exec(script)}, work::Start{kProbe, RunId{7}}});
  const auto finished = wait_for<work::Finished>(1);
  CHECK(finished[0].result.verdict == Verdict::inconclusive);
  CHECK(finished[0].result.reason == Reason::local);
  std::filesystem::copy_file("/bin/true", script);
  order({work::Start{kProbe, RunId{8}}});
  CHECK(wait_for<work::Finished>(2)[1].result.verdict == Verdict::pass);
}

TEST_CASE_METHOD(Bench, "worker: an attempt that costs too much CPU time fails for that, and no other does") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}},
         work::Start{kProbe, RunId{8}}});
  run_for(loop, 20ms);
  // In pieces that each come back: what the library of a protocol does with one answer after the other.
  int pieces = 0;
  Source piece;
  {
    const Loop::Account on_account(loop, 7);
    piece = loop.timer_at(Loop::clock(), [&] {
      for (const Duration end = cpu_time() + 40ms; cpu_time() < end;) continue;
      if (++pieces < 10) piece.set_time(Loop::clock() + 1ms);
    });
  }
  const auto finished = wait_for<work::Finished>(1);
  CHECK(finished[0].run == RunId{7});
  CHECK(finished[0].result.verdict == Verdict::fail);
  CHECK(finished[0].result.reason == Reason::cost);
  CHECK(finished[0].result.detail ==
        "its answer takes more than 100 ms of CPU time (waiting for the answer)");
  run_for(loop, 50ms);
  CHECK(reported<work::Finished>().size() == 1);
  order({work::Cancel{RunId{8}}});
  wait_for<work::Cancelled>(1);
}

TEST_CASE_METHOD(Bench,
                 "worker: what an attempt has cost in one call counts, though the call gave a result") {
  order({work::Put{kProbe, target.waiting_probe()}, work::Start{kProbe, RunId{7}}});
  run_for(loop, 50ms);
  const Fd connection(accept4(target.listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(connection);
  {
    const Loop::Account on_account(loop, 7);
    for (const Duration end = cpu_time() + 70ms; cpu_time() < end;) continue;
  }
  {
    const Loop::Account on_account(loop, 7);  // in two, so that it does not end this process
    for (const Duration end = cpu_time() + 70ms; cpu_time() < end;) continue;
  }
  REQUIRE(write_all(connection, "hello"));
  const auto finished = wait_for<work::Finished>(1);
  CHECK(finished[0].result.verdict == Verdict::fail);
  CHECK(finished[0].result.reason == Reason::cost);
}

TEST_CASE_METHOD(Bench, "worker: whose attempt runs stands on its page while it does, and then nobody's") {
  order({work::Put{kProbe, target.probe()}, work::Start{kProbe, RunId{7}}});
  wait_for<work::Finished>(1);
  const auto left = work::read_page(page);
  REQUIRE(left);
  CHECK(left->run == 0);
  CHECK(left->cost == 0);
}

TEST_CASE_METHOD(Bench, "worker: it ends with heraldd's end, and at what heraldd would not say") {
  int code = 1;
  SECTION("the end") {
    heraldd.reset();
    code = 0;
  }
  SECTION("junk") {
    work::send_packet(heraldd, "\x7f");
  }
  SECTION("a probe that was never put") {
    order({work::Start{kProbe, RunId{7}}});
  }
  const Source limit = loop.timer_at(Loop::clock() + 20s, [&] { loop.exit(99); });
  CHECK(loop.run() == code);
}

TEST_CASE_METHOD(Bench, "worker: thousands of results in a turn are no packet that is too long") {
  // Each has a text as long as may be: a file's path in it.
  const std::string long_path = "/nonexistent" + std::string(4200, 'x');
  std::vector<work::Order> orders{work::Put{kProbe, exec(long_path)}};
  for (std::uint64_t run = 1; run <= 3000; ++run) orders.emplace_back(work::Start{kProbe, RunId{run}});
  order(orders);
  const auto finished = wait_for<work::Finished>(3000);
  CHECK(finished.size() == 3000);
  CHECK(finished[0].result.detail.size() <= 4096);
}

}  // namespace worker_test

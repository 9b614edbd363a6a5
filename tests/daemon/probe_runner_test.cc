// Against a spawner of the test's own, whose workers say what the test wants, and against the real one.
#include "sidecar/daemon/probe_runner.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"
#include "tests/work/packets.h"

using namespace herald;

namespace {

constexpr ProbeId kProbe{3};

ProbeSpec tcp(std::uint16_t port) {
  ProbeSpec spec;
  spec.name = "port";
  spec.type = "tcp";
  spec.settings = R"({"address": "127.0.0.1:)" + std::to_string(port) + R"("})";
  return spec;
}

struct Heard {
  std::vector<event::ProbeFinished> finished;
  std::vector<event::ProbeStage> cancelled;
  std::vector<std::string> notices;

  ProbeRunner::Told told() {
    return {.finished = [this](const event::ProbeFinished& one) { finished.push_back(one); },
            .cancelled = [this](const event::ProbeStage& one) { cancelled.push_back(one); },
            .notice = [this](bool, const std::string& text) { notices.push_back(text); }};
  }
  [[nodiscard]] bool has_notice(std::string_view part) const {
    return std::ranges::any_of(notices, [&](const auto& one) { return one.find(part) != std::string::npos; });
  }
};

// A worker as the test plays it: what it was ordered, and what it says.
struct FakeWorker {
  Fd socket;
  Fd page;
  work::Received<work::Order> orders;

  void say(const std::vector<work::Report>& words) const {
    work::send_packet(socket, work::packet_of(words));
  }
  void is_at(RunId run, bool costs = false) const {
    const work::Page now{static_cast<std::uint64_t>(run), costs ? 1U : 0U};
    REQUIRE(pwrite(page.get(), &now, sizeof now, 0) == sizeof now);
  }
  template <typename Order>
  [[nodiscard]] std::vector<Order> ordered() {
    orders.take(socket);
    return orders.of<Order>();
  }
};

class FakeSpawner {
 public:
  FakeSpawner(Loop& loop, const std::filesystem::path& path)
      : loop_(loop), listening_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    REQUIRE(bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening_.get(), 4) == 0);
    listener_ = loop.watch_io(listening_.get(), EPOLLIN, [this](auto) {
      connection_ = Fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      source_ = loop_.watch_io(connection_.get(), EPOLLIN, [this](auto) { obey(); });
    });
  }

  void hang_up() {
    source_.reset();
    connection_.reset();
  }

  std::map<std::uint32_t, FakeWorker> workers;  // by slot
  std::vector<std::uint32_t> spawned;
  std::vector<std::uint32_t> installed;
  std::vector<std::uint32_t> killed;
  bool is_silent = false;  // it takes requests and answers none

 private:
  void obey() {
    const auto request = work::receive_request(connection_);
    if (!request) return hang_up();
    if (request->kind == work::SpawnKind::kill) return killed.push_back(request->slot);
    if (request->kind == work::SpawnKind::spawn_installed) installed.push_back(request->slot);
    spawned.push_back(request->slot);
    if (is_silent) return;
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const Fd theirs(ends[0]);
    FakeWorker& worker = workers[request->slot] =
        FakeWorker{Fd(ends[1]), Fd(memfd_create("page", MFD_CLOEXEC)), {}};
    worker.is_at(RunId{0});
    REQUIRE(work::send_answer(connection_, {work::SpawnAnswerKind::spawned, request->slot, 1, 0, 0}, theirs,
                              worker.page));
  }

  Loop& loop_;
  Fd listening_;
  Fd connection_;
  Source listener_;
  Source source_;
};

struct Bench {
  Bench() {
    REQUIRE(run_until(loop, [&] { return spawner.workers.size() == 2; }));
    runner.put(kProbe, "web/front", tcp(9));
    loop_once();
  }

  void loop_once() { run_for(loop, 5ms); }
  // The worker that was ordered to start it.
  FakeWorker& worker_of(RunId run) {
    FakeWorker* found = nullptr;
    REQUIRE(run_until(loop, [&] {
      for (auto& [slot, worker] : spawner.workers) {
        for (const work::Start& start : worker.ordered<work::Start>()) {
          if (start.run == run) found = &worker;
        }
      }
      return found != nullptr;
    }));
    return *found;
  }
  // It is gone, as the kernel tells it.
  void end(FakeWorker& worker) {
    const auto slot =
        std::ranges::find_if(spawner.workers, [&](auto& one) { return &one.second == &worker; })->first;
    spawner.workers.erase(slot);
  }

  TemporaryDirectory directory;
  Heard heard;
  Loop loop;
  FakeSpawner spawner{loop, directory.path() / "spawner"};
  ProbeRunner runner{loop, {.link = {.socket = directory.path() / "spawner"}, .processes = 2}, heard.told()};
};

const ProbeResult kPass{Verdict::pass, Reason::none, "connected", 1ms};
const Ran kRan{TimePoint{1s}, TimePoint{2s}, 3ms};

}  // namespace

TEST_CASE_METHOD(Bench,
                 "probe runner: an attempt is ordered once its probe is known, and its result is told once") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  REQUIRE(worker.orders.all().size() == 2);
  CHECK(std::get<work::Put>(worker.orders.all()[0]).spec.settings == tcp(9).settings);
  CHECK(heard.finished.empty());
  worker.say({work::Finished{RunId{7}, kPass, kRan}, work::Finished{RunId{7}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
  loop_once();
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].run == RunId{7});
  CHECK(heard.finished[0].result == kPass);
  CHECK(heard.finished[0].ran == kRan);
  runner.start(kProbe, RunId{8});
  CHECK(worker_of(RunId{8}).ordered<work::Put>().size() == 1);
}

TEST_CASE_METHOD(Bench, "probe runner: a cancelled attempt is told of by the word of its worker") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  runner.cancel(RunId{7});
  REQUIRE(run_until(loop, [&] { return worker.ordered<work::Cancel>().size() == 1; }));
  SECTION("what it was waiting for") {
    worker.say({work::Cancelled{RunId{7}, "connecting\x1b[2J", kRan}});
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.cancelled[0].run == RunId{7});
    CHECK(heard.cancelled[0].stage == "connecting\\x1b[2J");
    CHECK(heard.cancelled[0].ran == kRan);
  }
  SECTION("it had just ended") {
    worker.say({work::Finished{RunId{7}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}});
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].run == RunId{7});
    CHECK(heard.finished[0].ran == kRan);
  }
  runner.cancel(RunId{99});  // which is over, or never was
  loop_once();
  CHECK(heard.cancelled.size() + heard.finished.size() == 1);  // told once
}

TEST_CASE_METHOD(Bench, "probe runner: of runs that are not its own a worker may say what it likes") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  FakeWorker& other = &worker == &spawner.workers[0] ? spawner.workers[1] : spawner.workers[0];
  other.say(
      {work::Finished{RunId{7}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}, work::Tried{1, "no"}});
  worker.say({work::Finished{RunId{8}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}});
  loop_once();
  loop_once();
  CHECK(heard.finished.empty());
  CHECK(heard.cancelled.empty());
}

TEST_CASE_METHOD(Bench, "probe runner: a worker that says what is no message is ended, and another comes") {
  work::send_packet(spawner.workers[0].socket, "\x7f");
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }));
  CHECK(spawner.killed == std::vector<std::uint32_t>{0});
  CHECK(spawner.spawned.back() == 0);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker of another network namespace is not used") {
  spawner.workers[0].say({work::Hello{1, HERALD_VERSION}});
  spawner.workers[1].say({work::Hello{1, HERALD_VERSION}});
  REQUIRE(run_until(loop, [&] { return heard.has_notice("another network namespace"); }));
  loop_once();
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker of another version is replaced by one that is installed") {
  spawner.workers[0].say({work::Hello{0, "0.0.9"}});
  spawner.workers[1].say({work::Hello{0, "0.0.9"}});
  REQUIRE(run_until(loop, [&] { return spawner.installed.size() == 2; }));
  loop_once();
  spawner.workers[0].say({work::Hello{0, HERALD_VERSION}});
  spawner.workers[1].say({work::Hello{0, HERALD_VERSION}});
  runner.start(kProbe, RunId{7});
  worker_of(RunId{7}).say({work::Finished{RunId{7}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result == kPass);
  CHECK(heard.notices.empty());
  CHECK(spawner.killed == std::vector<std::uint32_t>{0, 1});
  // Another spawner is asked for its own again.
  spawner.hang_up();
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 6; }));
  CHECK(spawner.installed.size() == 2);
}

TEST_CASE_METHOD(Bench, "probe runner: where what is installed is of another version, too, it is said") {
  for (const std::size_t installed : {0U, 2U}) {
    REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == installed + 2; }));
    loop_once();
    for (auto& [slot, worker] : spawner.workers) worker.say({work::Hello{0, "9.0"}});
  }
  REQUIRE(run_until(loop, [&] { return heard.has_notice("it is of version 9.0, and heraldd is of "); }));
  loop_once();
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a check goes on with a worker of heraldd's version") {
  std::optional<std::vector<std::string>> problems;
  Config config;
  config.services.emplace_back().probes = {tcp(9)};
  runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  spawner.workers[0].say({work::Hello{0, "0.0.9"}});
  spawner.workers[1].say({work::Hello{0, "0.0.9"}});
  REQUIRE(run_until(loop, [&] { return spawner.installed.size() == 2; }));
  loop_once();
  CHECK(!problems);
  const auto tries = [&] {
    std::vector<work::Try> all;
    for (auto& [slot, worker] : spawner.workers) {
      for (const work::Try& one : worker.ordered<work::Try>()) all.push_back(one);
    }
    return all;
  };
  REQUIRE(run_until(loop, [&] { return tries().size() == 1; }));
  const std::uint64_t ticket = tries()[0].ticket;
  for (auto& [slot, worker] : spawner.workers)
    worker.say({work::Hello{0, HERALD_VERSION}, work::Tried{ticket, "no such file"}});
  REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
  REQUIRE(problems->size() == 1);
  CHECK(problems->front().ends_with("no such file"));
}

TEST_CASE_METHOD(
    Bench, "probe runner: what a worker was at when it ended gets the blame, and all else begins again") {
  runner.put(ProbeId{5}, "dns/query", tcp(10));
  runner.start(kProbe, RunId{7});
  runner.start(ProbeId{5}, RunId{8});  // in the same slot
  FakeWorker& worker = worker_of(RunId{8});
  REQUIRE(&worker == &worker_of(RunId{7}));
  SECTION("it crashed") {
    worker.is_at(RunId{7});
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
    CHECK(heard.finished[0].result.detail == "its worker ended while it was at this attempt");
    CHECK(heard.has_notice("web/front: it ended its worker"));
  }
  SECTION("it cost too much") {
    worker.is_at(RunId{7}, true);
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].result.verdict == Verdict::fail);
    CHECK(heard.finished[0].result.reason == Reason::cost);
    CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
  }
  CHECK(heard.finished[0].run == RunId{7});
  FakeWorker& next = worker_of(RunId{8});
  next.say({work::Finished{RunId{8}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 2; }));
  CHECK(heard.finished[1].result == kPass);

  // The one that is to blame runs apart, in the last slot, once there is a worker there.
  REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  loop_once();
  runner.start(kProbe, RunId{9});
  CHECK(&worker_of(RunId{9}) == &spawner.workers[2]);
  runner.start(ProbeId{5}, RunId{10});
  CHECK(&worker_of(RunId{10}) != &spawner.workers[2]);
}

TEST_CASE_METHOD(Bench, "probe runner: whose target costs too much runs apart from then on") {
  runner.start(kProbe, RunId{7});
  const ProbeResult cost{Verdict::fail, Reason::cost, "too much", 1s};
  worker_of(RunId{7}).say({work::Finished{RunId{7}, cost, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result == cost);
  CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
  REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  loop_once();
  runner.start(kProbe, RunId{8});
  CHECK(&worker_of(RunId{8}) == &spawner.workers[2]);
}

TEST_CASE_METHOD(Bench, "probe runner: what has been begun twice and lost is inconclusive") {
  runner.start(kProbe, RunId{7});
  end(worker_of(RunId{7}));
  FakeWorker& again = worker_of(RunId{7});
  end(again);
  REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
  CHECK(heard.finished[0].run == RunId{7});
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker that leaves a cancellation unanswered is ended") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  worker.is_at(RunId{7});
  runner.cancel(RunId{7});
  const TimePoint before = Loop::clock();
  REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
  CHECK(Loop::clock() - before >= 1s);
  CHECK(heard.cancelled[0].ran == Ran{});  // which is no time at all
  CHECK(spawner.killed.size() == 1);
  CHECK(heard.has_notice("web/front: it ended its worker"));
}

TEST_CASE_METHOD(Bench, "probe runner: what a worker was at beyond its deadline gets the blame, too") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  worker.is_at(RunId{7}, true);
  runner.cancel(RunId{7});
  SECTION("the probe is the same") {
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
    REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  }
  SECTION("it is another by now") {
    runner.put(kProbe, "web/front", tcp(11));
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.notices.empty());
  }
}

TEST_CASE_METHOD(Bench, "probe runner: what is in flight of a probe that is another now ends untold") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  runner.put(kProbe, "web/front", tcp(11));
  REQUIRE(run_until(loop, [&] { return worker.ordered<work::Put>().size() == 2; }));
  CHECK(worker.ordered<work::Put>()[1].spec.settings == tcp(11).settings);
  worker.say({work::Finished{RunId{7}, kPass, kRan}});
  loop_once();
  CHECK(heard.finished.empty());
}

TEST_CASE_METHOD(Bench, "probe runner: what a worker was to try when it ended is tried elsewhere, once") {
  Config config;
  config.services.emplace_back().name = "web";
  config.services.back().probes = {tcp(9), tcp(10)};
  std::optional<std::vector<std::string>> problems;
  runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  const auto trier = [&]() -> FakeWorker& {
    FakeWorker* found = nullptr;
    REQUIRE(run_until(loop, [&] {
      for (auto& [slot, worker] : spawner.workers) {
        if (!worker.ordered<work::Try>().empty()) found = &worker;
      }
      return found != nullptr;
    }));
    return *found;
  };
  FakeWorker& first = trier();
  first.say({work::Tried{first.ordered<work::Try>()[0].ticket, "no such file"}});
  loop_once();
  end(first);
  FakeWorker& second = trier();
  const auto asked = second.ordered<work::Try>();
  REQUIRE(asked.size() == 1);  // what was tried already is not tried again
  SECTION("and made") {
    second.say({work::Tried{asked[0].ticket, std::nullopt}});
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    CHECK(*problems == std::vector<std::string>{"probe web/port: no such file"});
  }
  SECTION("and ends that one, too") {
    end(second);
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    REQUIRE(problems->size() == 2);
    CHECK(problems->back().starts_with("the probes cannot be tried: "));
  }
}

TEST_CASE_METHOD(Bench,
                 "probe runner: without a spawner every attempt is inconclusive at once, and it comes back") {
  spawner.hang_up();
  REQUIRE(run_until(loop, [&] { return heard.has_notice("is gone"); }));
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 4; }));
  loop_once();
  runner.start(kProbe, RunId{8});
  worker_of(RunId{8});
}

TEST_CASE_METHOD(Bench, "probe runner: a slot that waits long does not keep another waiting") {
  end(spawner.workers[0]);
  loop_once();
  spawner.workers[1].say({work::Hello{1, HERALD_VERSION}});  // of another namespace: the next one in 5 s
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }, 3s));
  CHECK(spawner.spawned.back() == 0);
}

TEST_CASE_METHOD(Bench, "probe runner: a spawner that is silent is given up, and another asked") {
  spawner.is_silent = true;
  end(spawner.workers[0]);
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }));
  spawner.is_silent = false;
  REQUIRE(run_until(loop, [&] { return heard.has_notice("is silent"); }));
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 5; }));
  loop_once();
  runner.start(kProbe, RunId{7});
  worker_of(RunId{7});
}

namespace {

// heraldd's own child, and its workers.
struct Real {
  Real() {
    REQUIRE(listening);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening.get(), 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }

  std::vector<std::string> check(const Config& config) {
    std::optional<std::vector<std::string>> problems;
    runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
      problems = std::move(found);
      if (!untried.empty()) problems->push_back(untried);
    });
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    return *problems;
  }
  static std::vector<pid_t> children_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    std::vector<pid_t> children;
    for (pid_t child = 0; file >> child;) children.push_back(child);
    return children;
  }
  std::vector<pid_t> workers() {
    std::vector<pid_t> all;
    for (const pid_t spawner : children_of(getpid())) {
      for (const pid_t worker : children_of(spawner)) all.push_back(worker);
    }
    return all;
  }

  Fd listening{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
  Heard heard;
  Loop loop;
  ProbeRunner runner{
      loop, {.link = {.program = HERALD_BUILT_PROBER, .user = "root"}, .processes = 2}, heard.told()};
};

Config with(std::vector<ProbeSpec> probes) {
  Config config;
  config.services.emplace_back().name = "web";
  config.services.back().probes = std::move(probes);
  return config;
}

}  // namespace

TEST_CASE_METHOD(Real, "workers: they say what cannot be made, by the probe's name") {
  ProbeSpec tls;
  tls.name = "tls";
  tls.type = "http";
  tls.settings = R"({"url": "https://127.0.0.1/", "tls": {"ca_file": "/nonexistent/ca.pem"}})";
  const auto problems = check(with({tls, tcp(port)}));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with("probe web/tls: "));
  CHECK(problems[0].find("/nonexistent/ca.pem") != std::string::npos);
  CHECK(check(with({})).empty());
}

TEST_CASE_METHOD(Real, "workers: an attempt passes, fails, and is cancelled, with the time that it had") {
  REQUIRE(check(with({tcp(port)})).empty());
  runner.put(kProbe, "web/port", tcp(port));
  ProbeSpec silent = tcp(port);
  silent.settings = R"({"address": "127.0.0.1:)" + std::to_string(port) + R"(", "expect": "hello"})";
  runner.put(ProbeId{4}, "web/silent", silent);
  const TimePoint before = Loop::clock();
  runner.start(kProbe, RunId{7});
  runner.start(ProbeId{4}, RunId{8});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result.verdict == Verdict::pass);
  CHECK(heard.finished[0].ran.began >= before);
  CHECK(heard.finished[0].ran.ended <= Loop::clock());
  run_for(loop, 300ms);
  runner.cancel(RunId{8});
  REQUIRE(run_until(loop, [&] { return heard.cancelled.size() == 1; }));
  CHECK(heard.cancelled[0].stage == "waiting for the answer");
  CHECK(heard.cancelled[0].ran.ended - heard.cancelled[0].ran.began >= 300ms);
  listening.reset();
  runner.start(kProbe, RunId{9});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 2; }));
  CHECK(heard.finished[1].result.reason == Reason::refused);
}

TEST_CASE_METHOD(Real,
                 "workers: one that is killed is followed by another, and the attempt goes on elsewhere") {
  REQUIRE(check(with({tcp(port)})).empty());
  runner.put(kProbe, "web/port", tcp(port));
  REQUIRE(run_until(loop, [&] { return workers().size() == 2; }));
  for (const pid_t worker : workers()) kill(worker, SIGSTOP);  // so that it is in flight when they die
  runner.start(kProbe, RunId{7});
  run_for(loop, 20ms);
  const auto before = workers();
  REQUIRE(before.size() == 2);
  kill(before[0], SIGKILL);
  kill(before[1], SIGCONT);
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result.verdict == Verdict::pass);
  REQUIRE(run_until(loop, [&] { return workers().size() == 2 && workers() != before; }));
}

TEST_CASE("workers: without the program, and with a user that is not there, it is said") {
  Loop loop;
  Heard heard;
  std::optional<std::vector<std::string>> problems;
  work::LinkOptions link;
  SECTION("the program") {
    link = {.program = "/nonexistent/herald-prober"};
  }
  SECTION("the user") {
    if (geteuid() != 0) return;
    link = {.program = HERALD_BUILT_PROBER, .user = "no-such-user"};
  }
  ProbeRunner runner(loop, {.link = link, .processes = 1}, heard.told());
  runner.check(with({tcp(9)}), [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
  REQUIRE(problems->size() == 1);
  CHECK(problems->front().starts_with("the probes cannot be tried: "));
}

TEST_CASE("workers: of the spawner's version, and of what is installed where that is asked for") {
  TemporaryDirectory directory;
  const auto program = directory.path() / "herald-prober";
  std::filesystem::copy_file(HERALD_BUILT_PROBER, program);
  Loop loop;
  std::map<std::uint32_t, int> ended;  // by slot: what it exited with
  std::set<std::uint32_t> spawned;
  std::vector<Fd> sockets;  // a worker ends with its own
  const auto link = work::Link::open(
      loop, {.program = program, .user = "root"},
      [&](work::ReceivedAnswer received) {
        const work::SpawnAnswer& answer = received.answer;
        if (answer.kind == work::SpawnAnswerKind::spawned) spawned.insert(answer.slot);
        if (answer.kind == work::SpawnAnswerKind::ended && answer.signalled == 0)
          ended[answer.slot] = answer.status;
        sockets.push_back(std::move(received.socket));
      },
      [](const std::string&) {});
  REQUIRE(link);
  REQUIRE((*link)->spawn(0));
  REQUIRE(run_until(loop, [&] { return spawned.contains(0); }));
  std::filesystem::remove(program);
  std::ofstream(program) << "#!/bin/sh\nexit 7\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  REQUIRE((*link)->spawn(1, work::SpawnKind::spawn_installed));
  REQUIRE((*link)->spawn(2));
  REQUIRE(run_until(loop, [&] { return spawned.contains(2) && ended.contains(1); }));
  CHECK(ended == std::map<std::uint32_t, int>{{1, 7}});
}

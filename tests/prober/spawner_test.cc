// In the test's own process, with workers as they are built.
#include "sidecar/prober/spawner.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "sidecar/work/message.h"
#include "tests/os/children.h"
#include "tests/os/no_descriptors.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace spawner_test {

using namespace herald;
using namespace herald::prober;
using namespace std::chrono_literals;
using work::SpawnAnswerKind;
using work::SpawnKind;

namespace {

bool is_hung_up(const Fd& socket) {
  char byte = 0;
  return recv(socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

struct Bench {
  explicit Bench(std::string program = HERALD_BUILT_PROBER) : spawner(loop, std::move(program)) {}

  void listen() {
    path = directory.path() / "spawner";
    Fd listening(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listening.get(), 64) == 0);
    spawner.listen(std::move(listening));
  }
  [[nodiscard]] Fd connect() const {
    Fd client(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return client;
  }
  work::ReceivedAnswer answer(const Fd& client) {
    std::optional<work::ReceivedAnswer> answer;
    REQUIRE(run_until(loop, [&] {
      if (auto received = work::receive_answer(client)) answer = std::move(*received);
      return answer.has_value();
    }));
    return std::move(*answer);
  }
  work::ReceivedAnswer spawn(const Fd& client, std::uint32_t slot) {
    REQUIRE(work::send_request(client, {SpawnKind::spawn, slot}));
    auto spawned = answer(client);
    REQUIRE(spawned.answer.kind == SpawnAnswerKind::spawned);
    CHECK(spawned.answer.slot == slot);
    return spawned;
  }

  Reaper reaper;  // goes last
  TemporaryDirectory directory;
  std::filesystem::path path;
  Loop loop;
  Spawner spawner;
};

struct NoProgram : Bench {
  NoProgram() : Bench("/nonexistent/herald-prober") {}
};

}  // namespace

TEST_CASE_METHOD(Bench,
                 "spawner: a worker is told of with its socket and page, says hello, and is a leader") {
  listen();
  const Fd client = connect();
  const auto worker = spawn(client, 3);
  const pid_t pid = worker.answer.pid;
  CHECK(children() == std::vector<pid_t>{pid});
  CHECK(getpgid(pid) == pid);
  const auto page = work::read_page(worker.page);
  REQUIRE(page);
  CHECK(page->run == 0);
  CHECK(page->cost == 0);
  CHECK(ftruncate(worker.page.get(), 1) != 0);  // it is sealed
  CHECK(ftruncate(worker.page.get(), 1 << 20) != 0);

  std::string hello(4096, '\0');
  ssize_t size = 0;
  REQUIRE(run_until(loop, [&] {
    return (size = recv(worker.socket.get(), hello.data(), hello.size(), MSG_DONTWAIT)) > 0;
  }));
  const auto said = work::read_reports(std::string_view(hello).substr(4, static_cast<std::size_t>(size) - 4));
  REQUIRE(said);
  REQUIRE(said->size() == 1);
  CHECK(std::get<work::Hello>(said->front()).version == HERALD_VERSION);
}

TEST_CASE_METHOD(Bench, "spawner: a worker has no descriptor but its own") {
  listen();
  const Fd client = connect();
  const auto other = spawn(client, 0);
  const auto worker = spawn(client, 1);
  std::string hello(4096, '\0');  // once it has said that, it runs
  REQUIRE(run_until(loop, [&] { return recv(worker.socket.get(), hello.data(), 4096, MSG_DONTWAIT) > 0; }));
  std::vector<std::string> sockets;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(worker.answer.pid) + "/fd")) {
    const std::string number = entry.path().filename();
    const std::string target = std::filesystem::read_symlink(entry.path());
    if (std::stoi(number) > STDERR_FILENO && target.starts_with("socket:")) sockets.push_back(number);
    if (target.find("memfd:herald-worker") != std::string::npos) CHECK(number == "4");
  }
  // c-ares and the resolver watch files; sockets there are none.
  CHECK(sockets == std::vector<std::string>{"3"});
}

TEST_CASE_METHOD(Bench, "spawner: the end of a worker is told, and its slot is free then") {
  listen();
  const Fd client = connect();
  auto worker = spawn(client, 0);
  const pid_t pid = worker.answer.pid;
  SECTION("it was asked to kill it") {
    REQUIRE(work::send_request(client, {SpawnKind::kill, 0}));
    const auto ended = answer(client).answer;
    CHECK(ended.kind == SpawnAnswerKind::ended);
    CHECK(ended.pid == pid);
    CHECK(ended.signalled == 1);
    CHECK(ended.status == SIGKILL);
  }
  SECTION("it ends by itself, for heraldd has let go of it") {
    worker.socket.reset();
    const auto ended = answer(client).answer;
    CHECK(ended.kind == SpawnAnswerKind::ended);
    CHECK(ended.signalled == 0);
    CHECK(ended.status == 0);
  }
  SECTION("it is hung, and is killed") {
    kill(pid, SIGSTOP);
    REQUIRE(work::send_request(client, {SpawnKind::kill, 0}));
    CHECK(answer(client).answer.status == SIGKILL);
  }
  REQUIRE(run_until(loop, [&] { return !is_there(pid); }));
  CHECK(spawn(client, 0).answer.pid != pid);
}

TEST_CASE_METHOD(Bench, "spawner: a worker asked for before the end of the last one was seen follows it") {
  listen();
  const Fd client = connect();
  const auto worker = spawn(client, 2);
  // All three before the loop turns: what a busy machine makes of heraldd's kill and the request after it.
  SECTION("killed by request") {
    REQUIRE(work::send_request(client, {SpawnKind::kill, 2}));
  }
  SECTION("found dead by its socket") {
    kill(worker.answer.pid, SIGKILL);
  }
  SECTION("alive, though who asks thinks otherwise") {
    CHECK(is_there(worker.answer.pid));
  }
  REQUIRE(work::send_request(client, {SpawnKind::spawn, 2}));
  const auto ended = answer(client).answer;
  CHECK(ended.kind == SpawnAnswerKind::ended);
  CHECK(ended.pid == worker.answer.pid);
  const auto next = answer(client);
  CHECK(next.answer.kind == SpawnAnswerKind::spawned);
  CHECK(next.answer.slot == 2);
  CHECK(children() == std::vector<pid_t>{next.answer.pid});
}

TEST_CASE_METHOD(Bench, "spawner: the end of a connection kills its workers, and no other's") {
  listen();
  Fd client = connect();
  const Fd other = connect();
  const auto first = spawn(client, 0);
  const auto second = spawn(client, 1);
  const auto others = spawn(other, 0);
  kill(first.answer.pid, SIGSTOP);
  client.reset();
  REQUIRE(run_until(loop, [&] { return !is_there(first.answer.pid) && !is_there(second.answer.pid); }));
  run_for(loop, 20ms);
  CHECK(children() == std::vector<pid_t>{others.answer.pid});
  CHECK_FALSE(is_hung_up(other));
}

TEST_CASE_METHOD(Bench, "spawner: what a worker's attempts run ends with it") {
  listen();
  Fd client = connect();
  const auto worker = spawn(client, 0);
  ProbeSpec spec;
  spec.type = "exec";
  spec.settings = R"({"command": ["/bin/sleep", "1000"]})";
  std::string packet;
  work::append(packet, work::Put{ProbeId{1}, spec});
  work::append(packet, work::Start{ProbeId{1}, RunId{1}});
  const auto size = static_cast<std::uint32_t>(packet.size());
  REQUIRE(write_all(worker.socket, std::string(reinterpret_cast<const char*>(&size), sizeof size) + packet));
  std::vector<pid_t> commands;
  REQUIRE(run_until(loop, [&] {
    for (const pid_t keeper : children_of(worker.answer.pid)) commands = children_of(keeper);
    return !commands.empty();
  }));
  SECTION("killed by request") {
    REQUIRE(work::send_request(client, {SpawnKind::kill, 0}));
  }
  SECTION("with the connection") {
    client.reset();
  }
  REQUIRE(run_until(loop, [&] { return !is_alive(commands[0]); }));
}

TEST_CASE_METHOD(Bench, "spawner: heraldd's own ends with its connection") {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
  Fd client(ends[0]);
  spawner.serve_alone(Fd(ends[1]));
  const auto worker = spawn(client, 0);
  client.reset();
  const Source limit = loop.timer_at(Loop::clock() + 20s, [&] { loop.exit(1); });
  CHECK(loop.run() == 0);
  REQUIRE(run_until(loop, [&] { return !is_there(worker.answer.pid); }));
}

TEST_CASE_METHOD(Bench, "spawner: who talks junk is hung up on, and the others are served") {
  listen();
  const Fd client = connect();
  const Fd junk = connect();
  const auto worker = spawn(junk, 0);
  SECTION("what is no request") {
    REQUIRE(send(junk.get(), "junk", 4, 0) == 4);
  }
  SECTION("a kind that there is not") {
    REQUIRE(work::send_request(junk, {SpawnKind{7}, 0}));
  }
  SECTION("a slot that there is not") {
    REQUIRE(work::send_request(junk, {SpawnKind::spawn, Spawner::kMostSlots}));
  }
  REQUIRE(run_until(loop, [&] { return is_hung_up(junk) && !is_there(worker.answer.pid); }));
  spawn(client, Spawner::kMostSlots - 1);
}

TEST_CASE_METHOD(Bench, "spawner: to kill in an empty slot is nothing") {
  listen();
  const Fd client = connect();
  REQUIRE(work::send_request(client, {SpawnKind::kill, 0}));
  const auto worker = spawn(client, 0);
  CHECK(is_there(worker.answer.pid));
}

TEST_CASE_METHOD(Bench, "spawner: it serves so many and hangs up on the next, until one has gone") {
  listen();
  std::vector<Fd> clients;
  for (std::size_t count = 0; count < Spawner::kMostClients; ++count) clients.push_back(connect());
  const Fd one_more = connect();
  REQUIRE(run_until(loop, [&] { return is_hung_up(one_more); }));
  spawn(clients.back(), 0);
  clients.pop_back();
  run_for(loop, 20ms);
  const Fd next = connect();
  spawn(next, 0);
  for (const Fd& client : clients) CHECK_FALSE(is_hung_up(client));
}

TEST_CASE_METHOD(Bench, "spawner: nothing is left of clients and workers that have gone") {
  listen();
  run_for(loop, 1ms);
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 3; ++round) {
    const Fd client = connect();
    for (const std::uint32_t slot : {0U, 1U, 2U}) spawn(client, slot);
  }
  REQUIRE(run_until(loop, [&] { return children().empty(); }));
  run_for(loop, 5ms);
  CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(NoProgram,
                 "spawner: a worker that cannot be started is said, with the reason, as often as asked") {
  listen();
  const Fd client = connect();
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(work::send_request(client, {SpawnKind::spawn, 0}));
    const auto failed = answer(client).answer;
    CHECK(failed.kind == SpawnAnswerKind::failed);
    CHECK(failed.status == ENOENT);
  }
  CHECK(open_descriptors() <= before + 2);  // the connection, which it has accepted meanwhile
}

TEST_CASE_METHOD(Bench, "spawner: without a descriptor a client waits, and the loop does not spin") {
  listen();
  run_for(loop, 1ms);
  const Fd client = connect();
  int turns = 0;
  {
    const fixture::NoDescriptors none;
    const Source count = loop.post([&] { ++turns; });
    run_for(loop, 250ms);
  }
  CHECK(turns < 500);  // the test's own timer ticks every millisecond
  spawn(client, 0);
  CHECK_FALSE(is_hung_up(client));
}

}  // namespace spawner_test

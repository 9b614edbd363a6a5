// Against the spawner itself, as it is built.
#include "sidecar/work/link.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <vector>

#include "tests/os/children.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace link_test {

using namespace herald;
using namespace herald::work;

namespace {

struct Bench {
  void open(const LinkOptions& options) {
    auto opened = Link::open(
        loop, options, [this](ReceivedAnswer answer) { answers.push_back(std::move(answer)); },
        [this](const std::string& why) {
          ends.push_back(why);
          link.reset();
        });
    if (opened) {
      link = std::move(*opened);
    } else {
      error = opened.error();
    }
  }
  void open_real() {
    open({.program = HERALD_BUILT_PROBER, .user = "root"});
    REQUIRE(link);
    REQUIRE(children().size() == 1);
  }

  Reaper reaper;  // goes last
  Loop loop;
  std::vector<ReceivedAnswer> answers;
  std::vector<std::string> ends;
  std::string error;
  std::unique_ptr<Link> link;
};

}  // namespace

TEST_CASE_METHOD(Bench, "link: it starts the program, and workers come and go by slot") {
  open_real();
  REQUIRE(link->spawn(5));
  REQUIRE(run_until(loop, [&] { return answers.size() == 1; }));
  CHECK(answers[0].answer.kind == SpawnAnswerKind::spawned);
  CHECK(answers[0].answer.slot == 5);
  CHECK(answers[0].socket);
  CHECK(answers[0].page);
  CHECK(is_there(answers[0].answer.pid));
  REQUIRE(link->kill(5));
  REQUIRE(run_until(loop, [&] { return answers.size() == 2; }));
  CHECK(answers[1].answer.kind == SpawnAnswerKind::ended);
  CHECK(answers[1].answer.pid == answers[0].answer.pid);
  CHECK(answers[1].answer.signalled == 1);
  CHECK(ends.empty());
}

TEST_CASE_METHOD(Bench, "link: when it is let go of, its process and the workers end, and none is a zombie") {
  open_real();
  const pid_t spawner = children()[0];
  REQUIRE(link->spawn(0));
  REQUIRE(run_until(loop, [&] { return answers.size() == 1; }));
  const pid_t worker = answers[0].answer.pid;
  kill(worker, SIGSTOP);  // so that it cannot end by itself
  link.reset();
  REQUIRE(run_until(loop, [&] { return !is_there(spawner) && !is_there(worker); }));
  CHECK(children().empty());
}

TEST_CASE_METHOD(Bench, "link: the end of its process is told once, and it is reaped") {
  open_real();
  const pid_t spawner = children()[0];
  kill(spawner, SIGKILL);
  REQUIRE(run_until(loop, [&] { return !ends.empty() && !is_there(spawner); }));
  CHECK(ends == std::vector<std::string>{"the process that starts workers is gone"});
}

TEST_CASE_METHOD(Bench, "link: a program that gives up at once is one that is gone") {
  open({.program = "/bin/false"});
  REQUIRE(link);
  REQUIRE(run_until(loop, [&] { return !ends.empty() && children().empty(); }));
}

TEST_CASE_METHOD(Bench, "link: what cannot be opened is said, and nothing is left of it") {
  const TemporaryDirectory directory;
  const std::size_t before = open_descriptors();
  SECTION("no such program") {
    open({.program = "/nonexistent/herald-prober"});
    CHECK(error == "run /nonexistent/herald-prober: No such file or directory");
  }
  SECTION("no such socket") {
    open({.socket = directory.path() / "none"});
    CHECK(error.ends_with("/none: No such file or directory"));
  }
  SECTION("a path that is too long for one") {
    open({.socket = directory.path() / std::string(200, 'x')});
    CHECK(error.ends_with(": too long for a socket"));
  }
  CHECK(open_descriptors() == before);
  CHECK(children().empty());
}

TEST_CASE_METHOD(Bench, "link: one that listens is connected to, and an answer that is none ends it") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "spawner";
  const Fd listening(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listening.get(), 1) == 0);
  open({.socket = path, .program = "/bin/false"});  // which is not run
  REQUIRE(link);
  CHECK(children().empty());
  const Fd accepted(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(link->spawn(4));
  const auto request = receive_request(accepted);
  REQUIRE(request);
  CHECK(request->slot == 4);
  REQUIRE(send_answer(accepted, {SpawnAnswerKind::failed, 4, 0, 0, ENOMEM}, {}, {}));
  REQUIRE(run_until(loop, [&] { return answers.size() == 1; }));
  CHECK(answers[0].answer.status == ENOMEM);
  REQUIRE(::send(accepted.get(), "junk", 4, 0) == 4);
  REQUIRE(run_until(loop, [&] { return !ends.empty(); }));
}

}  // namespace link_test

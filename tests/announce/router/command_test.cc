#include "sidecar/announce/router/command.h"

#include <catch2/catch.hpp>
#include <optional>

namespace herald::command_test {
namespace {

using namespace std::chrono_literals;
using Answer = std::expected<std::string, std::string>;
using Words = std::vector<std::string>;

struct Bench {
  Answer run(Words argv, Duration timeout = 10s) {
    std::optional<Answer> told;
    command.run(std::move(argv), timeout, [&](Answer answer) {
      REQUIRE_FALSE(told);
      told = std::move(answer);
      loop.exit(0);
    });
    CHECK_FALSE(told);  // never from inside run()
    wait(10s);
    REQUIRE(told);
    return *told;
  }
  void wait(Duration most) {
    const Source limit = loop.timer_at(Loop::clock() + most, [this] { loop.exit(1); });
    loop.run();
  }

  Loop loop;
  Command command{loop};
};

TEST_CASE_METHOD(Bench,
                 "what a client prints is its answer, whatever its exit code and by whichever output") {
  CHECK(run({"/bin/echo", "a b", "$HOME"}) == "a b $HOME\n");
  CHECK(run({"/bin/sh", "-c", "echo no >&2; exit 3"}) == "no\n");
  CHECK(run({"/bin/true"}) == "");
}

TEST_CASE_METHOD(Bench, "a client gets nothing of herald's environment, and vtysh no file for its history") {
  CHECK(run({"/usr/bin/env"}) == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nVTYSH_HISTFILE=/dev/null\nLC_ALL=C\n");
}

TEST_CASE_METHOD(Bench, "why there is no answer is told with the client's name") {
  CHECK(run({"/bin/sleep", "60"}, 50ms).error() == "sleep: no answer within 50ms");
  CHECK(run({"/bin/sh", "-c", "kill -9 $$"}).error() == "sh: killed by signal 9");
  CHECK(run({"/nowhere/vtysh"}).error() == "run /nowhere/vtysh: No such file or directory");
}

TEST_CASE_METHOD(Bench, "16 MiB are an answer, and a byte more is none") {
  const auto whole = run({"/usr/bin/head", "-c", "16777216", "/dev/zero"});
  REQUIRE(whole);
  CHECK(whole->size() == 16777216);
  CHECK(run({"/usr/bin/head", "-c", "16777217", "/dev/zero"}).error() ==
        "head: more than 16777216 bytes of output");
}

TEST_CASE_METHOD(Bench, "the next command ends the one before, which is not answered any more") {
  bool told = false;
  command.run({"/bin/echo", "first"}, 10s, [&](const Answer&) { told = true; });
  CHECK(run({"/bin/echo", "second"}) == "second\n");
  CHECK_FALSE(told);
}

TEST_CASE_METHOD(Bench, "cancelled, it is not answered: neither by the child nor by its deadline") {
  int told = 0;
  command.run({"/bin/sleep", "0.02"}, 40ms, [&](const Answer&) { ++told; });
  command.cancel();
  command.run({"/nowhere/vtysh"}, 40ms, [&](const Answer&) { ++told; });
  command.cancel();
  wait(150ms);
  CHECK(told == 0);
}

TEST_CASE_METHOD(Bench, "an answer may ask the next question") {
  Words order;
  command.run({"/bin/echo", "a"}, 10s, [&](const Answer& first) {
    order.push_back(first.value_or("none"));
    command.run({"/bin/echo", "b"}, 10s, [&](const Answer& second) {
      order.push_back(second.value_or("none"));
      loop.exit(0);
    });
  });
  wait(10s);
  CHECK(order == Words{"a\n", "b\n"});
}

}  // namespace
}  // namespace herald::command_test

#include "sidecar/announce/router/questions.h"

#include <catch2/catch.hpp>
#include <memory>

namespace herald::questions_test {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

struct Bench {
  Questions::Take note() {
    return [this](const auto& text) { order.push_back(text ? *text : "error " + text.error()); };
  }
  void ask(const std::string& script, Questions::Take take, Duration timeout = 10s) {
    questions->ask({"/bin/sh", "-c", script}, timeout, std::move(take));
  }
  void run(Duration most = 10s) {
    const Source limit = loop.timer_at(Loop::clock() + most, [this] { loop.exit(1); });
    questions->run([this] {
      order.emplace_back("done");
      loop.exit(0);
    });
    loop.run();
  }

  Loop loop;
  std::unique_ptr<Questions> questions = std::make_unique<Questions>(loop);
  Words order;
};

TEST_CASE_METHOD(Bench, "questions are asked in order, and one without an answer holds up none") {
  ask("sleep 0.05; printf a", note());  // the slowest first
  ask("exec sleep 60", note(), 50ms);
  questions->ask({"/nowhere/birdc"}, 10s, note());
  ask("printf b", note());
  run();
  CHECK(order == Words{"a", "error sh: no answer within 50ms",
                       "error run /nowhere/birdc: No such file or directory", "b", "done"});
}

TEST_CASE_METHOD(Bench, "an answer may ask more, and that comes at the end") {
  ask("printf a", [this](const auto& text) {
    order.push_back(text.value_or(""));
    ask("printf c", [this](const auto& more) {
      order.push_back(more.value_or(""));
      ask("printf d", note());
    });
  });
  ask("printf b", note());
  run();
  CHECK(order == Words{"a", "b", "c", "d", "done"});
}

TEST_CASE_METHOD(Bench, "without a question it is never done; asked again it begins anew") {
  run(20ms);
  CHECK(order.empty());
  ask("printf a", note());
  run();
  ask("printf b", note());
  run();
  CHECK(order == Words{"a", "done", "b", "done"});
}

TEST_CASE_METHOD(Bench, "destroyed, it calls nothing") {
  ask("printf a", note());
  questions->run([this] { order.emplace_back("done"); });
  questions.reset();
  const Source limit = loop.timer_at(Loop::clock() + 100ms, [this] { loop.exit(1); });
  loop.run();
  CHECK(order.empty());
}

}  // namespace
}  // namespace herald::questions_test

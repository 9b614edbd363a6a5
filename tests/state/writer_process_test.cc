#include "sidecar/state/writer_process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "sidecar/os/text_file.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace writer_process_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

// A lock on the directory makes its writer wait, as a disk does that does not answer.
class Frozen {
 public:
  explicit Frozen(const std::filesystem::path& directory)
      : lock_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    REQUIRE(::flock(lock_.get(), LOCK_EX) == 0);
  }
  void thaw() { lock_.reset(); }

 private:
  Fd lock_;
};

struct Bench {
  Bench() {
    writer.say_with([this](const std::string& text) { said.push_back(text); });
  }
  void ask(const std::string& name, std::optional<Duration> patience = std::nullopt) {
    writer.write({.make =
                      [this, name] {
                        made += name;
                        return WriteOrder{
                            .kind = WriteOrder::Kind::replace, .file = directory.path() / name, .text = name};
                      },
                  .done =
                      [this, name](const Written& written) {
                        answers.push_back(name + ": " + (written ? "kept" : written.error().text) +
                                          (!written && written.error().may_be_written ? " (perhaps)" : ""));
                      },
                  .patience = patience});
  }
  [[nodiscard]] bool is_there(const std::string& name) const {
    return std::filesystem::exists(directory.path() / name);
  }
  [[nodiscard]] pid_t child() const {
    pid_t last = 0;  // those before it are other tests'
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t pid = 0; children >> pid;) last = pid;
    return last;
  }

  TemporaryDirectory directory;
  std::vector<std::string> said;
  std::vector<std::string> answers;
  std::string made;
  Loop loop;
  WriterProcess writer{loop};
};

using Answers = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(Bench,
                 "writer process: requests are carried out one after the other, and answered from the loop") {
  ask("a");
  ask("b", 5s);
  writer.write(
      {.make = [] { return std::nullopt; },
       .done = [this](const Written& written) { answers.push_back(written ? "nothing to do" : "?"); }});
  CHECK(made.empty());
  CHECK_FALSE(writer.is_idle());
  CHECK(run_until(loop, [this] { return writer.is_idle(); }));
  CHECK(answers == Answers{"a: kept", "b: kept", "nothing to do"});
  CHECK(read_text_file(directory.path() / "b") == "b");
  std::filesystem::create_directory(directory.path() / "c");
  ask("c");
  CHECK(run_until(loop, [this] { return writer.is_idle(); }));
  CHECK(answers.back() == "c: replace " + (directory.path() / "c").native() + ": Is a directory");
  CHECK(said.empty());
}

TEST_CASE_METHOD(Bench, "writer process: patience ends, and what was on its way may be there yet") {
  Frozen disk(directory.path());
  ask("a", 50ms);
  ask("b", 50ms);
  ask("c");
  CHECK(run_until(loop, [this] { return answers.size() == 2; }));
  CHECK(answers == Answers{"a: the disk does not answer within 2 s (perhaps)",
                           "b: the disk does not answer within 2 s"});
  CHECK(made == "a");
  CHECK_FALSE(writer.silent_since());
  CHECK(run_until(loop, [this] { return !said.empty(); }, Writer::kPatience + 2s));
  REQUIRE(writer.silent_since());
  CHECK(Loop::clock() - *writer.silent_since() >= Writer::kPatience);
  disk.thaw();
  CHECK(run_until(loop, [this] { return writer.is_idle(); }));
  CHECK_FALSE(writer.silent_since());
  CHECK(answers.size() == 3);
  CHECK(answers.back() == "c: kept");
  CHECK((is_there("a") && !is_there("b") && is_there("c")));
  REQUIRE(said.size() == 2);
  CHECK(said[0].starts_with("the disk does not answer: "));
  CHECK(said[1].starts_with("the disk answers again, after 2."));
}

TEST_CASE_METHOD(Bench, "writer process: what waits is bounded") {
  Frozen disk(directory.path());
  ask("a");
  CHECK(run_until(loop, [this] { return made == "a"; }));
  for (std::size_t count = 0; count < WriterProcess::kMostWaiting; ++count) ask("b");
  ask("c");
  CHECK(answers.empty());
  CHECK(run_until(loop, [this] { return !answers.empty(); }));
  CHECK(answers == Answers{"c: too much waits for the disk"});
  disk.thaw();
  CHECK(run_until(loop, [this] { return writer.is_idle(); }));
  CHECK(answers.size() == WriterProcess::kMostWaiting + 2);
}

TEST_CASE_METHOD(Bench,
                 "writer process: one that ends is followed by another, and what was on its way fails") {
  Frozen disk(directory.path());
  ask("a");
  ask("b");
  CHECK(run_until(loop, [this] { return made == "a" && child() > 0; }));
  ::kill(child(), SIGKILL);
  CHECK(run_until(loop, [this] { return !answers.empty(); }));
  CHECK(answers == Answers{"a: the process that writes files has ended (perhaps)"});
  CHECK(said == Answers{"the process that writes files has ended; another one is started"});
  disk.thaw();
  CHECK(run_until(loop, [this] { return writer.is_idle(); }));
  CHECK(answers.back() == "b: kept");
  CHECK_FALSE(is_there("a"));
}

TEST_CASE("writer process: heraldd does not wait for one that hangs, and it ends when it can") {
  const TemporaryDirectory directory;
  Frozen disk(directory.path());
  {
    Loop loop;
    WriterProcess writer(loop);
    bool made = false;
    writer.write({.make = [&] {
      made = true;
      return WriteOrder{.kind = WriteOrder::Kind::replace, .file = directory.path() / "file"};
    }});
    CHECK(run_until(loop, [&] { return made; }));
  }
  disk.thaw();
  CHECK_FALSE(std::filesystem::exists(directory.path() / "file"));
}

}  // namespace writer_process_test

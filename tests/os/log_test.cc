#include "sidecar/os/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

using namespace herald;

namespace {

// stderr goes into a pipe for as long as this lives.
class CaughtStderr {
 public:
  CaughtStderr() : before_(::dup(STDERR_FILENO)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    out_ = Fd(ends[0]);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
  }
  CaughtStderr(const CaughtStderr&) = delete;
  CaughtStderr& operator=(const CaughtStderr&) = delete;
  ~CaughtStderr() { ::dup2(before_.get(), STDERR_FILENO); }

  // All that was written since.
  [[nodiscard]] std::string text() const {
    std::string all;
    std::array<char, 65536> bytes{};
    for (ssize_t size = 0; (size = ::read(out_.get(), bytes.data(), bytes.size())) > 0;)
      all.append(bytes.data(), static_cast<std::size_t>(size));
    return all;
  }

 private:
  Fd before_;
  Fd out_;
};

}  // namespace

TEST_CASE("a message is one line with its level, whatever it holds") {
  const CaughtStderr caught;
  Log log(LogTarget::text);
  log.write(LogLevel::warning, "web is down\n\x1b[2Jforged");
  const std::string line = caught.text();
  CHECK(line.find("warning") != std::string::npos);
  CHECK(line.ends_with("web is down  [2Jforged\n"));
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("a message has an end") {
  const CaughtStderr caught;
  Log log(LogTarget::text);
  log.write(LogLevel::info, std::string(100'000, 'x'));
  const std::string line = caught.text();
  CHECK(line.ends_with("x\n"));
  CHECK(line.size() < 4096);  // PIPE_BUF
}

TEST_CASE("a pipe that nobody reads loses lines and never blocks, and the next line says how many") {
  const CaughtStderr caught;
  Log log(LogTarget::text);
  const std::string message(1000, 'x');
  for (int i = 0; i < 200; ++i) log.write(LogLevel::info, message);  // 64 KiB fit in
  CHECK(caught.text().size() <= 65536);
  log.write(LogLevel::info, "read again");
  const std::string line = caught.text();
  CHECK(line.find(" lines lost) read again\n") != std::string::npos);
}

TEST_CASE("a burst beyond the limit is lost, not written") {
  const CaughtStderr caught;
  Log log(LogTarget::text);
  std::size_t lines = 0;
  for (int i = 0; i < 6000; ++i) {
    log.write(LogLevel::info, "x");
    const std::string text = caught.text();
    lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  CHECK(lines == 4000);
}

// What reaches the log, and what of what others said.
#include "sidecar/os/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace herald::log_test {
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

// The line that the log makes of a message on stderr, without its time.
std::string logged(std::string_view message) {
  const CaughtStderr caught;
  Log(LogTarget::text).write(LogLevel::warning, message);
  const std::string line = caught.text();
  return line.substr(line.find(' ') + 1);
}

TEST_CASE("a message is one line with its level, whatever it holds") {
  const CaughtStderr caught;
  Log log(LogTarget::text);
  log.write(LogLevel::warning, "web is down\n\x1b[2Jforged");
  const std::string line = caught.text();
  CHECK(line.find("warning") != std::string::npos);
  CHECK(line.ends_with("web is down\\n\\x1b[2Jforged\n"));
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
  const std::uint64_t lost = log.lost();
  CHECK(lost > 0);
  CHECK(line.find("(" + std::to_string(lost) + " lines lost)") != std::string::npos);
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
  CHECK(log.lost() == 2000);
}

TEST_CASE("log: controls, turned directions and bytes that are no UTF-8 are shown as escapes") {
  CHECK(logged("web: 200, caf\xc3\xa9") == "warning: web: 200, caf\xc3\xa9\n");
  CHECK(logged("a\nforged\x1b[31m") == "warning: a\\nforged\\x1b[31m\n");
  CHECK(logged("\x9b"
               "31m and \xff\xfe") == "warning: \\x9b31m and \\xff\\xfe\n");
  CHECK(logged("\xc2\x9b"
               "31m") == "warning: \\u009b31m\n");
  CHECK(logged("\xe2\x80\xae"
               "gnp") == "warning: \\u202egnp\n");
}

TEST_CASE("log: a line has an end, which is not inside of a character") {
  const std::string head = "warning: ";
  CHECK(logged(std::string(5000, 'x')) == head + std::string(2000, 'x') + "\n");
  CHECK(logged(std::string(2000, '\x80')).size() == head.size() + 2000 + 1);
  // Three bytes each, behind an escape of four.
  std::string text("\x1b");
  for (int i = 0; i < 1000; ++i) text += "\xe2\x82\xac";
  const std::string line = logged(text);
  CHECK(line.size() <= head.size() + 2000 + 1);
  CHECK(line.substr(line.size() - 4) == "\xe2\x82\xac\n");
}

}  // namespace
}  // namespace herald::log_test

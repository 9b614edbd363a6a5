#include "sidecar/state/writer_child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "sidecar/os/text_file.h"
#include "sidecar/state/write_order.h"
#include "tests/os/temporary_directory.h"

namespace writer_child_test {

using namespace herald;

namespace {

std::string packet(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + text;
}

WriteOrder replacing(const std::filesystem::path& file, const std::string& text) {
  return {.kind = WriteOrder::Kind::replace, .file = file, .text = text, .durable = Durable::yes};
}

bool has_answer(const Fd& socket, int milliseconds) {
  pollfd state{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return ::poll(&state, 1, milliseconds) > 0;
}

std::string answer(const Fd& socket) {
  std::array<char, 4096> bytes{};
  if (!has_answer(socket, 10'000)) return "none";
  const ssize_t count = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
  return count < 4 ? "end" : std::string(bytes.data() + 4, static_cast<std::size_t>(count) - 4);
}

struct Child {
  Child() {
    auto started = start_writer_child({});
    REQUIRE(started);
    pid = started->pid;
    socket = std::move(started->socket);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    socket.reset();
    if (pid > 0) ::waitpid(pid, nullptr, 0);
  }
  std::string ask(const WriteOrder& order) const {
    REQUIRE(write_all(socket, packet(encode(order))));
    return answer(socket);
  }

  pid_t pid = -1;
  Fd socket;
};

}  // namespace

TEST_CASE("writer child: it answers each order, and what is no order is its end") {
  const TemporaryDirectory directory;
  const Child child;
  CHECK(child.ask(replacing(directory.path() / "file", "text")) == "+");
  CHECK(read_text_file(directory.path() / "file") == "text");
  CHECK(child.ask(replacing(directory.path() / "file" / "below", "")).starts_with("-write "));
  const std::string long_text(3'000'000, 'x');
  CHECK(child.ask(replacing(directory.path() / "file", long_text)) == "+");
  CHECK(std::filesystem::file_size(directory.path() / "file") == long_text.size());
  REQUIRE(write_all(child.socket, packet("junk")));
  CHECK(answer(child.socket) == "end");
}

TEST_CASE(
    "writer child: it holds its socket and nothing else of heraldd's, and no signal of a stop ends it") {
  const TemporaryDirectory directory;
  const Fd something(::open(directory.path().c_str(), O_RDONLY));  // without O_CLOEXEC
  const Child child;
  CHECK(child.ask(replacing(directory.path() / "file", "")) == "+");
  const std::filesystem::path descriptors = "/proc/" + std::to_string(child.pid) + "/fd";
  std::vector<std::string> held;
  for (const auto& entry : std::filesystem::directory_iterator(descriptors))
    held.push_back(std::filesystem::read_symlink(entry).native());
  CHECK(std::ranges::count(held, "/dev/null") == 3);
  CHECK(held.size() == 4);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::kill(child.pid, number);
  CHECK(child.ask(replacing(directory.path() / "file", "on")) == "+");
}

TEST_CASE(
    "writer child: it waits for another writer of the directory, and puts nothing in place for who has "
    "gone") {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "newer");
  const Fd lock(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  Child child;
  REQUIRE(write_all(child.socket, packet(encode(replacing(file, "late")))));
  CHECK_FALSE(has_answer(child.socket, 100));
  SECTION("its heraldd is there") {
    REQUIRE(::flock(lock.get(), LOCK_UN) == 0);
    CHECK(answer(child.socket) == "+");
    CHECK(read_text_file(file) == "late");
  }
  SECTION("its heraldd is gone") {
    child.socket.reset();
    REQUIRE(::flock(lock.get(), LOCK_UN) == 0);
    REQUIRE(::waitpid(std::exchange(child.pid, -1), nullptr, 0) > 0);
    CHECK(read_text_file(file) == "newer");
    CHECK_FALSE(std::filesystem::exists(file.native() + ".new"));
  }
}

}  // namespace writer_child_test

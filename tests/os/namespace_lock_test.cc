#include "sidecar/os/namespace_lock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstddef>
#include <functional>
#include <string_view>
#include <thread>

#include "tests/os/own_namespace.h"

namespace herald::namespace_lock_test {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::string_view kName = "io.herald.lock";

// Each in a network namespace of its own, whatever else runs on this machine.
void apart(const std::function<void()>& test) {
  std::thread([&] {
    enter_new_namespace();
    test();
  }).join();
}

// A process that holds the name until it is destroyed.
class Holder {
 public:
  enum class Listens : bool { no, yes };

  Holder(uid_t uid, Listens listens) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
    const Fd out(ready[1]);
    const Fd in(ready[0]);
    child_ = ::fork();
    if (child_ == 0) hold(uid, listens, out);
    char byte = 0;
    REQUIRE(::read(in.get(), &byte, 1) == 1);
    REQUIRE(byte == '+');
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return child_; }

 private:
  [[noreturn]] static void hold(uid_t uid, Listens listens, const Fd& out) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    kName.copy(address.sun_path + 1, kName.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool held = ::setresuid(uid, uid, uid) == 0 &&
                      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                      (listens == Listens::no || ::listen(fd, 1) == 0);
    if (::write(out.get(), held ? "+" : "-", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }

  pid_t child_ = -1;
};

TEST_CASE("one lock a network namespace, free again when its owner is gone") {
  apart([] {
    {
      const auto first = NamespaceLock::take();
      REQUIRE(first);
      CHECK(first->warning().empty());
      for (int time = 0; time < 3; ++time)  // also once nothing more fits into its backlog
        CHECK(NamespaceLock::take().error() == "another heraldd runs in this network namespace");
    }
    CHECK(NamespaceLock::take());
    apart([] { CHECK(NamespaceLock::take()); });
  });
}

TEST_CASE("another network namespace of the same machine has a lock of its own") {
  apart([] {
    const auto here = NamespaceLock::take();
    REQUIRE(here);
    apart([] { CHECK(NamespaceLock::take()); });
  });
}

TEST_CASE("who may not change addresses keeps no herald from running, and is named") {
  if (::geteuid() != 0) return;
  apart([] {
    const Holder holder(kNobody, Holder::Listens::yes);
    const auto lock = NamespaceLock::take();
    REQUIRE(lock);
    CHECK(lock->warning() == "process " + std::to_string(holder.pid()) +
                                 " of uid 65534 holds the name of herald's lock (@io.herald.lock) and is no "
                                 "herald: another heraldd in "
                                 "this network namespace would not be noticed");
  });
  apart([] {
    const Holder holder(kNobody, Holder::Listens::no);
    const auto lock = NamespaceLock::take();
    REQUIRE(lock);
    CHECK(lock->warning().starts_with("a process that does not listen holds the name"));
  });
}

TEST_CASE("a herald of root's is one for every other") {
  if (::geteuid() != 0) return;
  apart([] {
    const Holder holder(0, Holder::Listens::yes);
    CHECK_FALSE(NamespaceLock::take());
  });
}

}  // namespace
}  // namespace herald::namespace_lock_test

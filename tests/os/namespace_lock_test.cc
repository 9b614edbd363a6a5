#include "sidecar/os/namespace_lock.h"

#include <sched.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <thread>

#include "tests/os/temporary_directory.h"

namespace herald {
namespace {

TEST_CASE("one lock a network namespace, free again when its owner is gone") {
  const TemporaryDirectory directory;
  const std::string run = directory.path() / "run";
  {
    const auto first = NamespaceLock::take(run);
    REQUIRE(first);
    CHECK(NamespaceLock::take(run).error() == "another heraldd runs in this network namespace");
  }
  CHECK(NamespaceLock::take(run));
}

TEST_CASE("another network namespace of the same machine has a lock of its own") {
  const TemporaryDirectory directory;
  const auto here = NamespaceLock::take(directory.path());
  REQUIRE(here);
  bool moved = false;
  bool taken = false;
  std::thread([&] {
    moved = unshare(CLONE_NEWNET) == 0;
    taken = NamespaceLock::take(directory.path()).has_value();
  }).join();
  CHECK(moved);
  CHECK(taken);
}

TEST_CASE("the directory is everybody's to pass, the file is its owner's alone, whatever the umask") {
  const TemporaryDirectory directory;
  const std::string run = directory.path() / "run";
  const mode_t before = ::umask(077);
  const auto lock = NamespaceLock::take(run);
  ::umask(before);
  REQUIRE(lock);
  struct stat status{};
  REQUIRE(::stat(run.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
  for (const auto& file : std::filesystem::directory_iterator(run)) {
    REQUIRE(::stat(file.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
  }
}

TEST_CASE("what stands in the way is said plainly") {
  const TemporaryDirectory directory;
  CHECK(NamespaceLock::take("/nonexistent/herald").error() ==
        "lock the network namespace: make /nonexistent/herald: No such file or directory");
  const std::string file = directory.write("file", "");
  CHECK(NamespaceLock::take(file).error().ends_with(".lock: Not a directory"));
}

}  // namespace
}  // namespace herald

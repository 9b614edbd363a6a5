#include "sidecar/os/network_namespace.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

namespace network_namespace_test {

using namespace herald;

TEST_CASE("network namespace: it is the one that the kernel names, and another in another") {
  const std::uint64_t ours = network_namespace();
  CHECK("net:[" + std::to_string(ours) + "]" == std::filesystem::read_symlink("/proc/self/ns/net").native());
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWNET) == 0 && network_namespace() != ours ? 0 : 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

}  // namespace network_namespace_test

#include "sidecar/daemon/path_owner.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/os/temporary_directory.h"

namespace herald::path_owner_test {
namespace {

constexpr uid_t kStranger = 4711;
constexpr uid_t kNobody = 65534;

// Of one who never was root nothing can be asked.
bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace

TEST_CASE("path owner: whoever can put something else in its place, however far up") {
  if (!is_root()) return;
  const TemporaryDirectory directory;
  const auto file = directory.write("state/accepted.json", "{}");
  CHECK_FALSE(stranger_along(file));
  CHECK_FALSE(stranger_along(directory.path() / "absent" / "file"));
  REQUIRE(::chown(file.c_str(), kStranger, kStranger) == 0);
  CHECK(stranger_along(file) == kStranger);
  REQUIRE(::chown(file.c_str(), 0, 0) == 0);
  REQUIRE(::chown(file.parent_path().c_str(), kStranger, kStranger) == 0);
  CHECK(stranger_along(file) == kStranger);
  CHECK(stranger_along(file.parent_path() / "absent") == kStranger);
}

TEST_CASE("path owner: root's links lead to where they lead, a stranger's are the stranger's word") {
  if (!is_root()) return;
  const TemporaryDirectory directory;
  const auto file = directory.write("his/file", "");
  REQUIRE(::chown(file.parent_path().c_str(), kStranger, kStranger) == 0);
  const auto link = directory.path() / "link";
  std::filesystem::create_symlink("his", link);
  CHECK(stranger_along(link / "file") == kStranger);
  const auto other = directory.path() / "other";
  std::filesystem::create_symlink("/", other);
  CHECK_FALSE(stranger_along(other / "etc"));
  REQUIRE(::lchown(other.c_str(), kStranger, kStranger) == 0);
  CHECK(stranger_along(other / "etc") == kStranger);
  std::filesystem::create_symlink("loop", directory.path() / "loop");
  CHECK_FALSE(stranger_along(directory.path() / "loop"));
}

TEST_CASE("path owner: who has become one has that one's rights, and no way back") {
  if (!is_root()) return;
  const TemporaryDirectory directory;
  const auto secret = directory.write("secret", "");
  REQUIRE(::chmod(secret.c_str(), 0600) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool became = become_owner(kNobody).has_value() && ::geteuid() == kNobody && ::getuid() == kNobody;
    ::_exit(became && ::access(secret.c_str(), R_OK) != 0 && ::setuid(0) != 0 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(become_owner(kStranger).error() == "there is no user 4711");
}

}  // namespace herald::path_owner_test

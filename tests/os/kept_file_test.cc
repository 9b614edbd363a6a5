#include "sidecar/os/kept_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/os/temporary_directory.h"

namespace herald::kept_file_test {
namespace {

constexpr uid_t kUser = 4711;
constexpr gid_t kGroup = 4712;

struct stat status_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_CASE("kept file: replaced as a whole, with its mode, and its directory made") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "new" / "kept";
  for (const Durable durable : {Durable::no, Durable::yes}) {
    const std::string text = durable == Durable::yes ? "one" : "the other";
    REQUIRE(replace_kept_file(file, text, 0600, durable));
    CHECK(text_of(file) == text);
    CHECK((status_of(file).st_mode & 07777) == 0600);
    CHECK_FALSE(std::filesystem::exists(file.native() + ".new"));
  }
}

TEST_CASE("kept file: what cannot be replaced stays, and the error says why") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "kept";
  std::filesystem::create_directory(file);
  const auto kept = replace_kept_file(file, "text", 0600, Durable::no);
  REQUIRE_FALSE(kept);
  CHECK(kept.error() == "replace " + file.native() + ": Is a directory");
  CHECK_FALSE(std::filesystem::exists(file.native() + ".new"));
}

TEST_CASE("what root makes in another user's directory is that user's") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), kUser, kGroup) == 0);
  REQUIRE(replace_kept_file(directory.path() / "kept", "text", 0600, Durable::no));
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    CAPTURE(file.path());
    CHECK(status_of(file.path()).st_uid == kUser);
    CHECK(status_of(file.path()).st_gid == kGroup);
    ++files;
  }
  CHECK(files == 1);
}

TEST_CASE("a file with another name elsewhere is not given away") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  const auto secret = directory.write("secret", "root's");
  const auto theirs = directory.path() / "theirs";
  std::filesystem::create_directory(theirs);
  REQUIRE(::chown(theirs.c_str(), kUser, kGroup) == 0);
  std::filesystem::create_hard_link(secret, theirs / "handover");
  leave_to_owner_of(theirs, Fd(::open((theirs / "handover").c_str(), O_RDONLY | O_CLOEXEC)));
  CHECK(status_of(secret).st_uid == 0);
}

}  // namespace
}  // namespace herald::kept_file_test

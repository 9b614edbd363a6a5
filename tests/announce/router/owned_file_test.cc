#include "sidecar/announce/router/owned_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/os/temporary_directory.h"

namespace herald::owned_file_test {
namespace {

struct stat status_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

std::ptrdiff_t files_in(const std::filesystem::path& directory) {
  return std::ranges::distance(std::filesystem::directory_iterator(directory));
}

TEST_CASE("a file is read whole; none is not an error, and what cannot be read is") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "herald.conf";
  const auto none = read_owned_file(path);
  REQUIRE(none);
  CHECK_FALSE(*none);
  (void)directory.write("herald.conf", "");
  CHECK(read_owned_file(path).value() == "");
  const std::string large(200'000, 'x');  // more than it reads at once
  (void)directory.write("herald.conf", large + std::string("\0y", 2));
  CHECK(read_owned_file(path).value() == large + std::string("\0y", 2));
  CHECK(read_owned_file(directory.path()).error() ==
        "read " + directory.path().native() + ": Is a directory");
  CHECK(read_owned_file(path + "/x").error() == "read " + path + "/x: Not a directory");
}

TEST_CASE("16 MiB are read, and a byte more is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory.write("herald.conf", "");
  REQUIRE(::truncate(path.c_str(), 16 << 20) == 0);
  CHECK(read_owned_file(path).value().value_or("").size() == 16 << 20);
  REQUIRE(::truncate(path.c_str(), (16 << 20) + 1) == 0);
  CHECK(read_owned_file(path).error() == "read " + path + ": File too large");
}

TEST_CASE("nobody waits for a pipe that somebody put there") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "herald.conf";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(read_owned_file(path).value() == "");
}

TEST_CASE("a file is replaced by another one, which keeps owner, group and mode; nothing is left over") {
  const TemporaryDirectory directory;
  const std::string path = directory.write("herald.conf", "old and longer");
  REQUIRE(::chown(path.c_str(), 1, 65534) == 0);
  REQUIRE(::chmod(path.c_str(), 0604) == 0);
  const ino_t former = status_of(path).st_ino;
  REQUIRE(replace_owned_file(path, "new"));
  CHECK(read_owned_file(path).value() == "new");
  const struct stat now = status_of(path);
  CHECK(now.st_ino != former);  // whoever has the former one open reads that to its end
  CHECK(now.st_uid == 1);
  CHECK(now.st_gid == 65534);
  CHECK((now.st_mode & 07777U) == 0604);
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE("a new file has the group of its directory, which may read it, and others not") {
  const TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), 0, 65534) == 0);
  const std::string path = directory.path() / "herald.conf";
  REQUIRE(replace_owned_file(path, ""));
  const struct stat now = status_of(path);
  CHECK(now.st_gid == 65534);
  CHECK((now.st_mode & 07777U) == 0640);
}

TEST_CASE("a link stays one, and what it names is replaced; a link to nowhere is replaced itself") {
  const TemporaryDirectory directory;
  const std::string real = directory.write("real/herald.conf", "old");
  const std::string link = directory.path() / "herald.conf";
  std::filesystem::create_symlink("real/herald.conf", link);
  REQUIRE(replace_owned_file(link, "new"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_owned_file(real).value() == "new");
  CHECK(files_in(directory.path() / "real") == 1);

  const std::string lost = directory.path() / "lost.conf";
  std::filesystem::create_symlink("/nowhere/herald.conf", lost);
  REQUIRE(replace_owned_file(lost, "here"));
  CHECK_FALSE(std::filesystem::is_symlink(lost));
  CHECK(read_owned_file(lost).value() == "here");
}

TEST_CASE("what cannot be replaced is as it was, and the error says what was tried") {
  const TemporaryDirectory directory;
  const std::string absent = directory.path() / "absent/herald.conf";
  CHECK(replace_owned_file(absent, "x")
            .error()
            .starts_with("create " + (directory.path() / "absent/.herald.conf.").native()));
  const std::string place = directory.path() / "place";
  (void)directory.write("place/inside", "");
  CHECK(replace_owned_file(place, "x").error() == "replace " + place + ": Is a directory");
  CHECK(files_in(directory.path()) == 1);
  CHECK(std::filesystem::exists(place + "/inside"));
}

}  // namespace
}  // namespace herald::owned_file_test

#include "sidecar/os/text_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/os/temporary_directory.h"

namespace text_file_test {

using namespace herald;

TEST_CASE("files are read whole, and only files") {
  const TemporaryDirectory directory;
  const auto file = directory.write("a.json", std::string(200'000, ' ') + "{}");
  CHECK(read_text_file(file).value().size() == 200'002);
  CHECK(read_text_file(directory.path() / "absent").error() == "cannot open: No such file or directory");
  CHECK(read_text_file(directory.path()).error() == "is a directory, not a file");
  CHECK(read_text_file("/dev/null").error() == "is not a regular file");
  const auto fifo = directory.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(read_text_file(fifo).error() == "is not a regular file");
  const auto large = directory.write("large.json", "");
  std::filesystem::resize_file(large, kMostFileBytes + 1);
  CHECK(read_text_file(large).error() == "larger than 16 MiB");
  if (::geteuid() != 0) {
    std::filesystem::permissions(file, std::filesystem::perms::none);
    CHECK(read_text_file(file).error() == "cannot open: Permission denied");
  }
}

}  // namespace text_file_test

#include "sidecar/state/handover_marker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/os/temporary_directory.h"

using namespace herald;

TEST_CASE("handover marker: there once it is written, gone once it is removed; each also twice") {
  TemporaryDirectory directory;
  const std::filesystem::path state_dir = directory.path() / "new";
  const HandoverMarker marker(state_dir);
  for (int time = 0; time < 2; ++time) {
    REQUIRE(marker.write());
    REQUIRE(marker.write());
    CHECK(marker.exists());
    CHECK(std::filesystem::file_size(state_dir / "handover") > 0);
    marker.remove();
    marker.remove();
    CHECK_FALSE(marker.exists());
    CHECK_FALSE(std::filesystem::exists(state_dir / "handover"));
  }
}

TEST_CASE("handover marker: where it cannot be written, the error says so") {
  TemporaryDirectory directory;
  const auto file = directory.write("file", "");
  const auto written = HandoverMarker(file).write();
  REQUIRE_FALSE(written);
  CHECK(written.error() == "write " + file.native() + "/handover: Not a directory");
}

TEST_CASE("handover marker: what root makes in another user's directory is that user's") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), 4711, 4712) == 0);
  REQUIRE(HandoverMarker(directory.path()).write());
  struct stat made{};
  REQUIRE(::lstat((directory.path() / "handover").c_str(), &made) == 0);
  CHECK(made.st_uid == 4711);
  CHECK(made.st_gid == 4712);
}

TEST_CASE("handover marker: without a directory nothing is written, which is no error") {
  const HandoverMarker marker(std::nullopt);
  CHECK(marker.write());
  CHECK_FALSE(marker.exists());
  marker.remove();
}

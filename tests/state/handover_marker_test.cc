#include "sidecar/state/handover_marker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/os/temporary_directory.h"
#include "tests/state/direct_writer.h"

namespace handover_marker_test {

using namespace herald;

namespace {

struct Marker : fixture::DirectWriter {
  explicit Marker(const std::optional<std::filesystem::path>& directory) : marker(directory) {}

  Written write() {
    Written answer = std::unexpected(WriteError{"no answer"});
    marker.write(*this, [&](const Written& written) { answer = written; });
    return answer;
  }
  void remove() { marker.remove(*this); }
  [[nodiscard]] bool exists() const { return marker.exists(); }

  HandoverMarker marker;
};

}  // namespace

TEST_CASE("handover marker: there once it is written, gone once it is removed; each also twice") {
  TemporaryDirectory directory;
  const std::filesystem::path state_dir = directory.path() / "new";
  Marker marker(state_dir);
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
  const auto written = Marker(file).write();
  REQUIRE_FALSE(written);
  CHECK(written.error().text == "write " + file.native() + "/handover.new: Not a directory");
}

TEST_CASE("handover marker: what root makes in another user's directory is that user's") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), 4711, 4712) == 0);
  REQUIRE(Marker(directory.path()).write());
  struct stat made{};
  REQUIRE(::lstat((directory.path() / "handover").c_str(), &made) == 0);
  CHECK(made.st_uid == 4711);
  CHECK(made.st_gid == 4712);
}

TEST_CASE("handover marker: without a directory nothing is written, which is no error") {
  Marker marker(std::nullopt);
  CHECK(marker.write());
  CHECK_FALSE(marker.exists());
  marker.remove();
}

TEST_CASE("handover marker: one that comes too late is removed again") {
  TemporaryDirectory directory;
  Marker marker(directory.path());
  marker.is_held = true;
  std::string refused;
  marker.marker.write(marker, [&](const Written& written) { refused = written.error().text; });
  marker.time_out();
  CHECK_FALSE(refused.empty());
  CHECK(marker.exists());
  marker.release();
  CHECK_FALSE(marker.exists());
}

}  // namespace handover_marker_test
